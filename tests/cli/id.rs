mod plugin;
mod ssh;

use std::process::Command;

use super::home::{Home, Ran, finish};

/// Stock age.
fn age(home: &Home, args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = Command::new("age");
    command.args(args).current_dir(home.path());
    finish(command, stdin)
}

/// The age files that lie in the vault.
fn age_files(home: &Home) -> Vec<Vec<u8>> {
    let pinned = home.vault_dir().join(".vault.d/obj.d");
    let files =
        std::fs::read_dir(pinned).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap());
    let begin = b"age-encryption.org/v1\n";
    let body = |file: Vec<u8>| {
        let at = file.windows(begin.len()).position(|w| w == begin)?;
        Some(file[at..].to_vec())
    };
    files.filter_map(body).collect()
}

#[test]
fn new_and_show_print_the_same_public_string() {
    let home = Home::new();
    home.run(["id", "show"]).fails(4, "there is no identity");
    home.run(["id", "new"]).fails(2, "--no-passphrase");
    let new = home.run(["id", "new", "--no-passphrase"]).ok();
    assert!(new.text().starts_with("vault-id1"));
    assert!(new.stderr.contains("no passphrase") && new.stderr.contains("Words to compare"));
    assert_eq!(home.run(["id", "show"]).ok().text(), new.text());
    home.run(["id", "new", "--no-passphrase"]).fails(6, "already");
    let json = home.run(["id", "show", "--json"]).ok().json();
    assert_eq!(json["words"].as_str().unwrap().split(' ').count(), 8);
}

#[test]
fn the_exported_key_opens_what_stock_age_encrypts() {
    let home = Home::new();
    home.run(["id", "new", "--no-passphrase"]).ok();
    home.run(["id", "export", "--age", "-o", "key"]).ok();
    let recipient =
        home.run(["id", "show", "--json"]).ok().json()["recipient"].as_str().unwrap().to_owned();
    let sealed = age(&home, &["-r", &recipient], b"text").ok();
    assert_eq!(age(&home, &["-d", "-i", "key"], &sealed.stdout).ok().text(), "text");
    home.run(["id", "export"]).fails(2, "--age");
}

#[test]
fn a_damaged_file_is_not_explained() {
    let home = Home::with_vault();
    let good = std::fs::read(home.identity()).unwrap();
    for bad in
        [&good[..good.len() - 1], &good[..10], b"", b"junk", &[good.as_slice(), &good].concat()]
    {
        std::fs::write(home.identity(), bad).unwrap();
        home.run(["ls"]).fails(4, "cannot open the identity");
    }
    std::fs::write(home.identity(), vec![b'x'; 1_000_000]).unwrap();
    home.run(["ls"]).fails(4, "cannot open the identity");
}

#[test]
fn the_recovery_words_become_an_age_key_without_a_vault() {
    let home = Home::with_vault();
    let words = std::fs::read_to_string(home.path().join("recovery.txt")).unwrap();
    let secret = vault::core::secret::Secret::copy_of(words.trim().as_bytes());
    let recovery = vault::vault::DeviceIdentity::from_words(&secret).unwrap();
    let drill = Home::new();
    let numbered = |(i, word): (usize, &str)| format!("{:2}. {word}\n", i + 1);
    let numbered: String = words.split_whitespace().enumerate().map(numbered).collect();
    let export = ["id", "export", "--age", "--words-file"];
    let mut keys = Vec::new();
    for (name, text) in [("one-line", words), ("numbered", numbered.clone())] {
        std::fs::write(drill.path().join(name), text).unwrap();
        keys.push(drill.run(export.iter().chain(&[name])).ok().text());
    }
    let piped = drill.run_with(export.iter().chain(&["/dev/stdin"]), numbered.as_bytes()).ok();
    assert!(keys.iter().all(|key| *key == piped.text()), "{}", piped.stderr);
    assert!(keys[0].starts_with("AGE-SECRET-KEY-1") && keys[0].ends_with('\n'));
    drill.run(export.iter().chain(&["numbered", "-o", "key"])).ok();
    let sealed = age(&drill, &["-r", &recovery.public().recipient], b"text").ok();
    assert_eq!(age(&drill, &["-d", "-i", "key"], &sealed.stdout).ok().text(), "text");
    let json = drill.run(export.iter().chain(&["numbered", "--json"])).ok().json();
    assert_eq!(json["age"], keys[0].trim());

    std::fs::write(drill.path().join("wrong"), numbered.replacen("2.", "zoo", 1)).unwrap();
    drill.run(export.iter().chain(&["wrong"])).fails(2, "not 24 recovery words");
    drill.run(export.iter().chain(&["none"])).fails(2, "there is no file none");
    drill.run(["id", "export", "--words-file", "numbered"]).fails(2, "--age");
    drill.run(["id", "export", "--age"]).fails(4, "there is no identity");
    assert!(!drill.identity().exists());
}
