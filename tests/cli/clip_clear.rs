use super::home::Home;

/// Nobody but the UI and `copy` starts it: other input is refused, and it is in no list of commands.
#[test]
fn only_the_program_itself_starts_it() {
    let home = Home::new();
    for input in [&b""[..], b"short", &u64::MAX.to_le_bytes(), b"\x09\0\0\0\0\0\0\0short"] {
        home.run_with(["clip-clear"], input)
            .fails(2, "only the terminal UI and `vault copy` start this");
    }
    assert!(!home.run(["--help"]).ok().text().contains("clip-clear"));
}

/// Without a desktop it says so on its standard output, which the UI reads.
#[test]
fn without_a_clipboard_it_says_why() {
    let home = Home::new();
    let mut input = 5u64.to_le_bytes().to_vec();
    input.extend(b"value");
    let ran = home.run_with(["clip-clear"], &input).ok();
    assert!(!ran.text().starts_with("held") && !ran.text().contains("value"), "{}", ran.text());
}
