//! What stays connected with an app on a real cluster: followed logs, terminals, shells and tunnels.

mod bed;

use bed::{App, text};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long something that comes by itself may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Running(Child);

impl Running {
    /// Interrupts it as Ctrl-C does and returns its exit code.
    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
        self.0.wait().expect("an end").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a command; its lines come through the channel.
fn lines(command: &mut Command) -> (Running, Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("its output");
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (Running(child), receiver)
}

/// All lines up to the one that is waited for.
fn until(lines: &Receiver<String>, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|line| line != last) {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => seen.push(line),
            Err(error) => panic!("`{last}` does not come: {error}\n{seen:?}"),
        }
    }
    seen
}

#[test]
fn a_followed_log_goes_on_with_the_next_pod_and_misses_no_line() {
    let compose = |version: &str| {
        format!(
            "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'i=0; while :; do i=$$((i+1)); echo {version} $$i; usleep 100000; done']
    stop_grace_period: 1s
"
        )
    };
    let app = App::new("follow", &compose("one"));
    app.deploy();
    let (mut logs, seen) = lines(app.command(&["app", "logs", "--follow", "web"]).stderr(Stdio::null()));
    let mut all = until(&seen, "one 20");
    app.write("compose.yml", &compose("two"));
    app.deploy();
    all.extend(until(&seen, "two 20"));
    assert_eq!(logs.interrupt(), Some(130));
    for version in ["one", "two"] {
        let of: Vec<&String> = all.iter().filter(|line| line.starts_with(version)).collect();
        let expected: Vec<String> = (1..=of.len()).map(|number| format!("{version} {number}")).collect();
        assert_eq!(of, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_terminal_has_its_size_and_is_given_back() {
    let app = App::new(
        "terminal",
        "services: {web: {image: 'localhost/busybox:1', command: [sleep, infinity], stop_grace_period: 1s}}\n",
    );
    app.deploy();
    // The remote side waits for one size, says so, and ends with a code of its own when it has the other.
    app.write(
        "remote.sh",
        "size() { i=0; until test \"$(stty size)\" = \"$1\"; do i=$((i+1)); test $i -lt 400 || exit 9; \
         usleep 50000; done; }\nsize '22 77'; echo first size; size '31 101'; exit 5\n",
    );
    app.write(
        "local.sh",
        "stty cols 77 rows 22; stty -g > before\n(read go < fifo; stty cols 101 rows 31 < /dev/tty) &\n\
         \"$KOMPOXOPS\" app exec -s web -- sh -c \"$(cat remote.sh)\"; echo $? > code; stty -g > after\n",
    );
    let fifo = app.folder().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", "sh local.sh", "/dev/null"]).current_dir(app.folder());
    script.env("KOMPOXOPS", env!("CARGO_BIN_EXE_kompoxops")).stdin(Stdio::piped());
    let (mut script, seen) = lines(&mut script);
    until(&seen, "first size");
    std::fs::write(&fifo, "go\n").expect("a signal to go on");
    assert!(script.0.wait().expect("an end").success());
    let file = |name: &str| std::fs::read_to_string(app.folder().join(name)).expect("a file");
    assert_eq!(file("code"), "5\n");
    assert_eq!(file("before"), file("after"), "the terminal is as it was");
}

#[test]
fn a_shell_is_found_where_there_is_one() {
    let app = App::new(
        "shell",
        "
services:
  web: {image: 'localhost/busybox:1', command: [sleep, infinity], stop_grace_period: 1s}
  bare: {image: 'localhost/testserver:1', stop_grace_period: 1s}
",
    );
    app.deploy();
    let mut command = app.command(&["app", "shell", "web"]);
    let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    shell.stdin.take().expect("its input").write_all(b"echo from $((40 + 2))\nexit 3\n").expect("it reads");
    let output = shell.wait_with_output().expect("an end");
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(3), "from 42\n"));
    let refused = text(&app.run(&["app", "shell", "bare"]).stderr);
    assert!(refused.contains("error[app.shell.none]"), "{refused}");
    let refused = text(&app.run(&["app", "shell"]).stderr);
    assert!(refused.contains("error[app.service.ambiguous]"), "{refused}");
}

/// What a web server at this address answers.
fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /text HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_tunnel_leads_many_connections_to_two_ports_and_to_the_next_pod() {
    let compose = |version: &str| {
        let service = |name: &str, port: u16| {
            format!(
                "  {name}:\n    image: localhost/busybox:1\n    command: [sh, -c, 'mkdir /tmp/{name}; echo {name} \
                 {version} > /tmp/{name}/text; exec httpd -f -p {port} -h /tmp/{name}']\n    expose: ['{port}']\n    \
                 stop_grace_period: 1s\n"
            )
        };
        format!("services:\n{}{}", service("web", 8080), service("back", 9000))
    };
    let app = App::new("tunnel", &compose("one"));
    app.deploy();
    let mut command = app.command(&["--output", "json", "app", "tunnel", "0:web:8080", "0:back:9000"]);
    let mut tunnel = Running(command.stdout(Stdio::piped()).spawn().expect("it starts"));
    let stdout = tunnel.0.stdout.take().expect("its output");
    let told: Value =
        serde_json::Deserializer::from_reader(stdout).into_iter().next().expect("an answer").expect("JSON");
    let address = |at: usize| -> SocketAddr {
        assert_eq!(told[at]["listens"], true, "{told}");
        told[at]["address"].as_str().expect("an address").parse().expect("an address")
    };
    let both = [(address(0), "web"), (address(1), "back")];
    std::thread::scope(|scope| {
        for (address, name) in both.into_iter().cycle().take(40) {
            scope.spawn(move || {
                let answer = get(address).expect("an answer");
                assert!(answer.ends_with(&format!("{name} one\n")), "{answer}");
            });
        }
    });
    let taken = format!("{}:8080", both[0].0.port());
    let refused = text(&app.run(&["app", "tunnel", &taken]).stderr);
    assert!(refused.contains("error[app.tunnel.address]"), "{refused}");
    app.write("compose.yml", &compose("two"));
    app.deploy();
    let deadline = Instant::now() + PATIENCE;
    for (address, name) in both {
        // The first may still meet the Pod that goes.
        while !get(address).is_ok_and(|answer| answer.ends_with(&format!("{name} two\n"))) {
            assert!(Instant::now() < deadline, "{name} is not reached any more");
        }
    }
    assert_eq!(tunnel.interrupt(), Some(130));
}
