//! age plugins, which are looked for on the PATH: every test here runs once more in a process
//! with another PATH.

use std::process::Command;

use vault::core::error::{Error, Kind, Result};
use vault::core::secret::Secret;
use vault::keys::identity::{Identity, Keeper, LockedIdentity, with_plugin};
use vault::keys::keyring::Keyring;

use super::kinds::{Answers, TAG_PQ};
use crate::support::plugins::{Plugins, identity, identity_file, recipient};

const NAMES: [&str; 8] = ["vtest", "vpq", "vask", "vpublic", "vnosy", "vfail", "vdie", "vmute"];
const MARK: &str = "VAULT_TEST_PLUGINS";

/// Runs `test` in a process of its own, with all plugins on the PATH.
fn with_plugins(name: &str, test: fn()) {
    if std::env::var_os(MARK).is_some() {
        return test();
    }
    let plugins = Plugins::new(&NAMES);
    let mut run = Command::new(std::env::current_exe().unwrap());
    run.args(["--exact", &format!("keys::plugins::{name}"), "--nocapture"]);
    let output = run.env(MARK, "1").env("PATH", plugins.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn new(name: &str, answers: &[&'static str]) -> Result<(Identity, Secret)> {
    // The plugins are one program: another key, so that one cannot open what is the other's.
    let key = if name == "vpq" { 4 } else { 1 };
    let file = Secret::new(identity_file(name, key).into_bytes());
    with_plugin(&file, None, Answers::new(answers))
}

fn error<T>(result: Result<T>) -> Error {
    result.map(drop).unwrap_err()
}

fn seal(to: &[&str]) -> Result<Vec<Vec<u8>>> {
    Keyring::first("main").seal(to)
}

fn opens(file: &[u8], who: &Identity) -> Result<bool> {
    Keyring::open(file, "main", 1, who.age()).map(|keyring| keyring.is_some())
}

#[test]
fn plugins_open_what_is_sealed_to_all_kinds() {
    with_plugins("plugins_open_what_is_sealed_to_all_kinds", || {
        let (own, (one, _), (pq, _)) =
            (Identity::random(), new("vtest", &[]).unwrap(), new("vpq", &[]).unwrap());
        let other = recipient("vtest", 2);
        let to = [&pq.public().recipient, TAG_PQ.trim(), &one.public().recipient, &other];
        let files = seal(&[&to[..], &[&own.public().recipient]].concat()).unwrap();
        assert_eq!(files.len(), 2, "the two of post-quantum keys share one");
        let all = |who| files.iter().map(|file| opens(file, who).unwrap()).collect::<Vec<_>>();
        assert_eq!(all(&own), [true, false]);
        assert_eq!(all(&one), [true, false]);
        assert_eq!(all(&pq), [false, true]);
        let wrong = Secret::new(identity_file("vtest", 3).into_bytes());
        let (wrong, _) = with_plugin(&wrong, None, Answers::new(&[])).unwrap();
        assert_eq!(all(&wrong), [false, false]);
    });
}

#[test]
fn an_identity_with_a_plugin_comes_back_from_its_file() {
    with_plugins("an_identity_with_a_plugin_comes_back_from_its_file", || {
        let (made, file) = new("vtest", &[]).unwrap();
        assert_eq!(made.public().recipient, recipient("vtest", 1));
        let locked = LockedIdentity::parse(&file).unwrap();
        assert!(!locked.needs_passphrase() && locked.ssh_key_path().is_none());
        let back = locked.open(Answers::new(&[])).unwrap();
        assert_eq!(back.public(), made.public());
        assert_eq!(back.keeper(), &Keeper::Plugin("vtest".into()));
        assert_eq!(error(back.age_secret_key()).kind, Kind::Usage);
        // The same seed in a file that names another key of the plugin, or another plugin.
        for other in [identity("vtest", 2), identity("vmute", 1), identity("vpq", 2)] {
            let text = file.text().unwrap().replace(&identity("vtest", 1), &other);
            let edited = LockedIdentity::parse(&Secret::new(text.into_bytes())).unwrap();
            let refused = error(edited.open(Answers::new(&[])));
            assert!(refused.message.starts_with("the identity was not made with the age plugin"));
        }
    });
}

#[test]
fn questions_reach_the_caller_and_no_answer_is_an_error() {
    with_plugins("questions_reach_the_caller_and_no_answer_is_an_error", || {
        let file = Secret::new(identity_file("vask", 1).into_bytes());
        let ask = Answers::new(&["1234", "go on", "1234", "go on"]);
        let (made, locked) = with_plugin(&file, None, ask.clone()).unwrap();
        let files = seal(&[&made.public().recipient]).unwrap();
        assert!(opens(&files[0], &made).unwrap());
        let asked =
            ["told: touch \\u{1b}[31mthe token", "PIN of the token?", "Really? go on/leave"];
        assert_eq!(ask.asked(), [asked, asked].concat());
        let unlock = |answers: &[&'static str]| {
            error(LockedIdentity::parse(&locked).unwrap().open(Answers::new(answers)))
        };
        for answers in [&[][..], &["1234"]] {
            let refused = unlock(answers);
            assert_eq!((refused.kind, refused.message.as_str()), (Kind::Usage, "nobody is there"));
        }
        for answers in [["4321", "go on"], ["1234", "leave"]] {
            let refused = unlock(&answers);
            assert_eq!(refused.kind, Kind::Credentials);
            assert!(refused.message.contains("no entry"), "{}", refused.message);
        }
        assert!(new("vpublic", &["7"]).is_ok());
        assert!(error(new("vpublic", &["8"])).message.contains("an empty slot"));
        assert_eq!(error(new("vpublic", &[])).kind, Kind::Usage);
        // Nobody is asked while something is sealed.
        let sealing = error(seal(&[&recipient("vnosy", 1)]));
        assert_eq!(sealing.kind, Kind::Usage);
        assert!(sealing.message.contains("asks `Who is it for?`, and nobody is asked here"));
    });
}

#[test]
fn a_plugin_that_fails_is_named_and_is_no_fault_of_the_vault() {
    with_plugins("a_plugin_that_fails_is_named_and_is_no_fault_of_the_vault", || {
        let own = Identity::random();
        for (name, says) in [
            ("vfail", "'age-plugin-vfail' couldn't use recipient age1vfail1"),
            ("vfail", ": the token has \\u{1b}[31mno ink"),
            ("vdie", "'age-plugin-vdie' unexpectedly died."),
            ("vnone", "the program age-plugin-vnone is not on the PATH"),
        ] {
            let sealing = error(seal(&[&own.public().recipient, &recipient(name, 1)]));
            let making = error(new(name, &[]));
            for error in [sealing, making] {
                assert_eq!(error.kind, Kind::Credentials, "{}", error.message);
                assert!(error.message.contains(says), "{}", error.message);
                let odd = |c: char| c.is_control() || c == '\u{2068}';
                assert!(!error.message.contains(odd) && !error.message.contains("AGEDEBUG"));
                assert!(error.hint.is_some());
            }
        }
        let mute = error(new("vmute", &[]));
        assert!(mute.message.starts_with("the identity was not made with the age plugin vmute"));
        // It fails only when a keyring is opened.
        let (made, _) = new("vtest", &[]).unwrap();
        let file = seal(&[&made.public().recipient]).unwrap().remove(0);
        let text = identity_file("vtest", 1).replace(&identity("vtest", 1), &identity("vfail", 1));
        let failing = vault::keys::plugin::PluginIdentity::new(
            text.lines().last().unwrap(),
            Answers::new(&[]),
        );
        let failing = failing.unwrap();
        let error = error(Keyring::open(&file, "main", 1, &failing));
        assert_eq!(error.kind, Kind::Credentials, "not the keyring's: {}", error.message);
    });
}

#[test]
fn the_file_of_a_plugin_names_one_key_and_one_recipient() {
    with_plugins("the_file_of_a_plugin_names_one_key_and_one_recipient", || {
        let (key, to) = (identity("vtest", 1), recipient("vtest", 1));
        let other = recipient("vtest", 2);
        let made = |text: &str, given: Option<&str>| {
            let file = Secret::copy_of(text.as_bytes());
            with_plugin(&file, given, Answers::new(&[]))
                .map(|(who, _)| who.public().recipient.clone())
        };
        for text in [
            format!("# public key: {to}\r\n\r\n{key}\r\n"),
            format!("#{to}\n# Recipient: {to}\n  {key}"),
        ] {
            assert_eq!(made(&text, None).unwrap(), to);
        }
        assert_eq!(made(&key, Some(&format!(" {to}\n"))).unwrap(), to);
        let both = format!("# {to}\n# {other}\n{key}\n");
        assert_eq!(made(&both, Some(&to)).unwrap(), to);
        for (text, given, says) in [
            (key.clone(), None, "no comment in the file tells the recipient"),
            (both, None, "no comment in the file tells the recipient"),
            (format!("# {to}\n"), None, "exactly one identity"),
            (format!("# {to}\n{key}\n{}\n", identity("vtest", 2)), None, "exactly one identity"),
            (format!("# {to}\nAGE-SECRET-KEY-1QQQ\n"), None, "no identity of an age plugin"),
            (format!("# {to}\n{}\n", &key[..key.len() - 1]), None, "not the identity of an age"),
            (key.clone(), Some("age1xyz"), "not a recipient"),
            (key.clone(), Some(&*other), "was not made with the age plugin vtest"),
        ] {
            let error = error(made(&text, given));
            assert!(error.message.contains(says), "{says}: {}", error.message);
        }
    });
}
