use std::fs::File;
use std::io::Write;

use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use crate::config::Interface;
use crate::config::interface::Clipboard;
use crate::tui::{clipboard, model::main_field, terminal::osc52};
use crate::vault::{
    Content, Error, FieldType, Opened, Path, Result, Secret, choose_field, no_field, now, otp,
};

/// Put a value into the clipboard, for 45 seconds
///
/// As `y` in the terminal UI does. Without FIELD: the field `value`, or the only one, or the only
/// secret one. Of a field of type `otp` the present code is copied. The value is never shown.
///
/// It is cleared after 45 seconds, if it is still there then, by a process that stays until then; it
/// is marked as nothing for the histories of clipboard managers. Over SSH there is no clipboard
/// of the desktop: with clipboard = "osc52" under [tui] in the configuration the value goes through
/// the terminal, where nobody can clear it.
#[derive(Args)]
#[command(after_help = "Examples:
  vault copy prod/db
  vault copy prod/db user
  vault copy web/admin otp                    the present code")]
pub struct Copy {
    /// What to copy: PATH, or PATH@N for version N
    path: String,
    /// The field to copy
    field: Option<String>,
}

impl Copy {
    pub async fn run(self, session: &Session) -> Result<()> {
        let choice = Interface::load(&session.settings.config_file)?.clipboard;
        if choice == Clipboard::Off {
            return Err(Error::usage("copying is switched off")
                .hint("clipboard = \"off\" stands under [tui] in the configuration"));
        }
        let (path, opened) = session.read(&self.path).await?;
        let (value, is_seed) = self.chosen(&path, &opened)?;
        let code = if is_seed { Some(otp::code(value, now())?.digits) } else { None };
        let value = code.as_ref().unwrap_or(value);
        // The process that stays has no use for it.
        session.prompt.close_on_exec();
        let seconds = match choice {
            Clipboard::System => {
                clipboard::leave(value)?;
                Some(clipboard::seconds())
            }
            _ => {
                through_the_terminal(value)?;
                None
            }
        };
        if session.json {
            return output::json(&json!({ "path": path.as_str(), "seconds": seconds }));
        }
        output::note(&match seconds {
            Some(seconds) => format!("copied; cleared in {seconds} seconds"),
            None => "copied through the terminal; nobody clears it".to_owned(),
        });
        Ok(())
    }

    /// The value, and whether it is the seed of one-time passwords.
    fn chosen<'o>(&self, path: &Path, opened: &'o Opened) -> Result<(&'o Secret, bool)> {
        let document = match (&opened.content, self.field.as_deref()) {
            (Content::Doc(document), _) => document,
            (Content::Raw(bytes), None) => return Ok((bytes, false)),
            (Content::Raw(_), Some(name)) => return Err(no_field(path, name, None)),
        };
        let field = match (self.field.as_deref(), main_field(document)) {
            (None, Some(field)) => field,
            (name, _) => choose_field(path, document, name)?,
        };
        Ok((&field.value, field.kind == FieldType::Otp))
    }
}

fn through_the_terminal(value: &Secret) -> Result<()> {
    if value.text().is_none() {
        return Err(Error::usage("these are bytes, not text: the clipboard is for text")
            .hint("`vault get PATH -o FILE` writes them to a file"));
    }
    let no_terminal = |e: std::io::Error| {
        Error::usage("there is no terminal that the value could go through").because(e)
    };
    let mut terminal = File::options().write(true).open("/dev/tty").map_err(no_terminal)?;
    terminal.write_all(osc52(value).bytes()).map_err(no_terminal)
}
