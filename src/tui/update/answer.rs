//! Answers of the vault. One that nobody waits for any more is dropped, and a value with it.

use crate::vault::{Error, Kind, Opened, Path};

use super::super::effect::Effect;
use super::super::keys::Action;
use super::super::message::{Change, Copied, Draft, Id, Message, Purpose};
use super::super::model::{
    CLIPBOARD, Form, Model, Popup, Problem, Request, SHOW, Screen, Shown, Status,
};
use super::super::rows::{Meta, Sort};
use super::Effects;
use super::popup::valueless;

impl Model {
    pub(super) fn answer(&mut self, message: Message) -> Effects {
        match message {
            Message::Unlocked(id, answer) => return self.unlocked(id, answer),
            Message::Names(id, names) => self.names(id, names),
            Message::NamesEnd(id, answer) => self.names_end(id, answer),
            Message::Described(id, metas) => self.described(id, metas),
            Message::DescribeFailed(id, paths, error) => self.not_described(id, &paths, &error),
            Message::Opened(id, purpose, path, answer) => {
                return self.opened(id, purpose, path, answer);
            }
            Message::Fields(id, path, answer) => {
                let Some(request) = self.finish(id) else { return Vec::new() };
                match (answer, self.popups.last_mut()) {
                    (Ok(fields), Some(Popup::Fields(choice))) if choice.path == path => {
                        choice.fields = Some(fields);
                    }
                    (Ok(_), _) => {}
                    (Err(e), Some(Popup::Fields(_))) => self.fail_closing(&e, &request),
                    (Err(e), _) => self.fail(&e, request.action),
                }
            }
            Message::Copied(id, what, answer) => self.copied(id, &what, answer),
            Message::ClipboardDone => self.clipboard = None,
            Message::Versions(id, path, answer) => self.got_versions(id, path, answer),
            Message::Compared(id, path, answer) => {
                let Some(request) = self.finish(id) else { return Vec::new() };
                match (answer, self.popups.last_mut()) {
                    (Ok(both), Some(Popup::Compare(compare))) if compare.path == path => {
                        compare.contents = Some(both);
                    }
                    (Ok(_), _) => {}
                    (Err(e), Some(Popup::Compare(_))) => self.fail_closing(&e, &request),
                    (Err(e), _) => self.fail(&e, request.action),
                }
            }
            Message::Wrote(id, path, answer) => return self.wrote(id, path, answer),
            Message::Edited(id, path, answer) => return self.edited(id, &path, answer),
            Message::Done(id, change, answer) => return self.done(id, change, answer),
            Message::Team(..)
            | Message::TeamChanged(..)
            | Message::Resolved(..)
            | Message::Sealing(..)
            | Message::Sealed(..)
            | Message::Exposed(..)
            | Message::Log(..)
            | Message::Recovery(_)
            | Message::Lost(..) => return self.team_answer(message),
            Message::Vacant(..) | Message::Words(..) | Message::Founded(..) => {
                return self.setup_answer(message);
            }
            // Not over an error, which is more urgent.
            Message::Warning(text) if !matches!(self.status, Status::Error(..)) => {
                self.status = Status::Warning(crate::vault::escape(&text));
            }
            _ => {}
        }
        Vec::new()
    }

    /// One line at the bottom; the rest on request.
    pub(super) fn fail(&mut self, error: &Error, retry: Option<Action>) {
        self.suspicious |= error.kind == Kind::Integrity;
        self.status = Status::Error(Problem::from(error), retry);
    }

    /// What nobody asked for failed. If the names could not even be listed, that is the reason.
    fn fail_besides(&mut self, error: &Error) {
        if self.not_listed.is_none() {
            self.fail(error, Some(Action::Reload));
        }
    }

    /// The popup that waited has nothing to show: the error takes its place.
    pub(super) fn fail_closing(&mut self, error: &Error, request: &Request) {
        self.popups.pop();
        self.fail(error, request.action);
    }

    fn unlocked(
        &mut self,
        id: Id,
        answer: Result<super::super::message::Session, Error>,
    ) -> Effects {
        if self.finish(id).is_none() {
            return Vec::new();
        }
        match answer {
            Ok(session) => {
                self.status = match (self.failed_behind.take(), &session.warning) {
                    (Some(problem), _) => Status::Error(problem, None),
                    (None, Some(warning)) => Status::Warning(warning.clone()),
                    (None, None) => Status::Quiet,
                };
                self.session = session;
                self.screen = Screen::Browse;
                self.last_input = self.now.running;
                self.reload()
            }
            Err(e) => {
                if let Screen::Unlock(unlock) = &mut self.screen {
                    unlock.busy = None;
                    unlock.problem = Some(Problem::from(&e));
                }
                Vec::new()
            }
        }
    }

    fn names(&mut self, id: Id, names: Vec<Path>) {
        let Some((listing, count)) = &mut self.listing else { return };
        if *listing != id {
            return;
        }
        *count += names.len();
        let label = format!("reading names: {count}");
        match &mut self.incoming {
            Some(incoming) => incoming.extend(names),
            None => {
                self.rows.append(names);
                self.select_awaited();
            }
        }
        if let Some(request) = self.requests.iter_mut().find(|request| request.id == id) {
            request.label = label;
        }
    }

    fn names_end(&mut self, id: Id, answer: Result<(), Error>) {
        if self.listing.is_none_or(|(listing, _)| listing != id) {
            return;
        }
        self.listing = None;
        self.finish(id);
        match (answer, self.incoming.take()) {
            (Ok(()), Some(names)) => self.rows.replace(names),
            (Ok(()), None) => self.rows.finish(),
            (Err(e), _) => {
                self.rows.finish();
                self.not_listed = Some(Problem::from(&e));
                self.fail(&e, Some(Action::Reload));
            }
        }
        self.select_awaited();
        self.select = None;
        if matches!(self.status, Status::Quiet) {
            let total = self.rows.total();
            let text = match total {
                0 => "There are no secrets yet: a adds one.".to_owned(),
                1 => "Loaded 1 name.".to_owned(),
                _ => format!("Loaded {total} names."),
            };
            self.status = Status::Info(text);
        }
    }

    fn select_awaited(&mut self) {
        if let Some(path) = self.select.take()
            && !self.rows.select(&path)
        {
            self.select = Some(path);
        }
    }

    fn described(&mut self, id: Id, metas: Vec<(Path, Meta)>) {
        let Some(at) = self.requests.iter().position(|request| request.id == id) else { return };
        let request = &mut self.requests[at];
        let ended = metas.is_empty();
        if let Some((done, _)) = &mut request.progress {
            *done += metas.len();
        }
        for (path, meta) in metas {
            self.rows.set_meta(&path, meta);
        }
        if ended {
            self.requests.remove(at);
            if self.rows.sort() != Sort::Name {
                self.rows.order(self.rows.sort());
            }
            if self.rows.mark().is_some() {
                self.rows.narrow_again();
            }
        }
    }

    fn not_described(&mut self, id: Id, paths: &[Path], error: &Error) {
        if !self.requests.iter().any(|request| request.id == id) {
            return;
        }
        for path in paths {
            if let Some(Meta::Unknown) = self.rows.find(path).map(|row| &row.meta) {
                self.rows.set_meta(path, Meta::Failed);
            }
        }
        self.fail_besides(error);
    }

    fn opened(
        &mut self,
        id: Id,
        purpose: Purpose,
        path: Path,
        answer: Result<Opened, Error>,
    ) -> Effects {
        let Some(request) = self.finish(id) else { return Vec::new() };
        let opened = match answer {
            Ok(opened) => opened,
            Err(e) => {
                self.generator_rests(id);
                if !(e.kind == Kind::Denied && self.say_locked(&path)) {
                    self.fail(&e, request.action);
                }
                return Vec::new();
            }
        };
        if purpose == Purpose::Generated {
            return self.generated_for(id, path, &opened);
        }
        // Whoever moved on, or opened something above it, does not want it any more.
        if Some(&path) != self.selected() || !self.popups.is_empty() {
            return Vec::new();
        }
        match purpose {
            Purpose::Reveal => {
                let until = self.now.running + SHOW;
                self.shown = Some(Shown { path, opened, until });
                self.detail_top = 0;
                self.status = Status::Quiet;
            }
            Purpose::Edit => match Form::edit(path, opened) {
                Some(form) => self.open(Popup::Form(form)),
                None => {
                    let e = Error::usage("there is no text in it to edit")
                        .hint("`vault put PATH --raw < FILE` writes bytes");
                    self.fail(&e, None);
                }
            },
            Purpose::Replace => self.replace(path, &opened),
            Purpose::Generated => {}
        }
        Vec::new()
    }

    fn copied(&mut self, id: Id, what: &str, answer: Result<Copied, Error>) {
        let Some(request) = self.finish(id) else { return };
        match answer {
            Ok(Copied::Held) => {
                self.clipboard = Some(self.now.running + CLIPBOARD);
                self.status = Status::Info(format!(
                    "Copied {what}; the clipboard is cleared in {} s.",
                    CLIPBOARD.as_secs()
                ));
            }
            Ok(Copied::Terminal) => {
                self.status = Status::Warning(format!(
                    "Sent {what} to the terminal's clipboard; nobody can clear or check it."
                ));
            }
            Err(e) if e.kind == Kind::Denied && self.say_selected_locked() => {}
            Err(e) => self.fail(&e, request.action),
        }
    }

    fn got_versions(
        &mut self,
        id: Id,
        path: Path,
        answer: Result<Vec<crate::vault::Version>, Error>,
    ) {
        let Some(request) = self.finish(id) else { return };
        match answer {
            Ok(versions) => {
                if let Some(Popup::History(history)) = self.popups.last_mut()
                    && history.path == path
                {
                    history.versions = Some(versions.clone());
                    self.say_deleted(&versions);
                }
                self.versions = Some((path, versions));
            }
            Err(e) => {
                // Asked for again when the cursor comes back, not at once.
                self.versions = Some((path, Vec::new()));
                match self.popups.last() {
                    Some(Popup::History(_)) => self.fail_closing(&e, &request),
                    _ => self.fail_besides(&e),
                }
            }
        }
    }

    /// What a history begins with, if that is no value.
    pub(super) fn say_deleted(&mut self, versions: &[crate::vault::Version]) {
        if let Some(why) = versions.first().and_then(|version| valueless(version, true)) {
            self.status = Status::Info(why);
        }
    }

    fn wrote(&mut self, id: Id, path: Path, answer: Result<u64, (Error, Draft)>) -> Effects {
        if self.finish(id).is_none() {
            self.ended_behind(id, answer.err().map(|(error, _)| error));
            return Vec::new();
        }
        let form = self.form_of(id);
        match answer {
            Ok(n) => {
                if let Some(at) = form {
                    self.popups.truncate(at);
                }
                self.status = Status::Info(format!("{path}: version {n}."));
                self.changed(path)
            }
            Err((e, draft)) => {
                let conflict = e.kind == Kind::Conflict;
                let problem = match conflict && draft.base == Some(0) {
                    true => Problem::from(
                        &Error::conflict(format!("{path} is there already"))
                            .hint("choose another name; E edits the one that is there"),
                    ),
                    false => Problem::from(&e),
                };
                match form.and_then(|at| self.popups.get_mut(at)) {
                    Some(Popup::Form(form)) if !conflict || draft.base == Some(0) => {
                        form.busy = None;
                        form.problem = Some(problem);
                    }
                    Some(Popup::Form(form)) => {
                        (form.busy, form.refused) = (None, true);
                        self.popups.push(Popup::Unsaved(Box::new(draft), problem, true));
                    }
                    _ => self.popups.push(Popup::Unsaved(Box::new(draft), problem, conflict)),
                }
                Vec::new()
            }
        }
    }

    fn edited(&mut self, id: Id, path: &Path, answer: Result<Option<Draft>, Error>) -> Effects {
        let Some(request) = self.finish(id) else { return Vec::new() };
        self.last_input = self.now.running;
        match answer {
            Ok(Some(draft)) => {
                let id = self.unstoppable(format!("writing {path}"), None);
                vec![Effect::Write(id, draft)]
            }
            Ok(None) => {
                self.status = Status::Info(format!("{path}: nothing was changed."));
                Vec::new()
            }
            Err(e) => {
                self.fail(&e, request.action);
                Vec::new()
            }
        }
    }

    fn done(&mut self, id: Id, change: Change, answer: Result<(), Error>) -> Effects {
        let Some(request) = self.finish(id) else {
            self.ended_behind(id, answer.err());
            return Vec::new();
        };
        let form = self.form_of(id);
        if let Err(e) = answer {
            match form.and_then(|at| self.popups.get_mut(at)) {
                Some(Popup::Form(form)) => {
                    form.busy = None;
                    form.problem = Some(Problem::from(&e));
                }
                _ if request.action == Some(Action::Undo) => self.not_undone(change, &e),
                _ => self.fail(&e, request.action),
            }
            return Vec::new();
        }
        if let Some(at) = form {
            self.popups.truncate(at);
        }
        let undo = self.keys.key_of(super::Context::Browse, Action::Undo, self.ascii);
        let taken_back = request.action == Some(Action::Undo);
        let (text, path) = match &change {
            Change::Delete(path) => (format!("Deleted {path}; {undo} brings it back."), None),
            Change::Undelete(path) => {
                (format!("{path} is back{}.", self.next_undo()), Some(path.clone()))
            }
            Change::Rename(from, to) if taken_back => {
                (format!("{from} is {to} again{}.", self.next_undo()), Some(to.clone()))
            }
            Change::Rename(from, to) => {
                (format!("{from} is {to} now; {undo} takes it back."), Some(to.clone()))
            }
            Change::Rollback(path, n) => {
                // What was typed below stays.
                self.popups.retain(|popup| match popup {
                    Popup::History(history) => history.path != *path,
                    Popup::Compare(compare) => compare.path != *path,
                    _ => true,
                });
                (format!("{path}: version {n} is the newest again."), Some(path.clone()))
            }
        };
        self.status = Status::Info(text);
        if let Change::Delete(gone) | Change::Rename(gone, _) = &change {
            self.rows.remove(gone);
        }
        if matches!(change, Change::Delete(_) | Change::Rename(..)) && !taken_back {
            self.undo.push(change);
        }
        match path {
            Some(path) => self.changed(path),
            None => self.reload(),
        }
    }

    /// The answer to a write that was under way at a lock. A failure is told, now or as soon as
    /// the vault is open: whoever wrote has left with the belief that it was done.
    fn ended_behind(&mut self, id: Id, error: Option<Error>) {
        let Some(at) = self.behind.iter().position(|(behind, _)| *behind == id) else { return };
        let (_, label) = self.behind.remove(at);
        let Some(error) = error else { return };
        let mut problem = Problem::from(&error);
        problem.message = format!("{label} failed after the lock: {}", problem.message);
        match self.screen {
            Screen::Browse => self.status = Status::Error(problem, None),
            _ => self.failed_behind = Some(problem),
        }
    }

    /// Taking back failed. It can be tried again, unless the secret has changed since.
    fn not_undone(&mut self, change: Change, error: &Error) {
        let over = matches!(error.kind, Kind::Conflict | Kind::NotFound);
        let undone = match change {
            Change::Undelete(path) => Some(Change::Delete(path)),
            Change::Rename(to, from) => Some(Change::Rename(from, to)),
            Change::Delete(_) | Change::Rollback(..) => None,
        };
        self.undo.extend(undone.filter(|_| !over));
        self.fail(error, (!over).then_some(Action::Undo));
    }

    /// What the next `undo` does, to be said after this one.
    fn next_undo(&self) -> String {
        let key = self.keys.key_of(super::Context::Browse, Action::Undo, self.ascii);
        match self.undo.last() {
            Some(Change::Delete(path)) => format!("; {key} brings {path} back"),
            Some(Change::Rename(from, to)) => format!("; {key} makes {to} {from} again"),
            _ => String::new(),
        }
    }

    /// After a write: its name is in the list, and selected; its dates are read again.
    fn changed(&mut self, path: Path) -> Effects {
        self.rows.insert(path.clone());
        self.rows.set_meta(&path, Meta::Unknown);
        // At once: the next key is meant for it.
        if !self.rows.select(&path) {
            // A filter or folder hides it.
            self.rows.enter("");
            self.rows.filter("");
            self.rows.select(&path);
        }
        self.select = Some(path);
        self.reload()
    }
}
