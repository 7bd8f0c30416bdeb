use super::home::Home;

/// What the UI does is tested in `tests/tui/`; here is what the command line says.
#[test]
fn it_needs_a_terminal_and_right_settings() {
    let home = Home::with_vault();
    home.run(["tui"]).fails(2, "needs a terminal");
    let config = home.path().join(".config/vault/config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    for (settings, says) in [("theme = \"pink\"", "theme"), ("colour = 1", "unknown key")] {
        std::fs::write(&config, format!("{good}\n[tui]\n{settings}\n")).unwrap();
        home.run(["tui"]).fails(2, says);
        // The commands do not read them.
        home.run(["ls"]).ok();
    }
}
