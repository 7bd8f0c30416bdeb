use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::output;
use super::session::Session;
use super::target;
use crate::vault::{
    Charset, Error, FieldDiff, Kind, Opened, Path, Result, Secret, Vault, diff, escape,
    write_string, write_value,
};

/// Show which fields of a secret changed between two versions
///
/// One field a line: added, removed or changed, in value or type; values only with --show. Without
/// versions: the newest and the one before. With one: that one and the newest. Nothing is printed if
/// they are the same.
///
/// The exit code is 0 whether they differ or not. With --exit-code it is 1 if they differ, as that of
/// `diff`; other failures may be 1, too, but they print nothing to standard output.
#[derive(Args)]
#[command(after_help = "Examples:
  vault diff prod/db
  vault diff prod/db @3                       version 3 and the newest
  vault diff prod/db @2 @3 --show
  vault diff prod/db --exit-code >/dev/null || echo changed")]
pub struct Diff {
    /// Which secret
    path: String,
    /// One or two versions
    #[arg(value_name = "@N", num_args = 0..=2)]
    versions: Vec<String>,
    /// Show the values, before and afterwards
    #[arg(long)]
    show: bool,
    /// Exit with 1 if they differ
    #[arg(long)]
    exit_code: bool,
}

impl Diff {
    pub async fn run(self, session: &Session) -> Result<Exit> {
        let (path, first) = target::versioned(&self.path)?;
        let mut numbers: Vec<u64> = first.into_iter().collect();
        for text in &self.versions {
            numbers.push(number(text)?);
        }
        let vault = session.vault_at(&path).await?;
        let both = read(&vault, &path, &numbers).await;
        session.warn(&vault);
        let [old, new] = both?;
        let list = diff(&old, &new);
        let mut out = Secret::with_capacity(1024);
        if session.json {
            self.write_json(&mut out, &path, [old.n, new.n], &list);
        } else {
            list.iter().for_each(|field| self.write_line(&mut out, field));
        }
        output::secret_text(&out, None)?;
        Ok(if self.exit_code && !list.is_empty() { Exit::General } else { Exit::Ok })
    }

    fn write_line(&self, out: &mut Secret, field: &FieldDiff<'_>) {
        let name = field.field.map_or_else(|| "(raw bytes)".to_owned(), escape);
        out.extend(format!("{}\t{name}", field.what()).as_bytes());
        if let (Some((old, _)), Some((new, _))) = (field.old, field.new)
            && old != new
        {
            out.extend(format!("\t{old} is {new} now").as_bytes());
        }
        out.push(b'\n');
        if self.show {
            for (sign, part) in [("  - ", field.old), ("  + ", field.new)] {
                let Some((_, value)) = part else { continue };
                out.extend(sign.as_bytes());
                match value.text() {
                    Some(text) => escaped(out, text),
                    None => out.extend(format!("({} bytes)", value.len()).as_bytes()),
                }
                out.push(b'\n');
            }
        }
    }

    fn write_json(&self, out: &mut Secret, path: &Path, n: [u64; 2], list: &[FieldDiff<'_>]) {
        let head = json!({ "from": n[0], "path": path.as_str(), "to": n[1] }).to_string();
        out.extend(head.trim_end_matches('}').as_bytes());
        out.extend(b",\"fields\":[");
        for (i, field) in list.iter().enumerate() {
            out.extend(if i == 0 { b"{\"name\":" } else { b",{\"name\":" });
            match field.field {
                Some(name) => write_string(out, name, Charset::Utf8),
                None => out.extend(b"null"),
            }
            out.extend(format!(",\"what\":\"{}\"", field.what()).as_bytes());
            for (side, part) in [("old", field.old), ("new", field.new)] {
                let Some((kind, value)) = part else { continue };
                out.extend(format!(",\"{side}\":{{\"type\":\"{kind}\"").as_bytes());
                if self.show {
                    out.push(b',');
                    write_value(out, value);
                }
                out.push(b'}');
            }
            out.push(b'}');
        }
        out.extend(b"]}\n");
    }
}

/// As [`escape`], without a copy of the whole text.
fn escaped(out: &mut Secret, text: &str) {
    for c in text.chars() {
        out.extend(escape(c.encode_utf8(&mut [0; 4])).as_bytes());
    }
}

/// `@N`, or `N` alone.
fn number(text: &str) -> Result<u64> {
    let digits = text.strip_prefix('@').unwrap_or(text);
    let n = digits.parse().ok().filter(|&n| n > 0 && digits.bytes().all(|b| b.is_ascii_digit()));
    n.ok_or_else(|| Error::usage(format!("not a version: {}", escape(text))).hint("@3, for one"))
}

/// The two versions that are meant.
async fn read(vault: &Vault, path: &Path, numbers: &[u64]) -> Result<[Opened; 2]> {
    let wanted = match *numbers {
        [] => {
            let new = vault.read(path, None).await?;
            // Tombstones and versions that were purged are passed over.
            for n in (1..new.n).rev() {
                match vault.read(path, Some(n)).await {
                    Err(e) if e.kind == Kind::NotFound => {}
                    old => return Ok([old?, new]),
                }
            }
            return Err(Error::not_found(format!("{path} has only one version")));
        }
        [from] => [(path.clone(), Some(from)), (path.clone(), None)],
        [from, to] => [(path.clone(), Some(from)), (path.clone(), Some(to))],
        _ => return Err(Error::usage("two versions are compared, not more")),
    };
    let mut answers = vault.read_each(&wanted).await?.into_iter();
    let mut next = || answers.next().expect("an answer for each");
    Ok([next()?, next()?])
}
