//! `vault credential-process`: Amazon's programs ask it for credentials.

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use super::output;
use super::process;
use super::session::Session;
use crate::config::{NESTING, Nesting, arguments, nesting};
use crate::vault::{Charset, Content, Document, Error, Path, Result, Secret, now, write_string};

/// Names of a field, as [`same`] reads them, and what Amazon calls it. The fields of a secret may
/// be called either.
const FIELDS: [(&str, &str); 4] = [
    ("access_key_id", "AccessKeyId"),
    ("secret_access_key", "SecretAccessKey"),
    ("session_token", "SessionToken"),
    ("expiration", "Expiration"),
];

/// Said by the second one in a circle.
const CIRCLE: &str = "this vault is reached with credentials that are to come from this vault";

/// Give a secret to Amazon's programs as credentials
///
/// They start it by themselves, as `credential_process` of a profile, and read the JSON that it
/// prints. The secret has the fields access_key_id and secret_access_key, and may have
/// session_token and expiration (such as 2026-11-22T12:00:00Z); AWS_ACCESS_KEY_ID and AccessKeyId and
/// so on will do, in capital letters or small ones. Credentials that have expired are an error.
///
/// A vault that is reached with credentials of that profile cannot give them: that is noticed, and
/// said. A .vault.toml is not read.
#[derive(Args)]
#[command(after_help = "Examples:
  vault put aws/deploy access_key_id=- secret_access_key=prompt
  vault credential-process aws/deploy
  aws configure set credential_process 'vault credential-process aws/deploy' --profile deploy
  aws s3 ls --profile deploy")]
pub struct CredentialProcess {
    /// The secret with the credentials: PATH, or PATH@N for version N
    path: String,
}

impl CredentialProcess {
    pub async fn run(self, session: &Session) -> Result<()> {
        // Before the vault is opened, which may ask for credentials.
        guard(session)?;
        let read = session.read(&self.path).await;
        // Amazon's SDK passes on the beginning of what a helper says, and there may be two.
        let is_circle = |e: &Error| e.in_full().contains(CIRCLE);
        let (path, opened) = read.map_err(|e| if is_circle(&e) { circle() } else { e })?;
        let document = match &opened.content {
            Content::Doc(document) => document,
            Content::Raw(_) => {
                return Err(Error::not_found(format!("{path} is raw bytes, without fields")));
            }
        };
        output::secret_text(&credentials(&path, document, now())?, None)
    }
}

/// One object as Amazon's programs read it.
fn credentials(path: &Path, document: &Document, now: u64) -> Result<Secret> {
    let mut out = Secret::with_capacity(4096);
    out.extend(b"{\"Version\":1");
    for (i, (name, theirs)) in FIELDS.iter().enumerate() {
        let mut of_name = document.fields.iter().filter(|field| {
            let field = same(&field.name);
            field == same(name) || (*name == "expiration" && field == "credentialexpiration")
        });
        let field = match (of_name.next(), of_name.next()) {
            (Some(field), None) => field,
            (None, _) if i > 1 => continue,
            (None, _) => {
                return Err(Error::not_found(format!("{path} has no field {name}"))
                    .hint(format!("vault put {} {name}=prompt", path.quoted())));
            }
            _ => return Err(Error::usage(format!("{path} has more than one field {name}"))),
        };
        let text = field.value.text().filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::usage(format!("the field {name} of {path} is empty, or no text"))
        })?;
        out.extend(format!(",\"{theirs}\":").as_bytes());
        match *name {
            "expiration" => {
                write_string(&mut out, &check_time(path, text, now)?, Charset::Utf8);
            }
            _ => write_string(&mut out, text, Charset::Utf8),
        }
    }
    out.extend(b"}\n");
    Ok(out)
}

/// A name of a field without what people write differently.
fn same(name: &str) -> String {
    let name: String = name.chars().filter(|c| *c != '_').collect();
    let name = name.to_ascii_lowercase();
    name.strip_prefix("aws").map_or_else(|| name.clone(), str::to_owned)
}

/// The time in the one form that all of Amazon's programs read. What is no time would be taken for
/// something that never expires.
fn check_time(path: &Path, text: &str, now: u64) -> Result<String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        Error::usage(format!("the field expiration of {path} is no time"))
            .hint("such as 2026-11-22T12:00:00Z")
    })?;
    // Without parts of a second, which not all of them read.
    match jiff::Timestamp::from_second(time.as_second()) {
        Ok(whole) if u64::try_from(time.as_second()).is_ok_and(|time| time > now) => {
            Ok(whole.to_string())
        }
        _ => Err(Error::credentials(format!("the credentials in {path} have expired"))),
    }
}

fn circle() -> Error {
    Error::credentials(CIRCLE).hint(
        "`profile =` in its entry of the configuration names a profile whose credentials come from \
         elsewhere",
    )
}

/// Goes on if nobody above us is asking the same vault for credentials. Who asks is told below us
/// by a variable, which takes a fresh start of this program to set.
fn guard(session: &Session) -> Result<()> {
    let vault = session.settings.target()?.join.vault_id();
    match nesting(&vault) {
        Nesting::Here => Ok(()),
        Nesting::Circle => Err(circle()),
        Nesting::Deeper(value) => {
            let failed = |e| Error::general("cannot start again").because(e);
            let program = std::env::current_exe().map_err(failed)?;
            let mut again = Command::new(program);
            again.args(arguments().skip(1)).env(NESTING, value);
            Err(failed(process::with_callers_umask(|| again.exec())))
        }
    }
}
