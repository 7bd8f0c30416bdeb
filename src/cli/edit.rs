use std::cell::Cell;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::process::Command;

use super::exit::Exit;
use super::output;
use super::put;
use super::session::{Session, shown};
use super::signals::Signals;
use super::target;
use crate::config::{Inherit, Interface, inherited};
use crate::tui::editor::{Scratch, memory};
use crate::vault::{Edits, Error, Kind, Path, Rebased, Result, Secret, Sheet, Vault, Written};

/// Edit a secret in your editor, in memory only
///
/// The editor is $VISUAL, or $EDITOR, or vim, nano or vi. It edits a file in a directory in memory
/// ($XDG_RUNTIME_DIR or /dev/shm), which is overwritten and removed afterwards; vim and Emacs are
/// told to write no swap, undo or backup file. A secret with one field `value` is its text alone;
/// others have a line for each field, which the text explains. A path that is not there yet becomes a
/// new secret, of the text.
///
/// If the text makes no secret, or somebody changed the same field meanwhile, the editor opens again
/// and says so; changes of different fields are merged. Leave that text as it is to give up; the
/// exit code is 2, or 6 after a conflict. Without a terminal it opens again only once. An editor that
/// fails, or changes nothing, writes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  vault edit prod/db
  EDITOR='code --wait' vault edit prod/db     an editor with a window has to wait")]
pub struct Edit {
    /// Which secret
    path: String,
    /// Where there is no directory in memory: edit in a temporary file on the disk
    #[arg(long)]
    allow_disk: bool,
}

impl Edit {
    pub async fn run(self, session: &Session) -> Result<Exit> {
        let path = target::path(&self.path)?;
        let interface = Interface::load(&session.settings.config_file)?;
        let place = self.place(&interface)?;
        let vault = session.vault_at(&path).await?;
        vault.need_write(&path)?;
        let opened = vault.read_if_there(&path).await;
        session.warn(&vault);
        let sheet = Sheet::new(&path, opened?)?;
        let scratch = Scratch::new(&place, sheet.text())?;
        let (program, args) = scratch.command(&interface)?;
        session.prompt.close_on_exec();
        let terminal = Terminal::now();
        // Before the editor is there: whoever sees it may send one.
        let signals = Signals::new()?;
        let ended = {
            let editing = Editing { session, vault: &vault, path: &path, scratch: &scratch };
            let running = Cell::new(false);
            tokio::select! {
                ended = editing.run(sheet, &program, &args, &running) => ended,
                exit = asked_to_end(signals, &running) => {
                    // The editor was killed with the other future. What it was in the middle of is
                    // not to stay on the screen; the text is not to stay in memory.
                    drop(scratch);
                    terminal.restore();
                    // Not to wait for a question that nobody answers.
                    std::process::exit(i32::from(exit.code()));
                }
            }
        };
        session.warn(&vault);
        match ended? {
            Ended::Wrote(written) => put::done(session, path.as_str(), written)?,
            Ended::Same(n) if session.json => {
                put::done(session, path.as_str(), Written { n })?;
            }
            Ended::Same(_) => output::note(&format!("{path}: nothing was changed")),
        }
        Ok(Exit::Ok)
    }

    fn place(&self, interface: &Interface) -> Result<PathBuf> {
        match memory(interface) {
            Ok(place) => Ok(place.to_owned()),
            Err(_) if self.allow_disk => {
                let place = interface.temp_dir.clone();
                output::note(&format!(
                    "warning: this edits in a file in {}, which may be on a disk",
                    shown(&place)
                ));
                Ok(place)
            }
            Err(e) => Err(e.hint(
                "set XDG_RUNTIME_DIR to a directory in memory; --allow-disk edits in a temporary \
                 file",
            )),
        }
    }
}

enum Ended {
    /// A new version.
    Wrote(Written),
    /// Nothing was changed; the number of what is there.
    Same(u64),
}

/// One secret and the file that it is edited in.
struct Editing<'e> {
    session: &'e Session,
    vault: &'e Vault,
    path: &'e Path,
    scratch: &'e Scratch,
}

/// What follows after the editor.
enum Step {
    Done(Ended),
    /// The editor opens again, with this sheet and text; with an error, leaving the text as it is
    /// gives up.
    Again(Sheet, Secret, Option<Error>),
}

impl Editing<'_> {
    /// The editor, as often as it takes. `running` is true while it has the terminal.
    async fn run(
        &self,
        mut sheet: Sheet,
        program: &str,
        args: &[String],
        running: &Cell<bool>,
    ) -> Result<Ended> {
        let mut offered = Secret::copy_of(sheet.text().bytes());
        // Why it was opened again. A script would go on for ever.
        let mut again: Option<Error> = None;
        let mut patience = if std::io::stdin().is_terminal() { usize::MAX } else { 1 };
        loop {
            let mut command = Command::new(program);
            command.args(args).env_clear().envs(inherited(Inherit::All)).kill_on_drop(true);
            let cannot = |e: std::io::Error| Error::general("cannot run the editor").because(e);
            running.set(true);
            let status = command.spawn().map_err(cannot)?.wait().await.map_err(cannot)?;
            running.set(false);
            if !status.success() {
                return Err(Error::general(format!("the editor failed: {status}"))
                    .hint("nothing was written; VISUAL or EDITOR names another one"));
            }
            let text = self.scratch.read()?;
            if let Some(why) = again.take()
                && offered.same(&text)
            {
                return Err(why);
            }
            let (next, next_text, mut give_up) = match self.step(sheet, text).await? {
                Step::Done(ended) => return Ok(ended),
                Step::Again(sheet, text, give_up) => (sheet, text, give_up),
            };
            if let Some(why) = give_up.take_if(|_| patience == 0) {
                return Err(why);
            }
            patience = patience.saturating_sub(1);
            self.scratch.write(&next_text)?;
            (sheet, offered, again) = (next, next_text, give_up);
        }
    }

    /// Writes what the editor left, if it can be.
    async fn step(&self, sheet: Sheet, text: Secret) -> Result<Step> {
        let edits = match sheet.edits(&text) {
            Ok(edits) if edits.is_empty() => return Ok(Step::Done(Ended::Same(sheet.base()))),
            Ok(edits) => edits,
            Err(why) => return self.offer_again(sheet, text, why).await,
        };
        match self.write(&sheet, edits).await {
            Ok(Written { n }) => Ok(Step::Done(Ended::Wrote(Written { n }))),
            Err(Refused::Conflict(why, conflict)) => {
                let text = Secret::copy_of(conflict.text().bytes());
                Ok(Step::Again(*conflict, text, Some(why)))
            }
            // It is written.
            Err(Refused::Error(e)) if e.kind == Kind::Partial => Err(e),
            Err(Refused::Error(e)) => self.offer_again(sheet, text, e).await,
        }
    }

    /// What was typed is nowhere else: the editor opens again with it, at once if the text has a
    /// place for the reason.
    async fn offer_again(&self, sheet: Sheet, text: Secret, why: Error) -> Result<Step> {
        if why.kind == Kind::Usage
            && let Some(text) = sheet.with_error(&text, &why)
        {
            return Ok(Step::Again(sheet, text, Some(why)));
        }
        if !self.session.prompt.is_possible() {
            return Err(why);
        }
        super::tell(&why);
        match self.session.prompt.once_more("What you typed is kept").await? {
            // To be saved once more, changed or not.
            true => Ok(Step::Again(sheet, text, None)),
            false => Err(Error::new(why.kind, "nothing was written")),
        }
    }

    /// Writes, on top of what somebody else wrote meanwhile if that goes together.
    async fn write(
        &self,
        sheet: &Sheet,
        mut edits: Edits,
    ) -> std::result::Result<Written, Refused> {
        let mut merged: Option<Sheet> = None;
        loop {
            let base = merged.as_ref().unwrap_or(sheet);
            let error = match self.vault.apply(self.path, Some(base.base()), &edits).await {
                Ok(written) => return Ok(written),
                Err(e) => e,
            };
            if error.kind != Kind::Conflict {
                return Err(Refused::Error(error));
            }
            let newest = self.vault.read_if_there(self.path).await?;
            let on_top = Sheet::base_of(newest.as_ref());
            match base.rebase(self.path, edits, newest)? {
                Rebased::Merged(same, on) => {
                    output::note(&format!(
                        "version {on_top} was written meanwhile; it changed other fields"
                    ));
                    (edits, merged) = (same, Some(on));
                }
                Rebased::Conflict(conflict) => {
                    let error = match on_top {
                        0 => Error::conflict(format!("{} was deleted meanwhile", self.path)),
                        _ => error,
                    };
                    return Err(Refused::Conflict(error, Box::new(conflict)));
                }
            }
        }
    }
}

/// Why nothing was written.
enum Refused {
    /// Both changed the same, which is in the sheet.
    Conflict(Error, Box<Sheet>),
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Until a signal comes that would end us with the text left behind. What the terminal sends to
/// everybody is the editor's business while it has the terminal.
async fn asked_to_end(mut signals: Signals, running: &Cell<bool>) -> Exit {
    loop {
        match signals.next().await {
            Exit::Interrupted | Exit::Quit if running.get() => {}
            exit => return exit,
        }
    }
}

/// The terminal as it was before the editor.
struct Terminal(Option<(File, Termios)>);

impl Terminal {
    fn now() -> Self {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok();
        Self(tty.and_then(|tty| tcgetattr(&tty).ok().map(|modes| (tty, modes))))
    }

    /// Its modes, and its first screen, with a cursor.
    fn restore(self) {
        if let Some((mut tty, modes)) = self.0 {
            let _ = tcsetattr(&tty, OptionalActions::Now, &modes);
            let _ = tty.write_all(b"\x1b[2J\x1b[?1049l\x1b[?25h\x1b[0m");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_edited_on_only_if_it_is_asked_for() {
        let interface = Interface {
            memory_dirs: vec!["/proc".into()],
            temp_dir: "/elsewhere".into(),
            ..Interface::default()
        };
        let place = |allow_disk| Edit { path: String::new(), allow_disk }.place(&interface);
        let error = place(false).unwrap_err();
        assert_eq!(error.kind, Kind::General);
        assert!(error.hint.unwrap().contains("--allow-disk"));
        assert_eq!(place(true).unwrap(), PathBuf::from("/elsewhere"));
    }
}
