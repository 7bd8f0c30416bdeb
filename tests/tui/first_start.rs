//! The first start on a real terminal, in a bucket of a real server.

use super::pty::{Session, command_in};
use crate::cli::home::Home;
use crate::support::servers;

/// Region, endpoint and KMS key are typed; what was typed is what the configuration keeps, and
/// what `vault init` would have kept.
#[test]
fn in_a_bucket_with_kms() {
    let server = servers::ministack();
    servers::make_bucket(server, "first-start");
    let key = servers::make_key(server);
    let home = Home::new();
    let mut command = command_in(&home);
    command.env("AWS_ENDPOINT_URL_KMS", server.endpoint());
    command.env("AWS_ACCESS_KEY_ID", &server.access_key);
    command.env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
    let mut session = Session::sized(command, (24, 80));
    session.shows("step 1 of 4");
    session.type_keys(&format!("s3://first-start/{}\r\x15ann\r", std::process::id()));
    session.shows("step 2 of 5");
    // A key that does not exist is noticed here, not after words were written down.
    session.type_keys(&format!("us-east-1\r{}\ralias/none\r", server.endpoint()));
    session.shows("error:");
    session.type_keys(&format!("\x15{key}\r"));
    session.shows("step 3 of 5");
    session.type_keys("some pass words\rsome pass words\r");
    session.shows("24. ");
    let words = words(&session.terminal().screen().contents());
    session.type_keys("\r");
    session.shows("step 5 of 5");
    let screen = session.terminal().screen().contents();
    let asked = screen
        .split("word ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    for n in asked {
        session.type_keys(&format!("{}\r", words[n - 1]));
    }
    session.shows("No secrets yet");
    session.type_keys("aweb\rvalue\r");
    session.shows("web: version 1.");
    session.shows(&format!("key       kms us-east-1 {}", &key.rsplit('/').next().unwrap()[..8]));
    session.type_keys("\x03");
    assert_eq!(session.ends(), 0);
    let file = std::fs::read_to_string(home.path().join(".config/vault/config.toml")).unwrap();
    assert!(file.contains("region = \"us-east-1\"") && file.contains(&server.endpoint()), "{file}");
}

/// The recovery words by their numbers.
fn words(screen: &str) -> Vec<String> {
    let parts: Vec<&str> = screen.split_whitespace().collect();
    let word = |n: usize| {
        let at = parts.iter().position(|part| *part == format!("{n}.")).expect("a number");
        parts[at + 1].to_owned()
    };
    (1..=24).map(word).collect()
}
