use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Content, Result};

/// List the names and types of a secret's fields, without their values
#[derive(Args)]
#[command(after_help = "Examples:
  vault fields prod/db
  vault fields prod/db@3 --json")]
pub struct Fields {
    /// PATH, or PATH@N for version N
    path: String,
}

impl Fields {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (path, opened) = session.read(&self.path).await?;
        let fields = match &opened.content {
            Content::Doc(document) => document.fields.as_slice(),
            Content::Raw(_) => &[],
        };
        if session.json {
            let list = fields.iter().map(|f| json!({ "name": f.name, "type": f.type_name() }));
            return output::json(&list.collect());
        }
        if matches!(opened.content, Content::Raw(_)) {
            output::note(&format!("{path} is raw bytes, without fields"));
        }
        let rows: Vec<_> =
            fields.iter().map(|f| vec![f.name.clone(), f.type_name().to_owned()]).collect();
        output::table(&["FIELD", "TYPE"], &rows)
    }
}
