use std::path::PathBuf;

use clap::Args;

use super::output;
use super::session::Session;
use crate::vault::{
    Charset, Content, Opened, Path, Result, Secret, choose_field as choose, no_field, write_json,
    write_string, write_value,
};

/// Print a value
///
/// Without FIELD: the field `value`, or the only one. Prints the bytes as they are, and a
/// newline behind them on a terminal only.
#[derive(Args)]
#[command(after_help = "Examples:
  vault get prod/db/password
  vault get prod/db user
  vault get prod/db/password@3                an earlier version
  vault get prod/tls/key -o key.der           into a file that only you can read
  vault get prod/db --json                    all fields")]
pub struct Get {
    /// What to read: PATH, or PATH@N for version N
    path: String,
    /// The field to print
    field: Option<String>,
    /// Write the value to this file, readable by you alone
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a binary value on a terminal all the same
    #[arg(long)]
    force: bool,
}

impl Get {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (path, opened) = session.read(&self.path).await?;
        let field = self.field.as_deref();
        if session.json {
            let text = as_json(&path, &opened, field)?;
            return output::secret(&text, self.output.as_deref(), true);
        }
        let value = match &opened.content {
            Content::Raw(bytes) if field.is_none() => bytes,
            Content::Raw(_) => return Err(no_field(&path, field.unwrap_or_default(), None)),
            Content::Doc(document) => &choose(&path, document, field)?.value,
        };
        output::secret(value, self.output.as_deref(), self.force)
    }
}

/// One object, put together in zeroed memory.
fn as_json(path: &Path, opened: &Opened, field: Option<&str>) -> Result<Secret> {
    let mut out = Secret::with_capacity(4096);
    let Some(name) = field else {
        write_json(&mut out, path, opened);
        out.push(b'\n');
        return Ok(out);
    };
    let field = match &opened.content {
        Content::Raw(_) => return Err(no_field(path, name, None)),
        Content::Doc(document) => choose(path, document, field)?,
    };
    out.extend(b"{\"path\":");
    write_string(&mut out, path.as_str(), Charset::Utf8);
    out.extend(format!(",\"version\":{},\"name\":", opened.n).as_bytes());
    write_string(&mut out, &field.name, Charset::Utf8);
    out.extend(format!(",\"type\":\"{}\"", field.type_name()).as_bytes());
    out.push(b',');
    write_value(&mut out, &field.value);
    out.extend(b"}\n");
    Ok(out)
}
