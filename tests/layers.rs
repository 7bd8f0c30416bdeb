//! What holds of the sources as a whole: who may depend on whom, and what appears nowhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file.
const MAX_LINES: usize = 700;

/// Who may use whom (`docs/ARCHITECTURE.md`). A layer may always use itself.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("cli", &["config", "tui", "vault"]),
    ("tui", &["config", "vault"]),
    ("vault", &["team", "keys", "store", "aws", "core"]),
    ("team", &["keys", "core"]),
    ("keys", &["core", "aws"]),
    ("store", &["aws"]),
    ("config", &["vault"]),
    ("main", &["config", "cli", "tui"]),
    ("core", &[]),
    ("aws", &[]),
];

/// Every `.rs` file below a folder of the crate: its path there, and its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&root).unwrap().to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// The layer of a file below `src/`.
fn layer(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// A line without its comment. Good enough: no string of ours holds `//` before code.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// The layers that a line names: what follows `crate::`, `vault::` in the binary, and as many
/// `super::` as lead out of the file's layer.
fn named(path: &Path, line: &str) -> Vec<String> {
    let mut roots = vec!["crate::".to_owned()];
    let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
    roots.push("super::".repeat(depth));
    if matches!(layer(path).as_str(), "main") {
        roots.push("vault::".to_owned());
    }
    let mut out = Vec::new();
    for root in roots.iter().filter(|root| !root.is_empty()) {
        for (at, _) in line.match_indices(root.as_str()) {
            // The middle of another name, or of a longer chain of `super`.
            if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &line[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => {
                    let list = list.split('}').next().unwrap();
                    let first = |part: &str| {
                        part.trim().split(|c: char| !is_word(c)).next().unwrap().to_owned()
                    };
                    out.extend(list.split(',').map(first));
                }
                None => out.push(rest.split(|c: char| !is_word(c)).next().unwrap().to_owned()),
            }
        }
    }
    let is_layer = |name: &String| ALLOWED.iter().any(|(layer, _)| layer == name);
    out.into_iter().filter(is_layer).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn breaks_a_layer(path: &Path, line: &str) -> Option<String> {
    let layer = layer(path);
    let allowed = ALLOWED.iter().find(|(name, _)| *name == layer).map_or(&[][..], |(_, a)| a);
    named(path, code(line))
        .into_iter()
        .find(|name| *name != layer && !allowed.contains(&name.as_str()))
}

#[test]
fn every_layer_uses_only_the_layers_below() {
    for (path, text) in sources("src") {
        let known = ALLOWED.iter().any(|(name, _)| *name == layer(&path));
        assert!(known || path == Path::new("lib.rs"), "{}: an unknown layer", path.display());
        for (i, line) in text.lines().enumerate() {
            if let Some(name) = breaks_a_layer(&path, line) {
                panic!("{}:{}: may not use {name}: {line}", path.display(), i + 1);
            }
        }
    }
}

#[test]
fn the_check_of_layers_notices() {
    let breaks = |path: &str, line: &str| breaks_a_layer(Path::new(path), line);
    assert_eq!(breaks("core/x.rs", "use crate::vault::Vault;").as_deref(), Some("vault"));
    assert_eq!(breaks("team/a/b.rs", "use super::super::super::store::X;"), Some("store".into()));
    assert_eq!(breaks("team/x.rs", "use super::super::store;").as_deref(), Some("store"));
    assert_eq!(breaks("team/mod.rs", "pub use super::store::Store;").as_deref(), Some("store"));
    assert_eq!(breaks("cli/x.rs", "let x = crate::core::f();").as_deref(), Some("core"));
    assert_eq!(breaks("cli/x.rs", "use crate::{vault::Vault, team};").as_deref(), Some("team"));
    assert_eq!(breaks("main.rs", "use vault::vault::Vault;").as_deref(), Some("vault"));
    for (path, line) in [
        ("core/x.rs", "// use crate::vault::Vault;"),
        ("core/x.rs", "use super::cipher;"),
        ("core/s3ec/x.rs", "use super::super::cipher;"),
        ("vault/x.rs", "use crate::core::x; use crate::store::y;"),
        ("cli/x.rs", "use crate::vault::{Vault, Path};"),
        ("main.rs", "use vault::cli;"),
    ] {
        assert_eq!(breaks(path, line), None, "{path}: {line}");
    }
}

#[test]
fn no_source_file_is_too_long() {
    for folder in ["src", "tests"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        }
    }
}

/// Fails on a line of code with one of `words` outside the layers that may have it.
fn only_in(words: &[&str], layers: &[&str]) {
    for (path, text) in sources("src") {
        if layers.contains(&layer(&path).as_str()) {
            continue;
        }
        // Unit tests may print and look around.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (i, line) in text.lines().enumerate() {
            for word in words {
                let at = code(line).find(word);
                let whole = at.is_some_and(|at| !line[..at].ends_with(is_word));
                assert!(!whole, "{}:{}: {word}: {line}", path.display(), i + 1);
            }
        }
    }
}

/// Secrets are compared by `Secret::same` or `cipher::equal`, in time that tells nothing of them.
#[test]
fn secrets_are_not_compared_with_operators() {
    for (path, text) in sources("src") {
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (i, line) in text.lines().enumerate() {
            let sides = line.split_once(".bytes() == ").or(line.split_once(".bytes() != "));
            let both = sides.is_some_and(|(_, other)| other.contains(".bytes()"));
            assert!(!both, "{}:{}: {line}", path.display(), i + 1);
        }
    }
}

#[test]
fn nothing_is_unsafe() {
    let words = ["unsafe fn", "unsafe {", "unsafe impl", "unsafe trait", "unsafe extern"];
    only_in(&words, &["cli"]);
    for (path, text) in sources("src/cli") {
        let allowed = path == Path::new("inherited.rs");
        assert!(allowed || !words.iter().any(|w| text.contains(w)), "{}", path.display());
    }
}

#[test]
fn the_library_reads_no_environment_and_no_home() {
    only_in(
        &["env::var", "env::vars", "home_dir", "var_os", "env::args"],
        &["config", "aws", "main"],
    );
}

#[test]
fn the_library_prints_nothing() {
    only_in(&["println!", "print!", "eprintln!", "eprint!", "dbg!"], &["cli", "main"]);
}

/// Older S3EC formats, those of others, and their primitives are named by the import alone, so that no normal read
/// can fall back to one. A file that is to run the import is added to the second list.
#[test]
fn only_the_import_knows_older_formats() {
    for (words, files) in [
        (
            &["legacy::", "RsaKey"][..],
            &[
                "core/cipher/legacy.rs",
                "core/foreign.rs",
                "core/s3ec/import.rs",
                "vault/import/s3ec.rs",
            ][..],
        ),
        (&["s3ec::import"], &["vault/import/s3ec.rs"]),
        (&["core::foreign"], &["vault/import/buckets.rs", "vault/import/sops/mod.rs"]),
    ] {
        for (path, text) in sources("src") {
            let text = text.split("#[cfg(test)]").next().unwrap();
            if files.contains(&path.to_str().unwrap()) {
                continue;
            }
            for (i, line) in text.lines().enumerate() {
                let found = words.iter().find(|word| code(line).contains(**word));
                assert!(found.is_none(), "{}:{}: {found:?}: {line}", path.display(), i + 1);
            }
        }
    }
}

/// The files that the `mod` lines of a test file lead to.
fn reachable(root: &Path, file: &Path, out: &mut Vec<PathBuf>) {
    out.push(file.to_owned());
    let text = fs::read_to_string(root.join(file)).unwrap();
    let dir = match file.file_stem().unwrap().to_str().unwrap() {
        "main" | "mod" => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    };
    let mut before = "";
    for line in text.lines() {
        let elsewhere = std::mem::replace(&mut before, line).starts_with("#[path");
        let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let Some(name) = line.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')) else {
            continue;
        };
        if elsewhere {
            continue;
        }
        let found = [dir.join(format!("{name}.rs")), dir.join(name).join("mod.rs")]
            .into_iter()
            .find(|path| root.join(path).exists())
            .unwrap_or_else(|| panic!("{}: no file for {name}", file.display()));
        reachable(root, &found, out);
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut reached = Vec::new();
    reachable(&root, Path::new("main.rs"), &mut reached);
    for (path, _) in sources("tests") {
        assert!(reached.contains(&path), "tests/{} is not in tests/main.rs", path.display());
    }
}
