//! What others read in an export is what is in the vault: `sh` and Python are asked; the rules of
//! Docker Compose, Docker, systemd, GitHub, Terraform and Java are written down in `rules`.

mod rules;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path as FilePath, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vault::core::secret::Secret;
use vault::vault::{Export, Format, Opened, Path, Prefix};

use crate::support::{World, path};

type Read = BTreeMap<String, Vec<u8>>;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `f/v0`, `f/v1`, … in a vault: text in the field `value`, other bytes raw.
fn opened(values: &[Vec<u8>]) -> Vec<(Path, Opened)> {
    wait(async {
        let world = World::new().await;
        let vault = world.device("d").await;
        let mut out = Vec::new();
        for (i, value) in values.iter().enumerate() {
            let path = path(&format!("f/v{i}"));
            let secret = Secret::copy_of(value);
            if secret.text().is_some() {
                let mut set = |document: &mut vault::vault::Document, seq| {
                    document.set("value", None, Secret::copy_of(value), seq)
                };
                vault.put(&path, None, &mut set).await.unwrap();
            } else {
                vault.put_raw(&path, None, &secret).await.unwrap();
            }
            let opened = vault.read(&path, None).await.unwrap();
            out.push((path, opened));
        }
        out
    })
}

fn export(format: Format, secrets: &[(Path, Opened)]) -> Result<Export, Vec<String>> {
    let prefix = Prefix::parse("f").unwrap();
    let refused = |all: Vec<(String, vault::vault::Error)>| all.into_iter().map(|f| f.0).collect();
    Export::new(format, &prefix, secrets, "name").map_err(refused)
}

/// The names of variables, or paths with their field, and the values.
fn expected(format: Format, values: &[Vec<u8>]) -> Read {
    let name = |(i, value): (usize, &Vec<u8>)| {
        let name = match format {
            Format::Json | Format::Yaml | Format::Csv => {
                let field = if std::str::from_utf8(value).is_ok() { "value" } else { "" };
                format!("f/v{i}#{field}")
            }
            Format::Tfvars => format!("v{i}"),
            _ => format!("V{i}"),
        };
        (name, value.clone())
    };
    values.iter().enumerate().map(name).collect()
}

fn python(format: Format, text: &[u8]) -> Read {
    let python = std::env::var_os("VAULT_TEST_PYTHON").map_or_else(
        || FilePath::new(env!("CARGO_MANIFEST_DIR")).join(".test-tools/venv/bin/python3"),
        PathBuf::from,
    );
    let name = Format::ALL.iter().find(|(_, known)| *known == format).unwrap().0;
    let job = serde_json::json!({ "format": name, "text": vault::core::text::b64(text) });
    let mut child = Command::new(python)
        .args(["-I", "-c", include_str!("read.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python, which tests/run sets up");
    child.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let pairs: Vec<(String, String)> = serde_json::from_slice(&output.stdout).unwrap();
    let decode = |text: &str| vault::core::text::b64_decode(text, 1 << 20).unwrap();
    pairs.into_iter().map(|(name, data)| (name, decode(&data))).collect()
}

fn shell(text: &[u8]) -> Read {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("env");
    std::fs::write(&file, text).unwrap();
    let script = "set -a; . \"$1\"; exec /usr/bin/env -0";
    let output = Command::new("sh")
        .args(["-eu", "-c", script, "sh"])
        .arg(&file)
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pairs = output.stdout.split(|&b| b == 0).filter_map(|pair| {
        let at = pair.iter().position(|&b| b == b'=')?;
        Some((String::from_utf8(pair[..at].to_vec()).unwrap(), pair[at + 1..].to_vec()))
    });
    pairs.filter(|(name, _)| name.starts_with('V')).collect()
}

/// Texts full of what some format takes for something else.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "$",
        "`",
        "${",
        "%{",
        "$$",
        "{",
        "}",
        "#",
        "=",
        ":",
        "!",
        ",",
        " ",
        "\t",
        "\n",
        "\\n",
        "\\u0041",
        "%25",
        "::",
        "<<",
        "vault-end\n",
        "yes",
        "null",
        "0x1",
        "- ",
        "é",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{1f511}",
        "\u{9b}",
        "a",
    ]);
    prop::collection::vec(special, 0..12).prop_map(|parts| parts.concat())
}

/// Many values at a time: a program starts once for all of them.
fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(text().prop_map(String::into_bytes), 40)
}

fn check(cases: u32, values: impl Strategy<Value = Vec<Vec<u8>>>, test: impl Fn(&[Vec<u8>])) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&values, |values| {
            test(&values);
            Ok(())
        })
        .unwrap();
}

/// What a format refuses is left out; everything else is read back as it was.
fn reads_back(format: Format, values: &[Vec<u8>], read: impl Fn(&[u8]) -> Read) {
    let mut secrets = opened(values);
    let mut expected = expected(format, values);
    if let Err(refused) = export(format, &secrets) {
        let is_refused =
            |path: &Path| refused.iter().any(|what| what.split('#').next() == Some(path.as_str()));
        let all = secrets.len();
        secrets.retain(|(path, _)| !is_refused(path));
        assert!(secrets.len() < all && secrets.len() > all / 4, "{refused:?}");
        let names: Vec<String> =
            secrets.iter().map(|(path, _)| path.as_str()[2..].to_uppercase()).collect();
        expected.retain(|name, _| names.contains(&name.to_uppercase()));
        assert_eq!(expected.len(), secrets.len());
    }
    let exported = export(format, &secrets).unwrap_or_else(|refused| panic!("{refused:?}"));
    let read = read(exported.text.bytes());
    assert_eq!(read, expected, "{}", exported.text.text().unwrap());
}

#[test]
fn a_shell_reads_dotenv() {
    check(12, texts(), |values| {
        reads_back(Format::Dotenv, values, shell);
    });
}

#[test]
fn docker_compose_reads_dotenv_unless_a_warning_says_otherwise() {
    check(24, texts(), |values| {
        let secrets = opened(values);
        let expected = expected(Format::Dotenv, values);
        // One at a time, so that a warning is about it.
        let mut plain = 0;
        for (i, secret) in secrets.into_iter().enumerate() {
            let exported = export(Format::Dotenv, &[secret]).unwrap_or_else(|_| panic!("V{i}"));
            if exported.warnings.is_empty() {
                plain += 1;
                let read = rules::compose(exported.text.text().unwrap());
                assert_eq!(read[&format!("V{i}")], expected[&format!("V{i}")]);
            } else {
                assert!(values[i].contains(&b'`') || values[i].contains(&b'\r'));
            }
        }
        assert!(plain > 20, "{plain}");
    });
}

#[test]
fn python_reads_what_keeps_paths_and_fields() {
    let bytes = prop_oneof![
        3 => text().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    check(6, prop::collection::vec(bytes, 40), |values| {
        for format in [Format::Json, Format::Yaml, Format::Csv, Format::K8sSecret] {
            reads_back(format, values, |text| python(format, text));
        }
    });
}

#[test]
fn the_rules_of_others_give_the_values_back() {
    let value = prop_oneof![4 => text(), 1 => "\\PC{0,20}", 1 => "[ -~\r]{0,20}"];
    let values = prop::collection::vec(value.prop_map(String::into_bytes), 40);
    check(24, values, |values| {
        for (format, read) in rules::ALL {
            reads_back(format, values, |text| read(std::str::from_utf8(text).unwrap()));
        }
    });
}
