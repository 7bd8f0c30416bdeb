//! Documentation that cannot drift.

mod transcripts;

use std::fmt::Write as _;
use std::path::Path;

/// `docs/CLI.md`, made from the commands themselves.
fn reference() -> String {
    let mut out = String::from(
        "# Commands\n\nMade from the program's own help; `VAULT_UPDATE_DOCS=1 cargo test docs` \
         writes it anew.\n\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n",
    );
    for (code, meaning) in vault::cli::exit_codes() {
        writeln!(out, "| {code} | {meaning} |").unwrap();
    }
    let mut root = vault::cli::command().term_width(90);
    root.build();
    section(&mut out, &mut root, 2);
    out
}

fn section(out: &mut String, command: &mut clap::Command, level: usize) {
    let name = command.get_bin_name().unwrap_or("vault").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(
        out,
        "\n{} `{name}`\n\n```text\n{}\n```\n",
        "#".repeat(level),
        help.join("\n").trim_end()
    )
    .unwrap();
    for sub in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
        if sub.get_name() != "help" || level == 2 {
            section(out, sub, level + 1);
        }
    }
}

#[test]
fn docs_cli_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md");
    let made = reference();
    if std::env::var_os("VAULT_UPDATE_DOCS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == made, "docs/CLI.md is stale: VAULT_UPDATE_DOCS=1 cargo test docs");
}

#[test]
fn docs_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages =
        vec![root.join("README.md"), root.join("SECURITY.md"), root.join("CHANGELOG.md")];
    pages.extend(root.join("docs").read_dir().unwrap().map(|e| e.unwrap().path()));
    let pages: Vec<_> =
        pages.into_iter().filter(|p| p.extension().is_some_and(|e| e == "md")).collect();
    assert!(pages.len() >= 7, "{pages:?}");
    for page in pages {
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                let target = page.parent().unwrap().join(file);
                assert!(target.exists(), "{}: {link}", page.display());
            }
        }
    }
}
