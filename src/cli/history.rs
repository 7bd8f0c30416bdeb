use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use super::target;
use crate::vault::{Result, escape};

/// List the versions of a secret, the newest first
///
/// From signed headers; nothing is decrypted.
#[derive(Args)]
#[command(after_help = "Examples:
  vault history prod/db/password
  vault get prod/db/password@3
  vault rollback prod/db/password@3")]
pub struct History {
    /// Whose versions
    path: String,
}

impl History {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        let vault = session.vault().await?;
        let versions = vault.history(&path).await;
        session.warn(&vault);
        let versions = versions?;
        if session.json {
            let list = versions.iter().map(|v| {
                let header = v.header.as_ref();
                json!({
                    "version": v.n,
                    "time": header.map(|h| output::time(h.time)),
                    "author": v.author,
                    "op": header.map(|h| h.op.name()),
                    "size": v.size,
                    "refused": v.refused,
                })
            });
            return output::json(&list.collect());
        }
        let rows: Vec<_> = versions
            .iter()
            .map(|v| {
                let header = v.header.as_ref();
                let op = header.map_or("?", |h| h.op.name());
                let op = match &v.refused {
                    Some(why) => format!("{op} (does not count: {})", escape(why)),
                    None => op.to_owned(),
                };
                vec![
                    v.n.to_string(),
                    header.map_or("?".to_owned(), |h| output::time(h.time)),
                    v.author.clone().unwrap_or_else(|| "?".to_owned()),
                    v.size.to_string(),
                    op,
                ]
            })
            .collect();
        output::table(&["VERSION", "TIME", "AUTHOR", "BYTES", "WHAT"], &rows)
    }
}
