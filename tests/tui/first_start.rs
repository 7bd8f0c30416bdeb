//! The first start: step by step, and on a real terminal in a bucket of a real server.

use std::time::Duration;

use vault::tui::keys::Context;
use vault::tui::message::{Founded, Identity, Message, Now};
use vault::tui::model::Screen;
use vault::vault::{Error, Secret};

use super::keys::state;
use super::pty::{Session, command_in};
use super::ui::{UNIX, Ui, id_of, words as said};
use crate::cli::home::Home;
use crate::support::{identity, servers};

const SIZE: (u16, u16) = (80, 24);

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

/// A bucket has a step of its own, and a directory has nothing of it.
#[tokio::test]
async fn a_bucket_is_asked_how_it_is_reached() {
    let mut ui = state(Context::Setup, SIZE).await;
    assert!(ui.screen().contains("step 1 of 4"));
    ui.text("s3://acme/prod").key("enter enter");
    assert!(ui.effects.is_empty() && ui.screen().contains("step 2 of 5"), "{}", ui.screen());
    assert!(ui.screen().contains("KMS key     (empty: a key of the team)"));
    ui.text(" eu-west-1 ").key("enter").text("http://127.0.0.1:9").key("enter").text("alias/prod");
    ui.key("enter");
    let asked = "check \"s3://acme/prod\" for mira eu-west-1 http://127.0.0.1:9 alias/prod";
    assert_eq!(said(&ui.effects), asked);
    // What is wrong is said where it can be changed.
    let id = id_of(&ui.effects[0]);
    let error = Error::usage("the bucket is in eu-north-1")
        .hint("give --region eu-north-1, or set region = \"eu-north-1\" for the vault");
    ui.send(Message::Vacant(id, Err(error)));
    assert!(
        ui.screen().contains("step 2 of 5") && ui.screen().contains("hint: give eu-north-1 as")
    );
    ui.key("down").text("x");
    assert!(!ui.screen().contains("error:"));
    // All of it may stay empty.
    ui.key("ctrl-u up ctrl-u up ctrl-u down enter");
    assert_eq!(said(&ui.effects), "check \"s3://acme/prod\" for mira");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Vacant(id, Ok(Identity::Plain)));
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Words(id, Box::new(identity(7))));
    assert!(ui.screen().contains("step 3 of 4"), "{}", ui.screen());
    ui.key("esc").text("eu-west-1").key("esc");
    assert!(ui.screen().contains("step 1 of"));
    // Another place after all: what was typed for the bucket does not follow.
    ui.key("ctrl-u").text("/srv/v").key("enter enter");
    assert_eq!(said(&ui.effects), "check \"/srv/v\" for mira");
}

/// At the recovery words, and the first of the two that are asked for.
async fn at_the_words() -> (Ui, String) {
    let mut ui = state(Context::Setup, SIZE).await;
    ui.key("enter enter");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Vacant(id, Ok(Identity::Plain)));
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Words(id, Box::new(identity(7))));
    let Screen::Setup(setup) = &ui.model.screen else { panic!() };
    let n = setup.asked()[0];
    let words = identity(7).to_words();
    let word = words.text().unwrap().split(' ').nth(n - 1).unwrap().to_owned();
    assert!(ui.screen().contains(&word));
    (ui, word)
}

#[tokio::test]
async fn recovery_words_are_hidden_when_nobody_looks() {
    let (mut ui, word) = at_the_words().await;
    assert!(ui.model.awaits_time());
    ui.after(119_000);
    assert!(ui.screen().contains(&word), "somebody is writing");
    ui.after(1_000);
    assert!(!ui.screen().contains(&word) && !ui.model.awaits_time());
    // The key that shows them does nothing else.
    ui.key("enter");
    assert!(ui.screen().contains(&word) && ui.screen().contains("step 2 of 3"));
    ui.send(Message::Focus(false));
    assert!(!ui.screen().contains(&word));
    ui.send(Message::Focus(true)).send(Message::Paste(Secret::copy_of(b"x")));
    assert!(!ui.screen().contains(&word), "only a key");
    ui.key("x enter").text(&word);
    assert!(ui.screen().contains(&word), "typed");
    ui.send(Message::Focus(false));
    assert!(!ui.screen().contains(&word), "typed words, too");
    ui.send(Message::Paste(Secret::copy_of(b"more"))).text("x");
    assert!(ui.screen().contains(&format!("{word} ")), "they are as they were");
    ui.key("ctrl-z");
    assert!(!ui.screen().contains(&word), "the shell");
    let (mut ui, word) = at_the_words().await;
    let running = ui.model.now.running + Duration::from_secs(1);
    ui.send(Message::Tick(Now { running, unix: UNIX + 7_200 }));
    assert!(!ui.screen().contains(&word), "the computer slept");
}

#[tokio::test]
async fn the_first_start_ends_in_an_open_vault() {
    let mut ui = state(Context::Setup, SIZE).await;
    ui.key("enter enter");
    assert_eq!(said(&ui.effects), "check \"\" for mira");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Vacant(id, Err(Error::conflict("there is a vault already"))));
    assert!(ui.screen().contains("there is a vault already"));
    ui.key("enter");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Vacant(id, Ok(Identity::Missing)));
    ui.text("one").key("enter").text("two").key("enter");
    assert!(ui.effects.is_empty() && ui.screen().contains("the two differ"));
    ui.key("ctrl-u").text("one").key("tab ctrl-u").text("one").key("enter");
    assert_eq!(said(&ui.effects), "make words");
    let id = id_of(&ui.effects[0]);
    ui.send(Message::Words(id, Box::new(identity(7))));
    let words = identity(7).to_words();
    let words: Vec<_> = words.text().unwrap().split(' ').collect();
    for word in &words {
        assert!(ui.screen().contains(word), "{word}");
    }
    ui.key("enter");
    let Screen::Setup(setup) = &ui.model.screen else { panic!() };
    let asked = setup.asked();
    let wrong = |n: usize| format!("error: word {n} is another one");
    ui.text("wrong").key("enter");
    assert!(ui.effects.is_empty() && ui.screen().contains(&wrong(asked[0])), "at once");
    ui.key("ctrl-u");
    assert!(!ui.screen().contains("error:"), "it is being changed");
    ui.text(words[asked[0] - 1]).key("enter").text("wrong").key("enter");
    assert!(ui.effects.is_empty() && ui.screen().contains(&wrong(asked[1])));
    // Whoever jumps over the first one is led back to it.
    ui.key("ctrl-u").text(words[asked[1] - 1]).key("up ctrl-u down enter");
    assert!(ui.effects.is_empty() && ui.screen().contains(&wrong(asked[0])));
    ui.key("down");
    ui.key("up").text(words[asked[0] - 1]).key("enter enter");
    assert_eq!(said(&ui.effects), "found \"\"");
    let id = id_of(&ui.effects[0]);
    let founded = Founded { name: "main".into(), location: "/home/mira/vaults/main".into() };
    ui.send(Message::Founded(id, Ok(founded)));
    assert_eq!(said(&ui.effects), "unlock main with a passphrase");
}
