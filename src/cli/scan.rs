use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use walkdir::{DirEntry, WalkDir};
use zeroize::Zeroizing;

use super::exit::Exit;
use super::output;
use super::resolve;
use super::session::{Session, shown};
use crate::vault::{
    Content, Error, Kind, Opened, Path, Prefix, Result, Scan as Stream, Secret, Traces, Vault,
    escape,
};

/// Secrets that are decrypted at once.
const ROUND: usize = 512;

/// Find the vault's values in files, or in standard input
///
/// Looks for every value of a secret field, and its base64, URL-encoded and JSON forms, in all files
/// below the places named, and prints the file, the first line, and which secret it is; never a value.
/// Values are decrypted in memory, and written nowhere. Links are not followed, folders named `.git`
/// are passed over: their history is packed (`git log -p --all` unpacks it).
///
/// Values of less than eight bytes are not looked for; of larger ones than 4 KiB, the beginning is.
/// What was looked for is said at the end. The exit code is 1 if anything was found, 3 if there was
/// nothing to look for, 9 if something could not be looked at.
#[derive(Args)]
#[command(after_help = "Examples:
  vault scan                                  below this directory
  vault scan --prefix prod src deploy.log
  git diff --cached -U0 | grep '^+' | vault scan -     what is about to be committed
  git log -p --all | vault scan -             what ever was")]
pub struct Scan {
    /// Files and directories; - for standard input [default: this directory]
    #[arg(value_name = "FILE")]
    places: Vec<PathBuf>,
    /// Only values of secrets below this folder, or of this secret
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
}

/// A value that is looked for: of which secret, and of which field if it has any.
type Place = (Path, Option<String>);
/// Where a value was found: the first line, and how many have it.
type Found = BTreeMap<(PathBuf, Place), (u64, u64)>;

impl Scan {
    pub async fn run(mut self, session: &Session) -> Result<Exit> {
        let prefix = session.prefix(self.prefix.as_deref())?;
        if self.places.is_empty() {
            self.places.push(".".into());
        }
        let vault = session.vault().await?;
        let values = values(&vault, &prefix).await;
        session.warn(&vault);
        let values = values?;
        if values.secrets.is_empty() && values.failed.is_empty() {
            values.tell();
            return Err(Error::not_found("there is no value to look for")
                .hint("--prefix names a folder, or a secret, as `vault ls` lists them"));
        }
        let traces = Traces::new(&values.secrets)?;
        let mut look =
            Look { traces: &traces, places: &values.places, files: 0, found: BTreeMap::new() };
        let mut unread = BTreeSet::new();
        for place in &self.places {
            match place.as_os_str() == "-" {
                true => {
                    if let Err(e) = look.through(place, std::io::stdin().lock()) {
                        unread.insert(format!("standard input: {e}"));
                    }
                }
                false => look.below(place, &mut unread),
            }
        }
        print(session, &look.found)?;
        output::note(&format!(
            "{} values were looked for in {} files",
            values.secrets.len(),
            look.files
        ));
        values.tell();
        for line in &unread {
            output::note(&format!("not looked at: {line}"));
        }
        let found = !look.found.is_empty();
        match resolve::failures(values.failed, "these were not looked for") {
            Some(error) if found => super::tell(&error),
            Some(error) => return Err(Error::new(Kind::Partial, error.message)),
            None => {}
        }
        Ok(match found {
            true => Exit::General,
            false if !unread.is_empty() => Exit::Partial,
            false => Exit::Ok,
        })
    }
}

/// What is looked for.
#[derive(Default)]
struct Values {
    secrets: Vec<Secret>,
    places: Vec<Place>,
    short: usize,
    hidden: usize,
    failed: Vec<(String, Error)>,
}

impl Values {
    fn add(&mut self, path: &Path, opened: Opened) {
        match opened.content {
            Content::Raw(bytes) => self.add_value((path.clone(), None), bytes),
            Content::Doc(document) => {
                let secret = document.fields.into_iter().filter(|field| field.kind.is_secret());
                secret.for_each(|f| self.add_value((path.clone(), Some(f.name)), f.value));
            }
        }
    }

    fn add_value(&mut self, place: Place, value: Secret) {
        if Traces::can_find(&value) {
            self.secrets.push(value);
            self.places.push(place);
        } else {
            self.short += 1;
        }
    }

    /// What the answer says nothing about.
    fn tell(&self) {
        if self.short > 0 {
            output::note(&format!(
                "values of less than eight bytes, not looked for: {}",
                self.short
            ));
        }
        if self.hidden > 0 {
            output::note(&format!(
                "secrets that this identity may not read, not looked for: {}",
                self.hidden
            ));
        }
    }
}

async fn values(vault: &Vault, prefix: &Prefix) -> Result<Values> {
    let mut values = Values::default();
    let mut all = vault.list(prefix).await?;
    // A secret of that name is meant as well.
    if let Ok(path) = Path::parse(prefix.as_str())
        && vault.exists(&path).await?
    {
        all.push(path);
    }
    for paths in all.chunks(ROUND) {
        for (path, answer) in paths.iter().zip(vault.read_many(paths).await?) {
            match answer {
                Ok(opened) => values.add(path, opened),
                // Deleted since it was listed.
                Err(e) if e.kind == Kind::NotFound => {}
                Err(e) if e.kind == Kind::Denied => values.hidden += 1,
                Err(e) => values.failed.push((path.to_string(), e)),
            }
        }
    }
    Ok(values)
}

/// What was found so far.
struct Look<'l> {
    traces: &'l Traces,
    places: &'l [Place],
    files: u64,
    found: Found,
}

impl Look<'_> {
    /// Every file there; what cannot be read is named in `unread`.
    fn below(&mut self, place: &std::path::Path, unread: &mut BTreeSet<String>) {
        let wanted = |entry: &DirEntry| entry.depth() == 0 || entry.file_name() != ".git";
        for entry in WalkDir::new(place).into_iter().filter_entry(wanted) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().unwrap_or(place).to_owned();
                    let why = e.into_io_error().map_or("a loop".to_owned(), |e| e.to_string());
                    unread.insert(format!("{}: {why}", shown(&path)));
                    continue;
                }
            };
            // What is named itself may be a pipe.
            let named = entry.depth() == 0 && !entry.path().is_dir();
            if entry.file_type().is_file() || named {
                let file = File::open(entry.path());
                if let Err(e) = file.and_then(|file| self.through(entry.path(), file)) {
                    unread.insert(format!("{}: {e}", shown(entry.path())));
                }
            }
        }
    }

    fn through(&mut self, name: &std::path::Path, mut from: impl Read) -> std::io::Result<()> {
        let mut stream = Stream::new(self.traces);
        let mut chunk = Zeroizing::new(vec![0; 64 * 1024]);
        let ended = loop {
            match from.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(len) => stream.read(&chunk[..len]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        let name = name.strip_prefix("./").unwrap_or(name);
        self.files += 1;
        for (line, value) in stream.found() {
            let place = (name.to_owned(), self.places[value].clone());
            self.found.entry(place).or_insert((line, 0)).1 += 1;
        }
        ended
    }
}

fn print(session: &Session, found: &Found) -> Result<()> {
    if session.json {
        let list = found.iter().map(|((file, (path, field)), (line, lines))| {
            json!({
                "field": field, "file": file.to_string_lossy(), "line": line, "lines": lines,
                "path": path.as_str(),
            })
        });
        return output::json(&list.collect());
    }
    let mut rows: Vec<_> = found.iter().collect();
    rows.sort_by_key(|((file, place), (line, _))| (file, line, place));
    let cells = |((file, (path, field)), (line, _)): &(&(PathBuf, Place), &(u64, u64))| {
        let field = field.as_deref().map(escape).unwrap_or_default();
        vec![shown(file), line.to_string(), path.to_string(), field]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    output::table(&["FILE", "LINE", "SECRET", "FIELD"], &rows)
}
