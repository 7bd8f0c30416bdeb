//! What a program writes into pipes, masked.

use super::sh;
use crate::cli::home::Home;

/// Writes what is in `$A` in pieces of 1, 2, … bytes, with colours around it.
pub const EVERY_SPLIT: &str = "
import os
value = b'\\x1b[1;31m' + os.environb[b'A'] + b'\\x1b[0m'
for size in range(1, len(value) + 1):
    for at in range(0, len(value), size):
        os.write(1, value[at:at + size])
    os.write(1, b' %d\\n' % size)
";

#[test]
fn every_split_of_a_value_is_masked() {
    let home = Home::with_vault();
    let value = "s3cr3t-\"Pa$$\\w0rd/+";
    home.put("a", value);
    let ran = home.run(["run", "-e", "A=vault://a", "--", "python3", "-c", EVERY_SPLIT]).ok();
    let sizes = 1..=value.len() + "\x1b[1;31m\x1b[0m".len();
    let expected: String = sizes.map(|size| format!("\x1b[1;31m***\x1b[0m {size}\n")).collect();
    assert_eq!(ran.text(), expected);
}

#[test]
fn forms_of_a_value_are_masked() {
    let home = Home::with_vault();
    let value = "p@ss word/\"ü\"\\x";
    home.put("a", value);
    let script = "
import base64, json, os, urllib.parse
a = os.environ['A']
print(a)
for before in ['', 'u', 'us', 'user:']:
    print(base64.b64encode((before + a + 'tail').encode()).decode())
    print(base64.urlsafe_b64encode((before + a + 'tail').encode()).decode())
print(urllib.parse.quote(a), urllib.parse.quote(a, safe=''), urllib.parse.quote_plus(a), urllib.parse.quote(a + a))
print(json.dumps(a), json.dumps(a, ensure_ascii=False))
";
    let flags = ["run", "-e", "A=vault://a", "--", "python3", "-c", script];
    let text = home.run(flags).ok().text();
    for part in ["p@ss", "word", "p%40ss", "cEBzcy", "BAc3M", "QHNz", "\\u00fc", "ü"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("***").count(), 1 + 8 + 5 + 2, "{text}");
}

#[test]
fn what_is_not_a_value_passes_byte_for_byte() {
    let home = Home::with_vault();
    home.put("a", "secret");
    home.put("b", "secret-and-more");
    // All bytes, and everything that almost is a value.
    let script = "
import os
os.write(1, bytes(range(256)) * 300)
os.write(1, b'secre secret-and-mor sec\\0ret')
";
    let flags = ["run", "-e", "A=vault://a", "-e", "B=vault://b", "--", "python3", "-c", script];
    let out = home.run(flags).ok().stdout;
    let all: Vec<u8> = (0..=255).cycle().take(256 * 300).collect();
    assert_eq!(out, [&all, &b"secre ***-and-mor sec\0ret"[..]].concat());
}

#[test]
fn lines_and_streams() {
    let home = Home::with_vault();
    home.put("a", "first line\nsecond line\n}\n");
    let script = "printf %s \"$A\" | tac; printf %s \"$A\" >&2";
    let ran = sh(&home, &["-e", "A=vault://a"], script).ok();
    assert_eq!(ran.text(), "}\n***\n***\n");
    assert_eq!(ran.stderr, "***", "streams stay apart");
    // Of two streams that go to one place, the order stays.
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done";
    let inner = format!(
        "{} run --mask -e A=vault://a -- sh -c '{script}' 2>&1",
        crate::cli::home::program().display()
    );
    let ran = sh(&home, &["--no-mask"], &inner).ok();
    let expected: String = (1..=9).map(|i| format!("{i}\n{i}\n")).collect();
    assert_eq!(ran.text(), expected);
}

#[test]
fn what_is_masked_and_when() {
    let home = Home::with_vault();
    home.run_with(["put", "a", "password=-", "user=postgres"], b"s3cret").ok();
    home.put("short", "abc");
    let script = "echo $A $U $S";
    let flags = ["-e", "A=vault://a#password", "-e", "U=vault://a#user", "-e", "S=vault://short"];
    let ran = sh(&home, &flags, script).ok();
    assert_eq!(ran.text(), "*** postgres abc\n");
    assert!(
        ran.stderr.contains("too short to be masked (less than 4 bytes): S\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        sh(&home, &[&flags[..], &["--no-mask"]].concat(), script).ok().text(),
        "s3cret postgres abc\n"
    );
    // The last one of the two counts.
    let both = [&flags[..], &["--no-mask", "--mask"]].concat();
    assert_eq!(sh(&home, &both, script).ok().text(), "*** postgres abc\n");
    home.run_with(["put", "large", "--raw"], &vec![b'x'; 3_000_000]).ok();
    home.run_with(["put", "huge", "--raw"], &vec![b'y'; 5_000_000]).ok();
    for large in ["--env=A=vault://large", "--env=A=vault://huge"] {
        sh(&home, &["--mask", large], "echo started").fails(2, "too large to be masked");
    }
}
