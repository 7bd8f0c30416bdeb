use std::os::unix::fs::PermissionsExt;

use super::home::Home;

#[test]
fn references_are_replaced_and_nothing_else() {
    let home = Home::with_vault();
    home.put("prod/db", "va\"lue\n{{ vault://prod/x }}");
    home.run_with(["put", "raw", "--raw"], &[0xff]).ok();
    let template =
        b"a: {{ vault://prod/db }}\r\n{{ .Values.a }} {{{{vault://prod/db#value}}}} \xfe";
    let out = home.run_with(["inject"], template).ok().stdout;
    let value = "va\"lue\n{{ vault://prod/x }}";
    let expected = format!("a: {value}\r\n{{{{ .Values.a }}}} {{{{{value}}}}} ");
    assert_eq!(out, [expected.as_bytes(), &[0xfe]].concat());
    assert_eq!(home.run_with(["inject"], b"{{ vault://raw }}").ok().stdout, [0xff]);
    assert!(home.run_with(["inject"], b"").ok().stdout.is_empty());
}

#[test]
fn files_are_written_whole_and_private() {
    let home = Home::with_vault();
    home.put("a", "value");
    let (template, out) = (home.path().join("t"), home.path().join("out"));
    std::fs::write(&template, "[{{ vault://a }}]").unwrap();
    std::fs::write(&out, "before").unwrap();
    assert!(home.run(["inject", "-i", "t", "-o", "out"]).ok().stdout.is_empty());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "[value]");
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    home.run(["inject", "-i", "none", "-o", "out"]).fails(2, "cannot read none");
}

#[test]
fn all_failures_are_listed_and_nothing_is_written() {
    let home = Home::with_vault();
    home.put("a", "value");
    let out = home.path().join("out");
    std::fs::write(&out, "before").unwrap();
    let template = b"{{ vault://a }}\n{{ vault://b }}\n{{ vault://a#c }} {{ vault://a?d }}\n";
    let ran = home.run_with(["inject", "-o", "out"], template).fails(3, "3 values");
    for part in ["line 2, vault://b: there is no secret b", "line 3, vault://a#c", "line 3: not a"]
    {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("value\n"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "before");
    home.run_with(["inject"], template).fails(3, "nothing was written");
}
