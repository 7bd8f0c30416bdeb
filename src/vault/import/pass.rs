//! A store of `pass`: a folder of files for `gpg`, each with the password in its first line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::logins::{Login, Part};
use super::{ItemContent, MAX_ITEMS, Parsed, Total};
use crate::core::document::MAX_PLAINTEXT;
use crate::core::error::{Error, Result, listed};
use crate::core::path::escape;
use crate::core::secret::Secret;

/// How many files are decrypted at once: the agent of `gpg` answers one after the other.
const AT_ONCE: usize = 4;
/// Deepest nesting of folders.
const MAX_DEPTH: usize = 32;
/// Longest key of a `key: value` line.
const MAX_KEY: usize = 32;
/// Most that is shown of what `gpg` says.
const MAX_SAID: usize = 300;

/// Reads a store by running `gpg` for each of its files.
///
/// # Errors
/// Not found if there is no such file in the folder; credentials if `gpg` is missing or cannot
/// decrypt some of them, which are all named.
pub async fn read(folder: &Path) -> Result<Parsed> {
    let root = fs::canonicalize(folder).map_err(|e| unreadable(folder, e))?;
    let mut found = Store { root, files: Vec::new(), folders: 0, outside: Vec::new() };
    let mut parsed = Parsed::default();
    found.find(folder, &mut Vec::new(), &mut parsed)?;
    let Store { mut files, outside, .. } = found;
    if !outside.is_empty() {
        // A store may come from others, and gpg would open whatever the user can open.
        let outside: Vec<_> = outside.iter().map(|name| escape(name)).collect();
        return Err(Error::usage(format!(
            "these are links to files outside of the store: {}",
            listed(&outside, ", ")
        ))
        .hint("put a file in the place of each link that you trust, or remove the link"));
    }
    if files.is_empty() {
        return Err(Error::not_found("there is no .gpg file in the folder")
            .hint("a folder is read as the store of `pass`"));
    }
    files.sort();
    let total = Total::default();
    let total = &total;
    let read = |(segments, file): (Vec<String>, PathBuf)| async move {
        let text = decrypt(&file).await?;
        text.as_ref().map_or(Ok(()), |text| total.add(text))?;
        Ok::<_, Error>((segments, text))
    };
    let texts: Vec<_> = stream::iter(files).map(read).buffered(AT_ONCE).try_collect().await?;
    let count = texts.len();
    let mut failed = Vec::new();
    for (segments, text) in texts {
        match text.as_ref().map(parse) {
            Ok(Some(content)) => parsed.push(segments, content)?,
            Ok(None) => parsed.leave(format!("{}: nothing in it", segments.join("/"))),
            Err(why) => failed.push(format!("{}: {why}", escape(&segments.join("/")))),
        }
    }
    if !failed.is_empty() {
        return Err(Error::credentials(format!(
            "gpg did not decrypt {} of {count} files\n  {}",
            failed.len(),
            listed(&failed, "\n  "),
        ))
        .hint("`gpg --decrypt FILE` shows whether it can; it may have to ask you there"));
    }
    Ok(parsed)
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    Error::usage(format!("cannot read {}", escape(&path.display().to_string()))).because(e)
}

/// What is found in a store.
struct Store {
    /// Without links.
    root: PathBuf,
    /// Names in the store, and where each is.
    files: Vec<(Vec<String>, PathBuf)>,
    folders: usize,
    /// Links that lead out of it.
    outside: Vec<String>,
}

impl Store {
    /// Finds the files below a folder. Hidden ones are not part of the store, and folders that are
    /// links are not gone into: they may lead out of it, or back.
    fn find(
        &mut self,
        folder: &Path,
        segments: &mut Vec<String>,
        parsed: &mut Parsed,
    ) -> Result<()> {
        if segments.len() > MAX_DEPTH {
            return Err(Error::usage("the folders are nested too deep"));
        }
        self.folders += 1;
        if self.folders > MAX_ITEMS {
            return Err(Error::usage(format!("more than {MAX_ITEMS} folders")));
        }
        for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let path = entry.map_err(|e| unreadable(folder, e))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(Error::usage(format!(
                    "a name that is not UTF-8: {}",
                    escape(&path.display().to_string())
                )));
            };
            if name.starts_with('.') {
                continue;
            }
            // A link that leads nowhere, or a file that is not ours to see.
            let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e))?;
            let is_link =
                fs::symlink_metadata(&path).map_err(|e| unreadable(&path, e))?.is_symlink();
            if meta.is_dir() {
                let name = name.to_owned();
                segments.push(name);
                match is_link {
                    true => parsed.leave(format!("{}: a link to a folder", segments.join("/"))),
                    false => self.find(&path, segments, parsed)?,
                }
                segments.pop();
            } else if let Some(name) = name.strip_suffix(".gpg").filter(|_| meta.is_file()) {
                let names = segments.iter().cloned().chain([name.to_owned()]).collect();
                self.file(names, path, is_link)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, names: Vec<String>, path: PathBuf, is_link: bool) -> Result<()> {
        if self.files.len() + self.outside.len() == MAX_ITEMS {
            return Err(Error::usage(format!("more than {MAX_ITEMS} secrets at once")));
        }
        if !is_link {
            self.files.push((names, path));
            return Ok(());
        }
        let real = fs::canonicalize(&path).map_err(|e| unreadable(&path, e))?;
        match real.starts_with(&self.root) {
            true => self.files.push((names, real)),
            false => self.outside.push(names.join("/")),
        }
        Ok(())
    }
}

/// What `gpg` makes of a file, read into zeroed memory, or why it makes nothing of it.
///
/// # Errors
/// Credentials if `gpg` does not start: no other file is to be tried.
async fn decrypt(file: &Path) -> Result<std::result::Result<Secret, String>> {
    let mut gpg = Command::new("gpg")
        .args(["--quiet", "--batch", "--yes", "--decrypt", "--output", "-", "--"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| {
            Error::credentials("gpg did not decrypt anything: it does not start").because(e)
        })?;
    Ok(output(&mut gpg).await)
}

async fn output(gpg: &mut Child) -> std::result::Result<Secret, String> {
    let (Some(mut stdout), Some(stderr)) = (gpg.stdout.take(), gpg.stderr.take()) else {
        return Err("the program gpg has no output".to_owned());
    };
    let value = async {
        let mut out = Secret::with_capacity(4096);
        let mut chunk = zeroize::Zeroizing::new([0u8; 16 * 1024]);
        loop {
            match stdout.read(&mut *chunk).await {
                Ok(0) => return Ok(out),
                Ok(len) => out.extend(&chunk[..len]),
                Err(e) => return Err(e.to_string()),
            }
            if out.len() > MAX_PLAINTEXT {
                return Err("larger than 16 MiB".to_owned());
            }
        }
    };
    let said = async {
        let mut said = String::new();
        let _ = stderr.take(64 * 1024).read_to_string(&mut said).await;
        said
    };
    let (value, said) = futures_util::join!(value, said);
    let value = value?;
    let status = gpg.wait().await.map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(value);
    }
    let said =
        said.lines().rfind(|line| line.starts_with("gpg: ")).unwrap_or("it does not say why");
    Err(escape(said.trim_start_matches("gpg: ")).chars().take(MAX_SAID).collect())
}

/// A file of `pass`; `None` if it is empty.
pub fn parse(text: &Secret) -> Option<ItemContent> {
    let Some(all) = text.text() else {
        return Some(ItemContent::Raw(Secret::copy_of(text.bytes())));
    };
    let copy = |text: &str| Some(Secret::copy_of(text.as_bytes()));
    let mut login = Login::default();
    if all.starts_with("-----BEGIN ") {
        // A key or certificate, no line of which is a password.
        login.part(Part::Password, copy(all));
        return login.fields();
    }
    let mut lines = all.split_inclusive('\n');
    let first = end_off(lines.next().unwrap_or_default());
    match first.starts_with("otpauth://") {
        true => login.part(Part::Otp, copy(first)),
        false => login.part(Part::Password, copy(first)),
    }
    let mut notes = Secret::with_capacity(all.len());
    let mut within_key = false;
    for whole in lines {
        let line = end_off(whole);
        if within_key || line.starts_with("-----BEGIN ") {
            within_key = !line.starts_with("-----END ");
            notes.extend(whole.as_bytes());
            continue;
        }
        if line.starts_with("otpauth://") {
            login.part(Part::Otp, copy(line));
            continue;
        }
        let named = line.split_once(':').filter(|(name, value)| {
            is_key(name) && value.starts_with(' ') && !value.trim().is_empty()
        });
        let Some((name, value)) = named.map(|(name, value)| (name, value.trim())) else {
            notes.extend(line.as_bytes());
            notes.push(b'\n');
            continue;
        };
        match name.to_lowercase().as_str() {
            "login" | "user" | "username" => login.part(Part::Username, copy(value)),
            "url" | "uri" | "website" => login.part(Part::Url, copy(value)),
            _ => login.custom(name, None, copy(value)),
        }
    }
    let end = notes.bytes().iter().rposition(|&b| b != b'\n').map_or(0, |at| at + 1);
    notes.truncate(end);
    login.part(Part::Notes, Some(notes));
    login.fields()
}

/// A line without its end.
fn end_off(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// One word. What has several is more likely a sentence in which a secret stands.
fn is_key(name: &str) -> bool {
    name.len() <= MAX_KEY
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, String)> {
        let Some(ItemContent::Fields(fields)) = parse(&Secret::copy_of(text.as_bytes())) else {
            return Vec::new();
        };
        let text = |f: super::super::ItemField| (f.name, f.value.text().unwrap().to_owned());
        fields.into_iter().map(text).collect()
    }

    #[test]
    fn lines_become_fields() {
        let text = "made-up\nlogin: ann\nurl: https://example.com\nPin-code: 12\nsee https://x.org\n\
                    otpauth://totp/a?secret=GEZDGNBV\nmore:\n";
        let expected = [
            ("username", "ann"),
            ("value", "made-up"),
            ("url", "https://example.com"),
            ("otp", "otpauth://totp/a?secret=GEZDGNBV"),
            ("Pin-code", "12"),
            ("notes", "see https://x.org\nmore:"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields(text), expected);
        assert_eq!(fields("only"), [("value".to_owned(), "only".to_owned())]);
        for sentence in ["Pin code: 12", "the old one: x", "1st: x", "ü: x", "a=b: x", ": x", "a:b"]
        {
            let expected = [("value", "x"), ("notes", sentence)];
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(fields(&format!("x\n{sentence}\n")), expected);
        }
        let long = "k".repeat(MAX_KEY);
        assert_eq!(fields(&format!("x\n{long}: y"))[1].0, long);
        assert_eq!(fields(&format!("x\n{long}k: y"))[1].0, "notes");
        assert_eq!(fields("\n\n"), []);
        assert_eq!(fields("")[..], []);
    }

    #[test]
    fn keys_and_bytes_stay_whole() {
        let key = "-----BEGIN MADE-UP KEY-----\nAA: BB\n-----END MADE-UP KEY-----\n";
        assert_eq!(fields(key), [("value".to_owned(), key.to_owned())]);
        // Its headers are no fields, wherever it stands.
        let inner = "-----BEGIN MADE-UP KEY-----\r\nProc-Type: 4\r\n\r\notpauth://x\r\n\
                     -----END MADE-UP KEY-----";
        let got = fields(&format!("pw\nuser: ann\n{inner}\nurl: https://x.org\n"));
        let expected =
            [("username", "ann"), ("value", "pw"), ("url", "https://x.org"), ("notes", inner)];
        assert_eq!(got, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let open = "-----BEGIN MADE-UP KEY-----\na: b";
        assert_eq!(fields(&format!("pw\n{open}"))[1], ("notes".to_owned(), open.to_owned()));
        let content = parse(&Secret::copy_of(&[0xff, 0]));
        assert!(matches!(content, Some(ItemContent::Raw(bytes)) if bytes.bytes() == [0xff, 0]));
    }
}
