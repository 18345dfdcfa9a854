//! What reaches apps from outside on a real cluster: their hosts, what others see, and the outage of a redeploy.

mod bed;

use bed::{App, WEB, bed};
use kompox_testbed::https;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The root folder of its container over HTTP.
const SERVED: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /]
    ports: ['80:8080']
    stop_grace_period: 1s
";

#[test]
fn the_default_host_answers_over_https_and_goes_with_the_app() {
    let app = App::new("host", WEB);
    app.deploy();
    app.exec("web", &["sh", "-c", "echo hello from $HOSTNAME > /www/index.html"]);
    let host = format!("{}.local.kompox.test", app.name);
    let cluster = &bed().cluster;
    let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
    let patience = Duration::from_secs(30);
    let answer = https::get_until(address, &host, "/", &authority, 200, patience).unwrap();
    assert_eq!(answer.body, format!("hello from {}\n", app.name));
    app.ok(&["--yes", "app", "destroy"]);
    https::get_until(address, &host, "/", &authority, 404, patience).unwrap();
}

/// Two apps behind one address; over plain HTTP neither is there.
#[test]
fn each_host_leads_to_its_own_app_and_plain_http_to_none() {
    let apps = [App::new("one", SERVED), App::new("two", SERVED)];
    let cluster = &bed().cluster;
    let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
    let host = |app: &App| format!("{}.local.kompox.test", app.name);
    for app in &apps {
        app.deploy();
    }
    for app in &apps {
        let answer =
            https::get_until(address, &host(app), "/etc/hostname", &authority, 200, Duration::from_secs(30));
        assert_eq!(answer.unwrap().body, format!("{}\n", app.name));
    }
    let unknown = https::get(address, "nobody.local.kompox.test", "/etc/hostname", &authority).unwrap();
    assert_eq!(unknown.status, 404, "{unknown:?}");
    let mut plain = TcpStream::connect((address, 80)).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request =
        format!("GET /etc/hostname HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host(&apps[0]));
    plain.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

/// The longest outage of a redeploy that counts as short: for a container that starts at once it is some seconds.
const SHORT: Duration = Duration::from_secs(60);

/// The address of a Pod that has just ended swallows what is sent to it; the ingress controller must not wait for long.
#[test]
fn a_redeploy_is_a_short_outage_and_answers_every_request_soon() {
    let app = App::new("soon", SERVED);
    app.deploy();
    let host = format!("{}.local.kompox.test", app.name);
    let cluster = &bed().cluster;
    let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
    https::get_until(address, &host, "/etc/hostname", &authority, 200, Duration::from_secs(30)).unwrap();
    app.write("compose.yml", &format!("{SERVED}    environment: {{CHANGED: 'yes'}}\n"));
    let mut answers = std::thread::scope(|scope| {
        let redeploy = scope.spawn(|| app.deploy());
        let ask = || {
            let begun = Instant::now();
            let answer =
                https::get_within(address, &host, "/etc/hostname", &authority, Duration::from_secs(15));
            (begun, answer.map(|answer| answer.status))
        };
        let mut asked = Vec::new();
        while !redeploy.is_finished() {
            asked.push(scope.spawn(ask));
            // The rhythm of the requests, not a wait.
            std::thread::sleep(Duration::from_millis(100));
        }
        redeploy.join().unwrap();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
    answers.sort_by_key(|(begun, _)| *begun);
    let missed = |(_, answer): &&(Instant, kompox_testbed::Result<u16>)| !matches!(answer, Ok(200));
    let first = answers.iter().find(missed).expect("the former Pod's end was met").0;
    https::get_until(address, &host, "/etc/hostname", &authority, 200, SHORT).unwrap();
    let outage = first.elapsed();
    println!("outage of a redeploy: at most {:.1} s", outage.as_secs_f64());
    assert!(outage < SHORT, "{outage:?}");
}
