use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;
use walkdir::{DirEntry, WalkDir};
use zeroize::Zeroizing;

use super::exit::Exit;
use super::output;
use super::resolve;
use super::session::{Session, shown};
use crate::vault::{
    Content, Error, Kind, Opened, Path, Prefix, Result, Scan as Stream, Secret, Traces, Vault,
    Version, escape,
};

/// Secrets that are decrypted at once.
const ROUND: usize = 512;
/// Histories that are read at once.
const HISTORIES: usize = 32;

/// Find the vault's values in files, or in standard input
///
/// Looks for every value of a secret field, and its base64, URL-encoded and JSON forms, in all files
/// below the places named, and prints the file, the first line, and which secret it is; never a value.
/// Values are decrypted in memory, and written nowhere. Links are not followed, folders named `.git`
/// are passed over: their history is packed (`git log -p --all` unpacks it).
///
/// The newest values are looked for; with --history those of earlier versions and of deleted
/// secrets, too. Values of less than eight bytes are not; of larger ones than 4 KiB, the beginning is. What was looked for is said
/// at the end. The exit code is 1 if anything was found, 3 if there was nothing to look for or to look
/// at, 9 if something could not be looked at.
#[derive(Args)]
#[command(after_help = "Examples:
  vault scan                                  below this directory
  vault scan --prefix prod src deploy.log
  git diff --cached -U0 | grep -a '^+' | vault scan -  what is about to be committed
  git log -p --all | vault scan --history -   what ever was, of whatever ever was a value")]
pub struct Scan {
    /// Files and directories; - for standard input [default: this directory, if nothing is piped in]
    #[arg(value_name = "FILE")]
    places: Vec<PathBuf>,
    /// Only values of secrets below this folder, or of this secret
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
    /// Values of earlier versions and of deleted secrets, too
    #[arg(long)]
    history: bool,
}

/// A value that is looked for: of which secret, and of which field if it has any.
type Place = (Path, Option<String>);
/// Where a value was found: the first line, and how many have it.
type Found = BTreeMap<(PathBuf, Place), (u64, u64)>;

impl Scan {
    pub async fn run(mut self, session: &Session) -> Result<Exit> {
        // A folder that a `.vault.toml` names does not narrow it: it may be somebody else's file.
        let prefix = self.prefix.as_deref().map(Prefix::parse).transpose()?.unwrap_or_default();
        if self.places.is_empty() {
            if is_fed() {
                return Err(Error::usage(
                    "standard input is a pipe or a file, and FILE is not given",
                )
                .hint("`vault scan -` reads it, `vault scan .` this directory"));
            }
            self.places.push(".".into());
        }
        let vault = session.vault().await?;
        let values = values(&vault, &prefix, self.history).await;
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
        if look.files == 0 && unread.is_empty() {
            return Err(Error::not_found("there is no file to look at"));
        }
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

    /// Values of all versions but the newest, which may be a tombstone.
    async fn add_earlier(&mut self, vault: &Vault, paths: &[Path]) -> Result<()> {
        let histories = stream::iter(paths).map(|path| async move { vault.history(path).await });
        let histories: Vec<_> = histories.buffered(HISTORIES).collect().await;
        let mut wanted = Vec::new();
        for (path, versions) in paths.iter().zip(histories) {
            let versions = match versions {
                Ok(versions) => versions,
                Err(e) => {
                    self.failed.push((format!("the history of {path}"), e));
                    continue;
                }
            };
            let held = |v: &Version| v.header.as_ref().is_some_and(|h| !h.op.is_tombstone());
            let earlier = versions.iter().skip(1).filter(|v| v.refused.is_none() && held(v));
            wanted.extend(earlier.map(|v| (path.clone(), Some(v.n))));
        }
        for ((path, n), answer) in wanted.iter().zip(vault.read_each(&wanted).await?) {
            match answer {
                Ok(opened) => self.add(path, opened),
                Err(e) if e.kind == Kind::NotFound => {}
                Err(e) if e.kind == Kind::Denied => self.hidden += 1,
                Err(e) => {
                    self.failed.push((format!("{path}@{}", n.unwrap_or_default()), e));
                }
            }
        }
        Ok(())
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

/// True if something was given on standard input, which a job of cron or CI may never have been.
fn is_fed() -> bool {
    let stdin = rustix::fs::fstat(std::io::stdin());
    let kind = stdin.map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::RegularFile))
}

async fn values(vault: &Vault, prefix: &Prefix, history: bool) -> Result<Values> {
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
    if history {
        let deleted = vault.list_deleted(prefix).await?;
        all.extend(deleted.into_iter().map(|deleted| deleted.path));
        for paths in all.chunks(ROUND) {
            values.add_earlier(vault, paths).await?;
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
        for (value, lines) in stream.found() {
            let place = (name.to_owned(), self.places[value].clone());
            // Two versions of a value may be in one file.
            let (first, count) = self.found.entry(place).or_insert((lines.first, 0));
            *first = lines.first.min(*first);
            *count += lines.count;
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
