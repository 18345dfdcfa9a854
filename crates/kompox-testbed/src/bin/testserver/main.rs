//! A small HTTP server that misbehaves on demand, for tests of how apps start, run and stop. Each
//! option is also an environment variable: `--exit-code 3` is `TESTSERVER_EXIT_CODE=3`.
//!
//! `testserver get URL` fetches once and ends with 0 for an answer below 400, for health checks in
//! images without a shell. `testserver reach PLACE…` says which places can be reached.

mod faults;
mod fetch;
mod journal;
mod options;
mod reach;
mod request;
mod routes;

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use options::Options;
use routes::Server;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [command, url] if command == "get" => get(url),
        [command, places @ ..] if command == "reach" => reach::reach(places).map(|text| print!("{text}")),
        [help] if help == "--help" => {
            print!("{}", options::HELP);
            Ok(())
        }
        _ => Options::parse(&arguments, |name| std::env::var(name).ok()).and_then(serve),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("testserver: {message}");
            ExitCode::from(2)
        }
    }
}

fn get(url: &str) -> Result<(), String> {
    let answer = fetch::get(url)?;
    print!("{}", answer.body);
    if answer.status < 400 { Ok(()) } else { Err(format!("{url} answered {}", answer.status)) }
}

fn serve(options: Options) -> Result<(), String> {
    let started = Instant::now();
    journal::append(&options, "started")?;
    faults::on_signals(&options)?;
    if let Some(url) = &options.need {
        get(url)?;
    }
    let _ballast = faults::fill_memory(options.fill_memory);
    faults::exit_later(&options)?;
    std::thread::sleep(options.listen_late);
    let listener = TcpListener::bind(("0.0.0.0", options.port))
        .map_err(|error| format!("cannot listen on port {}: {error}", options.port))?;
    println!("{} listens on port {}", options.name, options.port);
    let server = Arc::new(Server { options, started });
    for connection in listener.incoming() {
        let server = Arc::clone(&server);
        match connection {
            Ok(connection) => drop(std::thread::spawn(move || answer(&connection, &server))),
            Err(error) => eprintln!("testserver: a connection failed: {error}"),
        }
    }
    Ok(())
}

/// One request per connection.
fn answer(connection: &TcpStream, server: &Server) {
    let answer = match request::read(&mut BufReader::new(connection)) {
        Ok(Some(request)) => server.answer(&request),
        Ok(None) => return,
        Err(message) => routes::Answer::text(400, message),
    };
    // The client may be gone; that is its own affair.
    answer.write(connection).ok();
}
