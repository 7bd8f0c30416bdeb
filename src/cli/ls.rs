use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Entry, Path, Prefix, Result, Vault};

/// List the names of secrets
///
/// Recursive, one full path a line, from the names alone: nothing is decrypted.
#[derive(Args)]
#[command(after_help = "Examples:
  vault ls
  vault ls prod -l
  vault ls --tree
  vault ls --deleted                          what `vault undelete` can bring back")]
pub struct Ls {
    /// The folder to list; `prod` lists `prod/…`
    prefix: Option<String>,
    /// With version, time, author and size
    #[arg(short, long, conflicts_with = "tree")]
    long: bool,
    /// As a tree of folders
    #[arg(long, conflicts_with = "json")]
    tree: bool,
    /// Deleted secrets that can be brought back
    #[arg(long, conflicts_with = "tree")]
    deleted: bool,
}

impl Ls {
    pub async fn run(self, session: &Session) -> Result<()> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        let vault = session.vault().await?;
        if self.deleted {
            let deleted = vault.list_deleted(&prefix).await?;
            session.warn(&vault);
            let rows = deleted.iter().map(|d| Row {
                path: &d.path,
                header: d.header.as_ref(),
                author: d.author.as_deref(),
                size: None,
                mark: "",
            });
            return print(session, rows.collect(), self.long);
        }
        if self.long {
            let entries = vault.list_long(&prefix).await?;
            session.warn(&vault);
            let rows = entries.iter().map(|e| Row {
                path: &e.path,
                header: e.header.as_ref(),
                author: e.author.as_deref(),
                size: Some(e.size),
                mark: mark(&vault, e),
            });
            return print(session, rows.collect(), true);
        }
        let paths = vault.list(&prefix).await;
        session.warn(&vault);
        let paths = paths?;
        if paths.is_empty() && prefix != Prefix::default() {
            output::note(&nothing_below(&vault, &prefix).await);
        }
        if self.tree {
            return output::data(tree(&prefix, &paths).as_bytes());
        }
        let row = |path| Row { path, header: None, author: None, size: None, mark: "" };
        print(session, paths.iter().map(row).collect(), false)
    }
}

/// A folder is there as long as something is in it: it may as well be mistyped.
async fn nothing_below(vault: &Vault, prefix: &Prefix) -> String {
    let is_secret = match Path::parse(prefix.as_str()) {
        Ok(path) => vault.exists(&path).await.unwrap_or_default(),
        Err(_) => false,
    };
    match is_secret {
        true => format!("{prefix} is a secret; there is nothing below it"),
        false => format!("there is nothing below {prefix}"),
    }
}

struct Row<'a> {
    path: &'a Path,
    header: Option<&'a crate::vault::Header>,
    author: Option<&'a str>,
    size: Option<u64>,
    mark: &'static str,
}

/// What a person has to know of a secret before they use it.
fn mark(vault: &Vault, entry: &Entry) -> &'static str {
    if vault.folder(&entry.path, entry.header.as_ref()).is_some_and(|folder| !folder.may_read) {
        return "locked";
    }
    match &entry.header {
        Some(header) if vault.is_stale(&entry.path, header) => "change needed",
        _ => "",
    }
}

fn print(session: &Session, rows: Vec<Row<'_>>, long: bool) -> Result<()> {
    if session.json {
        let list = rows.iter().map(|row| match row.header {
            None if long => json!({ "path": row.path.as_str(), "version": null }),
            None => json!({ "path": row.path.as_str() }),
            Some(header) => json!({
                "path": row.path.as_str(),
                "version": header.n,
                "time": output::time(header.time),
                "author": row.author,
                "op": header.op.name(),
                "size": row.size,
                "locked": row.mark == "locked",
                "change_needed": row.mark == "change needed",
            }),
        });
        return output::json(&list.collect());
    }
    if !long {
        let lines: String = rows.iter().map(|row| format!("{}\n", row.path)).collect();
        return output::data(lines.as_bytes());
    }
    let text = |row: &Row<'_>| {
        let header = row.header;
        vec![
            header.map_or("?".to_owned(), |h| h.n.to_string()),
            header.map_or("?".to_owned(), |h| output::time(h.time)),
            row.author.unwrap_or("?").to_owned(),
            row.size.map_or("-".to_owned(), |size| size.to_string()),
            row.path.to_string(),
            row.mark.to_owned(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(text).collect();
    output::table(&["VERSION", "TIME", "AUTHOR", "BYTES", "PATH", ""], &rows)
}

/// Folders before a name are printed once; the paths are sorted by their bytes, which may
/// interleave `a`, `a-b` and `a/c`, so they are sorted by segment here.
fn tree(prefix: &Prefix, paths: &[Path]) -> String {
    let skip = match prefix.as_str() {
        "" => 0,
        folder => folder.len() + 1,
    };
    let mut names: Vec<Vec<&str>> =
        paths.iter().map(|path| path.as_str()[skip..].split('/').collect()).collect();
    names.sort();
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for name in &names {
        let (leaf, folders) = name.split_last().expect("a path has a segment");
        let same = open.iter().zip(folders).take_while(|(a, b)| a == b).count();
        for (depth, folder) in folders.iter().enumerate().skip(same) {
            text.push_str(&format!("{}{folder}/\n", "  ".repeat(depth)));
        }
        text.push_str(&format!("{}{leaf}\n", "  ".repeat(folders.len())));
        open = folders.to_vec();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_printed_once() {
        let paths: Vec<_> = ["a", "a-b", "a/c", "a/d/e", "a/d/f", "b/a/d/g"]
            .map(|p| Path::parse(p).unwrap())
            .into();
        assert_eq!(
            tree(&Prefix::default(), &paths),
            "a\na/\n  c\n  d/\n    e\n    f\na-b\nb/\n  a/\n    d/\n      g\n"
        );
        assert_eq!(tree(&Prefix::parse("a").unwrap(), &paths[2..5]), "c\nd/\n  e\n  f\n");
    }
}
