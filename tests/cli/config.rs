use super::home::{Home, finish};

#[test]
fn every_setting_tells_its_origin() {
    let home = Home::with_vault();
    let mut command = home.command(["config", "list", "--show-origin", "--vault", "x"]);
    command.env("VAULT_IDENTITY", "/tmp/i");
    let lines = finish(command, b"").ok().lines();
    assert!(lines.contains(&"vault\tx\tflag --vault".to_owned()), "{lines:?}");
    assert!(lines.contains(&"identity\t/tmp/i\tenv VAULT_IDENTITY".to_owned()), "{lines:?}");
    assert!(
        lines.iter().any(|l| l.starts_with("vault.main.location\t") && l.contains("config.toml"))
    );
}

#[test]
fn flag_beats_environment_beats_project_beats_file() {
    let home = Home::with_vault();
    for name in ["p", "e", "f"] {
        home.run(["init", name, "--recovery-out", &format!("r-{name}")]).ok();
    }
    let vault = |home: &Home, env: Option<&str>, flag: Option<&str>| {
        let mut command =
            home.command(["config", "list"].into_iter().chain(flag.map(|_| "--vault")).chain(flag));
        if let Some(env) = env {
            command.env("VAULT_NAME", env);
        }
        let line = finish(command, b"").ok().lines().remove(0);
        line.split_once('\t').unwrap().1.to_owned()
    };
    assert_eq!(vault(&home, None, None), "main");
    std::fs::write(home.path().join(".vault.toml"), "vault = \"p\"\nprefix = \"x\"\n").unwrap();
    assert_eq!(vault(&home, None, None), "p");
    assert_eq!(vault(&home, Some("e"), None), "e");
    assert_eq!(vault(&home, Some("e"), Some("f")), "f");
    // Who says so is told where it was not typed.
    let mut command = home.command(["ls"]);
    command.env("VAULT_NAME", "none");
    finish(command, b"").fails(3, "no vault none in the configuration (env VAULT_NAME)");
    home.run(["ls", "--vault", "none"]).fails(3, "no vault none in the configuration\n");
    home.run_with(["put", "x/1"], b"1").ok();
    home.run_with(["put", "y"], b"1").ok();
    assert_eq!(home.run(["ls"]).ok().lines(), ["x/1"]);
}

#[test]
fn a_project_file_cannot_redirect() {
    let home = Home::with_vault();
    for text in [
        "location = \"/tmp/evil\"\n",
        "[vault.main]\nlocation = \"/tmp/evil\"\n",
        "identity = \"x\"\n",
    ] {
        std::fs::write(home.path().join(".vault.toml"), text).unwrap();
        home.run(["ls"]).fails(2, ".vault.toml");
    }
    std::fs::write(home.path().join(".vault.toml"), "vault = \"unknown\"\n").unwrap();
    home.run(["ls"]).fails(3, "no vault unknown");
}

#[test]
fn a_broken_file_is_named() {
    let home = Home::with_vault();
    let file = home.path().join(".config/vault/config.toml");
    std::fs::write(&file, "default = \n").unwrap();
    home.run(["ls"]).fails(2, "config.toml");
    std::fs::write(&file, "defaultt = \"x\"\n").unwrap();
    home.run(["ls"]).fails(2, "defaultt");
}

#[test]
fn a_setting_of_a_vault_that_nobody_knows_is_no_setting() {
    let home = Home::with_vault();
    let file = home.path().join(".config/vault/config.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}regoin = \"eu-west-1\"\n")).unwrap();
    home.run(["ls"]).fails(2, "unknown key `regoin`");
    std::fs::write(&file, format!("{good}path_style = \"yes\"\n")).unwrap();
    home.run(["ls"]).fails(2, "`path_style` is not true or false");
    std::fs::write(&file, format!("{good}region = \"eu-west-1\"\n")).unwrap();
    let listed = home.run(["config", "list"]).ok().text();
    assert!(listed.contains("vault.main.region") && listed.contains("eu-west-1"), "{listed}");
}
