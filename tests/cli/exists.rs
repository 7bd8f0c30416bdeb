use super::home::Home;

#[test]
fn answers_with_the_exit_code_alone() {
    let home = Home::with_vault();
    home.put("a", "x");
    let yes = home.run(["exists", "a"]).ok();
    assert!(yes.text().is_empty() && yes.stderr.is_empty());
    let no = home.run(["exists", "b"]).fails(3, "");
    assert!(no.stderr.is_empty());
    home.run(["exists", "a/"]).fails(2, "end with");
    home.run(["rm", "a"]).ok();
    home.run(["exists", "a"]).fails(3, "");
}
