use clap::Args;
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{Result, Secret, now, otp, otp_seed};

/// Print the present one-time password
///
/// Made from a seed, which is `otpauth://totp/…` or the base32 text that a service shows beside its
/// QR code. Without FIELD: the only field of type `otp`, else an `otpauth://` in the field that
/// `vault get` prints; any other text there may be a password. How long the code is good for goes to
/// standard error.
#[derive(Args)]
#[command(after_help = "Examples:
  vault otp web/admin
  vault otp web/admin backup-otp
  vault otp web/admin --json
  vault put web/admin otp=prompt              store a seed
  vault copy web/admin otp                    into the clipboard")]
pub struct Otp {
    /// Whose code: PATH, or PATH@N for version N
    path: String,
    /// The field with the seed
    field: Option<String>,
}

impl Otp {
    pub async fn run(self, session: &Session) -> Result<()> {
        let (path, opened) = session.read(&self.path).await?;
        // As late as possible: a code is short-lived.
        let code = otp::code(otp_seed(&path, &opened, self.field.as_deref())?, now())?;
        if session.json {
            let mut text = Secret::with_capacity(256);
            text.extend(b"{\"code\":\"");
            text.extend(code.digits.bytes());
            let rest = json!({ "path": path.as_str(), "left": code.left, "period": code.period });
            // The digits are no part of a text that is freed as it is.
            text.extend(b"\",");
            text.extend(&rest.to_string().as_bytes()[1..]);
            text.push(b'\n');
            return output::secret_text(&text, None);
        }
        output::secret(&code.digits, None, false)?;
        let left = output::count(usize::try_from(code.left).unwrap_or(usize::MAX), "second");
        output::note(&format!("good for {left}"));
        Ok(())
    }
}
