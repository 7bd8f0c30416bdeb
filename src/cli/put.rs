use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::output;
use super::session::{Session, shown};
use super::target;
use crate::vault::generate::Spec;
use crate::vault::{
    Document, Error, FieldType, MAX_PLAINTEXT, Result, Secret, Written, check_field_name, escape,
};

/// Write a secret: its value from stdin or a prompt, or named fields
///
/// Fields that are not named are kept. Values never travel in arguments: FIELD=@FILE reads a
/// file, FIELD=- stdin, FIELD=prompt asks; stdin is read only then, or if no field is named.
/// FIELD=TEXT is for fields that are not secret, such as user or url; FIELD[TYPE]=… sets the type (secret, text, url, email, otp, date).
#[derive(Args)]
#[command(after_help = "Examples:
  vault put prod/db/password                  asks twice, without echo
  printf %s \"$PW\" | vault put prod/db/password
  vault put prod/db user=app url=postgres://db value=@password.txt
  vault put prod/db/password --generate=passphrase:6
  vault put prod/tls/key --raw < key.der")]
pub struct Put {
    /// Where to write it
    path: String,
    /// FIELD=@FILE, FIELD=-, FIELD=prompt, or FIELD=TEXT for what is not secret
    #[arg(value_name = "FIELD=…")]
    fields: Vec<String>,
    /// Generate the value: LENGTH, password[:LENGTH[:alnum|symbols|digits|hex]], passphrase[:WORDS]
    #[arg(long, value_name = "SPEC", num_args = 0..=1, require_equals = true, default_missing_value = "password")]
    generate: Option<String>,
    /// Store exactly these bytes, without fields
    #[arg(long, conflicts_with_all = ["fields", "generate"])]
    raw: bool,
    /// Keep the newline at the end of a one-line value
    #[arg(long)]
    keep_newline: bool,
    /// Allow an empty value
    #[arg(long)]
    allow_empty: bool,
    /// Allow FIELD=TEXT for secret fields: the text is seen in the list of processes
    #[arg(long)]
    value_in_argv: bool,
    /// Write only if N is the newest version (0: if there is none)
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

/// One field to be set.
struct Assignment {
    name: String,
    kind: Option<FieldType>,
    value: Secret,
}

impl Put {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        // First: nobody should type a value for a vault that cannot be opened.
        let vault = session.vault().await?;
        if self.raw {
            let value = self.stdin(session, "value").await?;
            let written = vault.put_raw(&path, self.if_version, &value).await;
            session.warn(&vault);
            return done(session, path.as_str(), written?);
        }
        let assignments = self.assignments(session).await?;
        let mut set = |document: &mut Document, seq: u64| {
            for field in &assignments {
                let value = Secret::copy_of(field.value.bytes());
                document.set(&field.name, field.kind, value, seq)?;
            }
            Ok(())
        };
        let written = vault.put(&path, self.if_version, &mut set).await;
        session.warn(&vault);
        done(session, path.as_str(), written?)
    }

    /// Everything is read, and every mistake found, before anything is written.
    async fn assignments(&self, session: &Session) -> Result<Vec<Assignment>> {
        let mut list: Vec<Assignment> = Vec::new();
        let mut stdin_used = false;
        for argument in &self.fields {
            let (name, kind, source) = parse(argument)?;
            if list.iter().any(|a| a.name == name) {
                return Err(Error::usage("a field is set twice"));
            }
            let value = match source {
                "-" if stdin_used => return Err(Error::usage("stdin can be only one field")),
                "-" => {
                    stdin_used = true;
                    self.stdin(session, &name).await?
                }
                "prompt" => self.checked(session.prompt.value(&name).await?)?,
                _ => match source.strip_prefix('@') {
                    Some(file) => self.checked(self.trimmed(read_file(Path::new(file))?))?,
                    None => self.argument(&name, kind, source)?,
                },
            };
            list.push(Assignment { name, kind, value });
        }
        let value = match &self.generate {
            Some(spec) => Some(Spec::parse(spec)?.generate()),
            None if self.fields.is_empty() => Some(self.stdin(session, "value").await?),
            None => None,
        };
        if let Some(value) = value {
            if list.iter().any(|a| a.name == "value") {
                return Err(
                    Error::usage("a field is set twice").hint("the value is the field `value`")
                );
            }
            list.push(Assignment { name: "value".to_owned(), kind: None, value });
        }
        Ok(list)
    }

    fn argument(&self, name: &str, kind: Option<FieldType>, text: &str) -> Result<Secret> {
        let kind = kind.unwrap_or(FieldType::for_name(name));
        if kind.is_secret() && !self.value_in_argv {
            // Neither side is repeated: a value with `=` in it looks like a field.
            return Err(Error::usage(
                "a secret field was given as text, and arguments are seen by others",
            )
            .hint("use FIELD=prompt, FIELD=- or FIELD=@FILE; FIELD[text]=… if it is not secret"));
        }
        self.checked(Secret::copy_of(text.as_bytes()))
    }

    /// The value from stdin, or typed twice if that is a terminal.
    async fn stdin(&self, session: &Session, name: &str) -> Result<Secret> {
        if std::io::stdin().is_terminal() {
            return self.checked(session.prompt.value(name).await?);
        }
        let value = read_all(std::io::stdin().lock(), None)?;
        self.checked(if self.raw { value } else { self.trimmed(value) })
    }

    fn checked(&self, value: Secret) -> Result<Secret> {
        if value.is_empty() && !self.allow_empty {
            return Err(
                Error::usage("the value is empty").hint("--allow-empty stores it all the same")
            );
        }
        Ok(value)
    }

    /// A pipe usually ends a line: the newline behind one line of text is not part of the value.
    fn trimmed(&self, mut value: Secret) -> Secret {
        let keep = match value.text() {
            Some(text) if !self.keep_newline => {
                let line = text.strip_suffix('\n').unwrap_or(text);
                let line =
                    line.strip_suffix('\r').filter(|_| line.len() < text.len()).unwrap_or(line);
                if line.contains('\n') { text.len() } else { line.len() }
            }
            _ => value.len(),
        };
        value.truncate(keep);
        value
    }
}

/// `FIELD=SOURCE` or `FIELD[TYPE]=SOURCE`.
fn parse(argument: &str) -> Result<(String, Option<FieldType>, &str)> {
    let (field, source) = argument.split_once('=').ok_or_else(|| {
        // The text may be a value that somebody meant to pass: it is not repeated.
        Error::usage("an argument is not of the form FIELD=…")
            .hint("values never travel in arguments; pipe the value in, or use FIELD=prompt")
    })?;
    let (name, kind) = match field.strip_suffix(']').and_then(|f| f.rsplit_once('[')) {
        None => (field, None),
        Some((name, kind)) => {
            let kind = FieldType::parse(kind).ok_or_else(|| {
                Error::usage(format!("not a type of a field: {}", escape(kind)))
                    .hint("secret, text, url, email, otp or date")
            })?;
            (name, Some(kind))
        }
    };
    // Not the error itself, which repeats the name.
    check_field_name(name).map_err(|e| {
        let error = Error::usage("an argument does not begin with the name of a field");
        error.hint(e.hint.unwrap_or_default())
    })?;
    Ok((name.to_owned(), kind, source))
}

/// Reads a file into zeroed memory.
///
/// # Errors
/// Usage if it cannot be read, or is larger than any secret.
pub fn read_file(path: &Path) -> Result<Secret> {
    let failed = |e: std::io::Error| {
        let error = Error::usage(format!("cannot read {}", shown(path)));
        error.because(e)
    };
    let file = File::open(path).map_err(failed)?;
    read_all(file, Some(path.to_owned()))
}

/// Reads to the end into zeroed memory.
///
/// # Errors
/// As [`read_file`].
pub fn read_all(source: impl Read, name: Option<PathBuf>) -> Result<Secret> {
    read(source, name, |_, _| false)
}

/// Reads standard input into zeroed memory, to its end or until this is true of all that has come
/// and of where the newest part of it begins: who looks at that part alone stays fast.
///
/// # Errors
/// As [`read_file`].
pub fn read_until(stdin: impl Read, ends: impl Fn(&[u8], usize) -> bool) -> Result<Secret> {
    read(stdin, None, ends)
}

fn read(
    mut source: impl Read,
    name: Option<PathBuf>,
    ends: impl Fn(&[u8], usize) -> bool,
) -> Result<Secret> {
    let mut value = Secret::with_capacity(64 * 1024);
    let mut chunk = zeroize::Zeroizing::new(vec![0u8; 64 * 1024]);
    loop {
        let before = value.len();
        match source.read(&mut chunk) {
            Ok(0) => return Ok(value),
            Ok(len) => value.extend(&chunk[..len]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let name = name.as_deref().map_or("stdin".to_owned(), shown);
                return Err(Error::usage(format!("cannot read {name}")).because(e));
            }
        }
        if ends(value.bytes(), before) {
            return Ok(value);
        }
        if value.len() > MAX_PLAINTEXT {
            return Err(Error::usage("the value is too large: a secret holds at most 16 MiB")
                .hint("larger files are attachments, which this version does not have yet"));
        }
    }
}

/// Reports a write.
pub fn done(session: &Session, path: &str, written: Written) -> Result<()> {
    if session.json {
        return output::json(&serde_json::json!({ "path": path, "version": written.n }));
    }
    output::note(&format!("{path}: version {}", written.n));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split() {
        let parsed = |a| parse(a).map(|(n, k, s)| (n, k, s.to_owned())).map_err(|e| e.message);
        assert_eq!(parsed("user=a=b"), Ok(("user".into(), None, "a=b".into())));
        assert_eq!(parsed("n[text]="), Ok(("n".into(), Some(FieldType::Text), String::new())));
        assert!(parsed("n[odd]=x").is_err());
        assert!(parsed("=x").is_err());
        let error = parsed("hunter2").unwrap_err();
        assert!(!error.contains("hunter2"), "a value must not be repeated: {error}");
    }
}
