use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitStatus;

use clap::Args;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::output;
use super::put;
use super::session::{Session, shown};
use super::target;
use crate::config::{Inherit, Interface, inherited};
use crate::tui::editor::{Scratch, memory};
use crate::vault::{
    Edits, Error, Kind, Path, Rebased, Result, Secret, Sheet, Vault, Written, with_error,
};

/// Edit a secret in your editor, in memory only
///
/// The editor is $VISUAL, or $EDITOR, or vim, nano or vi. It edits a file in a directory in memory
/// ($XDG_RUNTIME_DIR or /dev/shm), which is overwritten and removed afterwards; vim and Emacs are
/// told to write no swap, undo or backup file. A secret with one field `value` is its text alone;
/// others have a line for each field, which the text explains. A path that is not there yet becomes a
/// new secret.
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
        let opened = newest(&vault, &path).await;
        session.warn(&vault);
        let sheet = Sheet::new(&path, opened?)?;
        let scratch = Scratch::new(&place, sheet.text())?;
        let editing = Editing { session, vault: &vault, path: &path, scratch };
        let (program, args) = editing.scratch.command(&interface)?;
        session.prompt.close_on_exec();
        let ended = editing.run(sheet, &program, &args).await;
        session.warn(&vault);
        match ended? {
            Ended::Wrote(written) => put::done(session, path.as_str(), written)?,
            Ended::Same(n) if session.json => {
                put::done(session, path.as_str(), Written { n })?;
            }
            Ended::Same(_) => output::note(&format!("{path}: nothing was changed")),
            Ended::Signal(exit) => return Ok(exit),
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

/// The newest version, if there is one.
async fn newest(vault: &Vault, path: &Path) -> Result<Option<crate::vault::Opened>> {
    match vault.read(path, None).await {
        Ok(opened) => Ok(Some(opened)),
        Err(e) if e.kind == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

enum Ended {
    /// A new version.
    Wrote(Written),
    /// Nothing was changed; the number of what is there.
    Same(u64),
    /// We were asked to end.
    Signal(Exit),
}

/// One secret and the file that it is edited in.
struct Editing<'e> {
    session: &'e Session,
    vault: &'e Vault,
    path: &'e Path,
    scratch: Scratch,
}

impl Editing<'_> {
    /// The editor, as often as it takes.
    async fn run(&self, mut sheet: Sheet, program: &str, args: &[String]) -> Result<Ended> {
        let mut signals = Signals::new()?;
        // Why it was opened again, and with what text. A script would go on for ever.
        let mut again: Option<(Error, Secret)> = None;
        let mut patience = if std::io::stdin().is_terminal() { usize::MAX } else { 1 };
        loop {
            let mut command = Command::new(program);
            command.args(args).env_clear().envs(inherited(Inherit::All));
            let cannot = |e: std::io::Error| Error::general("cannot run the editor").because(e);
            let status = match signals.wait(command.spawn().map_err(cannot)?).await {
                Ok(status) => status.map_err(cannot)?,
                Err(exit) => return Ok(Ended::Signal(exit)),
            };
            if !status.success() {
                return Err(Error::general(format!("the editor failed: {status}"))
                    .hint("nothing was written; VISUAL or EDITOR names another one"));
            }
            let text = self.scratch.read()?;
            if let Some((why, offered)) = again.take()
                && offered.bytes() == text.bytes()
            {
                return Err(why);
            }
            let (why, next) = match sheet.edits(&text) {
                Ok(edits) if edits.is_empty() => return Ok(Ended::Same(sheet.base())),
                Ok(edits) => match self.write(sheet, edits).await? {
                    Step::Done(written) => return Ok(Ended::Wrote(written)),
                    Step::Again(why, conflict) => {
                        sheet = conflict;
                        (why, Secret::copy_of(sheet.text().bytes()))
                    }
                },
                Err(why) => match with_error(&text, &why) {
                    Some(next) => (why, next),
                    None => return Err(why),
                },
            };
            if patience == 0 {
                return Err(why);
            }
            patience -= 1;
            self.scratch.write(&next)?;
            again = Some((why, next));
        }
    }

    /// Writes, on top of what somebody else wrote meanwhile if that goes together.
    async fn write(&self, mut sheet: Sheet, mut edits: Edits) -> Result<Step> {
        loop {
            let error = match self.vault.apply(self.path, Some(sheet.base()), &edits).await {
                Ok(written) => return Ok(Step::Done(written)),
                Err(e) => e,
            };
            match error.kind {
                Kind::Conflict => {
                    let newest = newest(self.vault, self.path).await?;
                    let on_top = Sheet::base_of(newest.as_ref());
                    match sheet.rebase(self.path, edits, newest)? {
                        Rebased::Merged(merged, base) => {
                            output::note(&format!(
                                "version {on_top} was written meanwhile; it changed other fields"
                            ));
                            (edits, sheet) = (merged, base);
                        }
                        Rebased::Conflict(conflict) => return Ok(Step::Again(error, conflict)),
                    }
                }
                // It is written.
                Kind::Partial => return Err(error),
                // What was typed is nowhere else.
                _ => {
                    super::tell(&error);
                    if !self.session.prompt.once_more("What you typed is kept").await? {
                        return Err(error);
                    }
                }
            }
        }
    }
}

enum Step {
    Done(Written),
    /// The editor opens again, with this.
    Again(Error, Sheet),
}

/// The signals that would end us with the text left behind.
struct Signals {
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).map_err(|e| Error::general("cannot wait").because(e));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            quit: on(SignalKind::quit())?,
            hangup: on(SignalKind::hangup())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    /// Until the editor ends, or we are asked to; then it ends, too.
    async fn wait(
        &mut self,
        mut editor: Child,
    ) -> std::result::Result<std::io::Result<ExitStatus>, Exit> {
        let exit = loop {
            tokio::select! {
                status = editor.wait() => return Ok(status),
                // The terminal sends these to both of us: they are the editor's business.
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.hangup.recv() => break Exit::HungUp,
                _ = self.terminate.recv() => break Exit::Terminated,
            }
        };
        // Not asked first: an editor that is asked writes what it has elsewhere.
        let _ = editor.kill().await;
        Err(exit)
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
