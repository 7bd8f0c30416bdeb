use super::home::Home;

#[test]
fn every_command_has_examples_and_a_page() {
    let home = Home::new();
    for command in vault::cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = command.get_name();
        let page = home.run(["help", name]).ok().text();
        assert!(page.contains("Examples:\n  vault"), "{name}");
        assert!(page.contains("Usage:"), "{name}");
    }
    home.run(["help", "putt"]).fails(2, "vault help put");
    home.run(["help", "nothing-like-it"]).fails(2, "vault help");
}

#[test]
fn exit_codes_are_listed() {
    let lines = Home::new().run(["help", "exit-codes"]).ok().lines();
    let codes: Vec<&str> = lines.iter().map(|l| l.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "126", "127", "129", "130", "131",
            "143"
        ]
    );
}

/// Every reference in the text is one.
#[test]
fn references_are_explained() {
    let text = Home::new().run(["help", "references"]).ok().text();
    let examples = text.lines().filter_map(|line| line.strip_prefix("  vault://"));
    let examples: Vec<&str> = examples.filter_map(|rest| rest.split(' ').next()).collect();
    assert_eq!(examples.len(), 7);
    for example in &examples[1..] {
        vault::vault::Reference::parse(&format!("vault://{example}")).unwrap();
    }
}

#[test]
fn alone_it_prints_the_overview() {
    let home = Home::new();
    let text = home.run([] as [&str; 0]).ok().text();
    assert!(text.contains("Usage: vault") && text.contains("put"), "{text}");
    assert!(home.run(["--help"]).ok().text().contains("Usage"));
    assert!(home.run(["--version"]).ok().text().starts_with("vault "));
}
