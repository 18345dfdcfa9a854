//! The small static program the test bed puts where Rust code must run on its own: first process of
//! a cluster's namespaces and of a Pod's sandbox, a member of a cluster's control groups, and the
//! loop that gives LoadBalancer Services an address. It shares no code with the library, so that it
//! need not be built again whenever that changes.

mod balance;
mod hold;
mod join;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["hold"] => hold::hold(),
        ["join", group, program, arguments @ ..] => join::join(group, program, arguments),
        ["balance", kubectl, kubeconfig, address] => balance::balance(kubectl, kubeconfig, address),
        _ => Err("usage: testbed-agent hold | join GROUP PROGRAM ARG… | balance KUBECTL KUBECONFIG ADDRESS"
            .to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("testbed-agent: {message}");
            ExitCode::from(2)
        }
    }
}
