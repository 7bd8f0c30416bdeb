//! Keys in the list, and in what is beside it.

use crate::vault::{Content, Path};

use super::super::effect::Effect;
use super::super::generator::{Generator, Target};
use super::super::input::Input;
use super::super::keys::{Action, Context};
use super::super::layout::{Pane, THREE_PANES_AT, inner};
use super::super::message::{Change, Purpose};
use super::super::model::{
    Choice, Chosen, Form, FormKind, History, Model, Popup, Status, newlines,
};
use super::super::rows::{Mark, Sort};
use super::{Effects, HISTORY};

impl Model {
    pub(super) fn browse(&mut self, action: Action) -> Effects {
        // An error stays until it is explained, tried again, or something else is done.
        let explained = matches!(action, Action::Explain | Action::Help | Action::Undo);
        if !explained {
            self.status = Status::Quiet;
        }
        match action {
            Action::Up
            | Action::Down
            | Action::HalfUp
            | Action::HalfDown
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last => self.go(action),
            Action::NextMatch => self.go(Action::Down),
            Action::PreviousMatch => self.go(Action::Up),
            Action::Next => self.turn(1),
            Action::Previous => self.turn(-1),
            Action::Filter => self.start_filter(),
            Action::Sort => self.next_order(),
            Action::Back => return self.back(),
            Action::Close => return vec![Effect::Quit],
            Action::Lock => return self.lock("Locked."),
            Action::Reload => return self.reload(),
            Action::Help => self.open(Popup::Help(Context::Browse, 0)),
            Action::Palette => self.open(Popup::Palette(Input::new(false), 0)),
            Action::Vaults => self.open(Popup::Vaults(0)),
            Action::Explain => self.explain(),
            Action::Undo => return self.take_back(),
            Action::Add => {
                let form = Form::add(self.selected(), self.rows.folder());
                self.open(Popup::Form(form));
            }
            Action::Generate => {
                let target = self.selected().cloned().map_or(Target::Nothing, Target::Secret);
                self.open(Popup::Generator(Generator::new(target)));
            }
            Action::Reveal if self.focus == Pane::Folders => self.enter_folder(),
            Action::Members => return self.open_members(),
            Action::Exposure => return self.open_exposure(),
            Action::Log => return self.open_log(),
            Action::Dismiss => return self.dismiss(),
            _ => return self.with_selected(action),
        }
        Vec::new()
    }

    /// What is done with the secret under the cursor.
    fn with_selected(&mut self, action: Action) -> Effects {
        let Some(path) = self.selected().cloned() else {
            self.status = Status::Info("There is no secret under the cursor.".to_owned());
            return Vec::new();
        };
        match action {
            Action::Reveal if self.shown.is_some() => self.hide(),
            Action::Reveal => {
                let id = self.request(format!("reading {path}"), Some(action));
                return vec![Effect::Read(id, Purpose::Reveal, path)];
            }
            Action::Copy => {
                let id = self.request(format!("copying {path}"), Some(action));
                return vec![Effect::Copy(id, path, None, false)];
            }
            Action::CopyOther => return self.choose_field(path),
            Action::Edit => {
                let id = self.request(format!("reading {path}"), Some(action));
                return vec![Effect::Read(id, Purpose::Edit, path)];
            }
            Action::Editor => {
                let id = self.unstoppable(format!("editing {path}"), Some(action));
                self.hide();
                return vec![Effect::Edit(id, path)];
            }
            // Which field gets the new value is known once it is read.
            Action::Replace => {
                let id = self.request(format!("reading {path}"), Some(action));
                return vec![Effect::Read(id, Purpose::Replace, path)];
            }
            Action::Rename => self.open(Popup::Form(Form::rename(path))),
            Action::Delete => {
                let question = format!("Delete {path}?");
                self.open(Popup::Confirm(question, Change::Delete(path)));
            }
            Action::History => return self.open_history(path),
            _ => {}
        }
        Vec::new()
    }

    /// Opens a popup. Values are hidden before.
    pub(super) fn open(&mut self, popup: Popup) {
        self.hide();
        self.popups.push(popup);
    }

    pub(super) fn open_history(&mut self, path: Path) -> Effects {
        let known = self.versions.as_ref().filter(|(of, _)| *of == path);
        let versions = known.map(|(_, versions)| versions.clone());
        let missing = versions.is_none();
        if let Some(versions) = &versions {
            self.say_deleted(versions);
        }
        self.open(Popup::History(History { path: path.clone(), versions, cursor: 0 }));
        if !missing {
            return Vec::new();
        }
        let id = self.request(format!("{HISTORY} of {path}"), Some(Action::History));
        vec![Effect::Versions(id, path)]
    }

    fn choose_field(&mut self, path: Path) -> Effects {
        // Shown values were decrypted already.
        let fields = self.shown.as_ref().filter(|shown| shown.path == path).and_then(|shown| {
            match &shown.opened.content {
                Content::Doc(document) => {
                    Some(document.fields.iter().map(|f| (f.name.clone(), f.kind)).collect())
                }
                Content::Raw(_) => None,
            }
        });
        let missing = fields.is_none();
        self.open(Popup::Fields(Choice {
            path: path.clone(),
            fields,
            cursor: 0,
            purpose: Chosen::Copy,
        }));
        if !missing {
            return Vec::new();
        }
        let id = self.request(format!("reading the fields of {path}"), Some(Action::CopyOther));
        vec![Effect::Fields(id, path)]
    }

    /// Moves in the pane that has the keys.
    fn go(&mut self, action: Action) {
        self.go_in(self.focus, action);
    }

    /// Moves in a pane.
    pub(super) fn go_in(&mut self, pane: Pane, action: Action) {
        let areas = self.areas();
        let page = |area| usize::from(inner(area).height.max(1));
        match pane {
            Pane::List => {
                let line = moved(self.rows.cursor(), action, page(areas.list), self.rows.len());
                self.rows.go(line);
            }
            Pane::Folders => {
                let total = self.rows.places();
                self.folder.0 = moved(self.folder.0, action, page(areas.folders), total);
                if self.size.0 >= THREE_PANES_AT {
                    self.enter_folder_quietly();
                }
            }
            Pane::Detail => {
                // How long it is, is known to the view; it stops there.
                let total = self.detail_length();
                let last = total.saturating_sub(page(areas.detail));
                let top = moved(self.detail_top, action, page(areas.detail), last + 1);
                self.detail_top = top;
            }
        }
    }

    /// At least as many lines as the detail pane has to show.
    fn detail_length(&self) -> usize {
        let text = |content: &Content| match content {
            Content::Doc(document) => {
                document.fields.iter().map(|f| newlines(&f.value) + 1).sum::<usize>()
            }
            Content::Raw(bytes) => newlines(bytes) + 1,
        };
        let values = self.shown.as_ref().map_or(1, |shown| text(&shown.opened.content));
        values + 11 + self.selected_versions().map_or(0, <[_]>::len)
    }

    /// To another pane, in the order folders, list, detail.
    fn turn(&mut self, by: i8) {
        let panes = [Pane::Folders, Pane::List, Pane::Detail];
        let at = panes.iter().position(|pane| *pane == self.focus).unwrap_or(1) as i8;
        self.focus = panes[usize::try_from((at + by).rem_euclid(3)).unwrap_or(1)];
    }

    fn enter_folder(&mut self) {
        self.enter_folder_quietly();
        self.focus = Pane::List;
    }

    pub(super) fn enter_folder_quietly(&mut self) {
        let folders = self.rows.folders();
        let Some(folder) = folders.get(self.folder.0) else {
            let at = self.folder.0 - folders.len();
            if let (true, Some(mark)) = (self.rows.has_marks(), Mark::ALL.get(at)) {
                self.rows.narrow(*mark);
            }
            return;
        };
        let name = folder.name.clone();
        self.rows.enter(&name);
    }

    fn start_filter(&mut self) {
        self.hide();
        self.focus = Pane::List;
        let text = crate::vault::Secret::copy_of(self.rows.query().as_bytes());
        self.typing = Some(Input::with(text, false));
    }

    /// Keys while the filter is typed.
    pub(super) fn filtering(&mut self, action: Action) -> Effects {
        match action {
            // The filter stays; the best match is selected, and nothing is revealed.
            Action::Accept => {
                self.rows.complete();
                self.typing = None;
            }
            Action::Back => {
                self.typing = None;
                self.rows.filter("");
            }
            Action::Up | Action::Down => self.go(action),
            _ => {}
        }
        Vec::new()
    }

    fn next_order(&mut self) {
        let (sort, text) = match self.rows.sort() {
            Sort::Name => (Sort::Newest, "Newest first."),
            Sort::Newest => (Sort::Oldest, "Oldest first."),
            Sort::Oldest => (Sort::Name, "By name."),
        };
        self.rows.order(sort);
        self.status = Status::Info(text.to_owned());
    }

    /// One step back: hide, stop waiting, clear the filter, leave the folder.
    fn back(&mut self) -> Effects {
        if self.shown.is_some() {
            self.hide();
        } else if let Some(at) = self.requests.iter().rposition(|r| r.stoppable) {
            let id = self.requests.remove(at).id;
            if self.listing.is_some_and(|(listing, _)| listing == id) {
                (self.listing, self.incoming) = (None, None);
                self.rows.finish();
                self.status =
                    Status::Info(format!("Stopped at {} names; . reads on.", self.rows.total()));
            } else {
                self.status = Status::Info("Stopped.".to_owned());
            }
            return vec![Effect::Cancel(id)];
        } else if !self.rows.query().is_empty() {
            self.rows.filter("");
        } else if !self.rows.folder().is_empty() || self.rows.mark().is_some() {
            let selected = self.selected().cloned();
            self.rows.enter("");
            self.folder = (0, 0);
            selected.map(|path| self.rows.select(&path));
        } else {
            self.focus = Pane::List;
        }
        Vec::new()
    }

    /// Names and dates again.
    pub(super) fn reload(&mut self) -> Effects {
        let mut effects = Vec::new();
        if let Some((id, _)) = self.listing.take() {
            self.finish(id);
            effects.push(Effect::Cancel(id));
        }
        self.rows.ask_again();
        (self.versions, self.not_listed, self.news.loss) = (None, None, None);
        let id = self.request("reading names", Some(Action::Reload));
        self.listing = Some((id, 0));
        self.incoming = (self.rows.total() > 0).then(Vec::new);
        effects.push(Effect::List(id));
        effects
    }

    fn explain(&mut self) {
        if let Status::Error(problem, retry) = &self.status {
            let popup = Popup::Error(problem.clone(), *retry);
            self.open(popup);
        } else {
            self.status = Status::Info("There is no error to explain.".to_owned());
        }
    }

    fn take_back(&mut self) -> Effects {
        let (change, label) = match self.undo.pop() {
            Some(Change::Delete(path)) => {
                let label = format!("bringing {path} back");
                (Change::Undelete(path), label)
            }
            Some(Change::Rename(from, to)) => {
                let label = format!("renaming {to} back");
                (Change::Rename(to, from), label)
            }
            _ => {
                self.status = Status::Info("There is nothing to take back.".to_owned());
                return Vec::new();
            }
        };
        let id = self.unstoppable(label, Some(Action::Undo));
        vec![Effect::Change(id, change)]
    }
}

/// The line after a movement.
pub(super) fn moved(line: usize, action: Action, page: usize, total: usize) -> usize {
    let last = total.saturating_sub(1);
    match action {
        Action::Up => line.saturating_sub(1),
        Action::Down => line + 1,
        Action::HalfUp => line.saturating_sub(page / 2),
        Action::HalfDown => line + page / 2,
        Action::PageUp => line.saturating_sub(page),
        Action::PageDown => line + page,
        Action::First => 0,
        _ => last,
    }
    .min(last)
}

impl Form {
    /// A form with nothing to say yet.
    pub(super) fn new(kind: FormKind, lines: Vec<super::super::model::Line>) -> Self {
        Self { kind, lines, focus: 0, problem: None, busy: None, refused: false }
    }
}
