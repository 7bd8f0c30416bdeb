//! Keys about the team: members, late writes, what has to be changed, the log, the line of news.

use std::collections::{BTreeSet, VecDeque};

use crate::vault::{Grant, Late, Path, Prefix, PublicIdentity, Role as Right, Secret, escape};

use super::super::effect::Effect;
use super::super::keys::Action;
use super::super::layout::Pane;
use super::super::model::{Form, FormKind, Model, Popup, Problem, Role, Status};
use super::super::rows::Meta;
use super::super::team::{At, Log, Members, Report, Step, TeamChange, some};
use super::Effects;
use super::browse::moved;
use super::form::line;

/// Lines that a page key moves.
const PAGE: usize = 10;

impl Report {
    fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            told: Vec::new(),
            late: VecDeque::new(),
            except: BTreeSet::new(),
            step: Step::None,
            progress: (0, 0),
            exposed: None,
            cursor: 0,
        }
    }

    /// A report about a change whose late writes and values come next.
    pub(super) fn deciding(title: &str) -> Self {
        Self { step: Step::Deciding, ..Self::new(title) }
    }

    /// True while values are sealed anew and nobody told it to stop.
    pub(super) fn is_sealing(&self) -> bool {
        matches!(self.step, Step::Sealing(_, false))
    }
}

impl Model {
    /// The members of the group that holds what is under the cursor.
    pub(super) fn open_members(&mut self) -> Effects {
        let at = match (self.focus, self.selected()) {
            (Pane::Folders, _) => {
                let folder = self.rows.folders().get(self.folder.0);
                At::Folder(folder.map_or_else(String::new, |folder| folder.name.clone()))
            }
            (_, Some(path)) => At::Secret(path.clone()),
            (_, None) => At::Folder(self.rows.folder().to_owned()),
        };
        self.open(Popup::Members(Members { at: at.clone(), team: None, cursor: 0 }));
        let id = self.request("reading the team", Some(Action::Members));
        vec![Effect::Team(id, at)]
    }

    /// The values that have to be changed.
    pub(super) fn open_exposure(&mut self) -> Effects {
        self.open(Popup::Report(Report::new("Values to change")));
        let id = self.request("looking for values to change", Some(Action::Exposure));
        vec![Effect::Exposure(id)]
    }

    /// The notes of the team.
    pub(super) fn open_log(&mut self) -> Effects {
        self.open(Popup::Log(Log { entries: None, cursor: 0 }));
        let id = self.request("reading the team's notes", Some(Action::Log));
        vec![Effect::Log(id)]
    }

    /// Puts the news away that are shown.
    pub(super) fn dismiss(&mut self) -> Effects {
        if self.news.shows_loss() {
            self.news.loss_seen = true;
            return Vec::new();
        }
        let newest = self.news.recovery.iter().map(|used| used.seq).max();
        self.news.recovery.clear();
        match newest {
            Some(seq) => vec![Effect::SawRecovery(seq)],
            None => {
                self.status = Status::Info("There are no news.".to_owned());
                Vec::new()
            }
        }
    }

    pub(super) fn in_members(&mut self, action: Action) -> Effects {
        self.status = Status::Quiet;
        match action {
            Action::Exposure => return self.open_exposure(),
            Action::Log => return self.open_log(),
            _ => {}
        }
        let Some(Popup::Members(members)) = self.popups.last_mut() else { return Vec::new() };
        let Some(team) = &members.team else { return Vec::new() };
        if !matches!(action, Action::Add | Action::Role | Action::Delete | Action::Seal) {
            members.cursor = moved(members.cursor, action, PAGE, team.members.len());
            return Vec::new();
        }
        if action != Action::Seal && !team.is_admin() {
            let admins: Vec<String> = team.admins().map(escape).collect();
            let text = format!("Only an admin changes the team: {}.", some(&admins));
            self.status = Status::Info(text);
            return Vec::new();
        }
        // The group's own folder; of `main` the whole vault.
        let folder = team.group.prefixes.iter().find(|_| team.group.name != "main");
        let folder = folder.map_or_else(String::new, |folder| folder.as_str().to_owned());
        let name = members.selected().map(|member| member.name.clone());
        match (action, name) {
            (Action::Add, _) => self.open(Popup::Form(Form::add_member(folder))),
            (Action::Role, Some(name)) => self.open(Popup::Form(Form::role(name, folder))),
            (Action::Delete, Some(name)) => self.open(Popup::Form(Form::remove_member(name))),
            (Action::Seal, _) => return self.seal_again(),
            _ => {}
        }
        Vec::new()
    }

    /// Looks again at what an earlier change left, and seals anew what is of an older generation.
    fn seal_again(&mut self) -> Effects {
        let report = Report::deciding("Sealing anew");
        match self.popups.last_mut() {
            Some(Popup::Report(old)) => *old = report,
            _ => self.open(Popup::Report(report)),
        }
        let id = self.unstoppable("looking at what is left to do", None);
        vec![Effect::ChangeTeam(id, TeamChange::Again)]
    }

    pub(super) fn in_report(&mut self, action: Action) -> Effects {
        let Some(Popup::Report(report)) = self.popups.last_mut() else { return Vec::new() };
        let exposed = report.exposed.as_deref().unwrap_or_default();
        match action {
            Action::Accept => {
                let path = exposed.get(report.cursor).map(|exposed| exposed.path.clone());
                if let Some(path) = path {
                    self.jump(path);
                }
            }
            Action::Seal if report.step == Step::None => return self.seal_again(),
            Action::Seal => {}
            action => report.cursor = moved(report.cursor, action, PAGE, exposed.len()),
        }
        Vec::new()
    }

    /// Closes everything and puts the cursor on a secret.
    fn jump(&mut self, path: Path) {
        self.popups.clear();
        self.focus = Pane::List;
        if !self.rows.select(&path) {
            self.rows.enter("");
            self.rows.filter("");
            if !self.rows.select(&path) {
                // Not listed yet.
                self.select = Some(path);
            }
        }
    }

    /// Tells a sealing to begin nothing new; what was begun is finished, and then it is told.
    pub(super) fn stop_sealing(&mut self) -> Effects {
        let Some(Popup::Report(report)) = self.popups.last_mut() else { return Vec::new() };
        let Step::Sealing(id, _) = report.step else { return Vec::new() };
        report.step = Step::Sealing(id, true);
        vec![Effect::Cancel(id)]
    }

    pub(super) fn deciding(&mut self, action: Action) -> Effects {
        let what = match action {
            Action::Adopt => Late::Adopt,
            Action::DropWrite => Late::Drop,
            _ => return Vec::new(),
        };
        let Some(Popup::Late(late)) = self.popups.pop() else { return Vec::new() };
        let id = self.unstoppable(format!("deciding about {}", late.path), None);
        vec![Effect::Resolve(id, (late, what))]
    }

    /// A late write stays as it is, and so does what is below it.
    pub(super) fn leave_undecided(&mut self) -> Effects {
        let Some(Popup::Late(late)) = self.popups.pop() else { return Vec::new() };
        if let Some(report) = self.report() {
            let (path, n) = (late.path, late.n);
            report.told.push(format!("{path}: version {n} does not count; s asks again."));
            report.except.insert(path);
        }
        self.go_on()
    }

    /// The report that is open.
    pub(super) fn report(&mut self) -> Option<&mut Report> {
        self.popups.iter_mut().rev().find_map(|popup| match popup {
            Popup::Report(report) => Some(report),
            _ => None,
        })
    }

    /// What comes next after a change: a question about a late write, or sealing.
    pub(super) fn go_on(&mut self) -> Effects {
        let Some(report) = self.report() else { return Vec::new() };
        if let Some(late) = report.late.pop_front() {
            report.step = Step::Deciding;
            self.open(Popup::Late(late));
            return Vec::new();
        }
        let except = report.except.clone();
        let id = self.unstoppable("sealing anew", None);
        if let Some(report) = self.report() {
            report.step = Step::Sealing(id, false);
            report.progress = (0, 0);
        }
        vec![Effect::Reseal(id, except)]
    }

    pub(super) fn in_joined(&mut self, action: Action) -> Effects {
        let Some(Popup::Joined(joined)) = self.popups.last() else { return Vec::new() };
        if action != Action::Copy {
            return Vec::new();
        }
        let text = Secret::copy_of(joined.join.as_bytes());
        let id = self.request("copying the join string", None);
        vec![Effect::CopyText(id, "the join string", text)]
    }

    /// Says which group a secret is in and who can grant it; false if it is not locked.
    pub(super) fn say_locked(&mut self, path: &Path) -> bool {
        let Some(Meta::Known(known)) = self.rows.find(path).map(|row| &row.meta) else {
            return false;
        };
        if known.folder.may_read {
            return false;
        }
        let (group, admins) = (escape(&known.folder.group), escape(&some(&known.folder.admins)));
        self.status =
            Status::Warning(format!("Locked: in the group {group}. {admins} can grant it."));
        true
    }

    pub(super) fn say_selected_locked(&mut self) -> bool {
        let path = self.selected().cloned();
        path.is_some_and(|path| self.say_locked(&path))
    }

    /// After something stored was not what it must be: is more gone?
    pub(super) fn ask_for_loss(&mut self, effects: &mut Effects) {
        if !std::mem::take(&mut self.suspicious) || self.news.loss.is_some() {
            return;
        }
        let id = self.unstoppable("looking for what is gone", None);
        effects.push(Effect::Loss(id));
    }
}

impl Form {
    fn add_member(folder: String) -> Self {
        let text = |text: &str| Secret::copy_of(text.as_bytes());
        let lines = vec![
            line("identity", Role::Plain, text("")),
            line("name", Role::Plain, text("")),
            line("role", Role::Plain, text("")),
            line("folder", Role::Plain, text(&folder)),
        ];
        Self::new(FormKind::AddMember(folder), lines)
    }

    fn role(name: String, folder: String) -> Self {
        let text = |text: &str| Secret::copy_of(text.as_bytes());
        let lines =
            vec![line("role", Role::Plain, text("")), line("folder", Role::Plain, text(&folder))];
        Self::new(FormKind::Role(name), lines)
    }

    fn remove_member(name: String) -> Self {
        let lines = vec![line("name", Role::Plain, Secret::copy_of(b""))];
        Self::new(FormKind::RemoveMember(name), lines)
    }

    /// The change of the team that this form asks for; `None`: it is about a secret.
    pub(super) fn team_change(&self) -> Option<Result<TeamChange, Problem>> {
        let text = |at: usize| self.lines[at].input.text().trim();
        Some(match &self.kind {
            FormKind::AddMember(_) => self.added(),
            FormKind::Role(name) => grant(text(0), text(1)).and_then(|grant| match grant {
                Some(grant) => Ok(TeamChange::Role(name.clone(), grant)),
                None => Err(Problem::note("say read, write or admin; or none, with a folder")),
            }),
            FormKind::RemoveMember(name) => match text(0) == name {
                true => Ok(TeamChange::Remove(name.clone())),
                false => Err(Problem::note(&format!("that is not {}", escape(name)))),
            },
            _ => return None,
        })
    }

    fn added(&self) -> Result<TeamChange, Problem> {
        let text = |at: usize| self.lines[at].input.text().trim();
        let id = PublicIdentity::parse(text(0)).map_err(|e| Problem::from(&e))?;
        if text(1).is_empty() {
            return Err(Problem::note("the name is missing"));
        }
        // Without a role it is another device: the folder means nothing then.
        let grant = grant(text(2), text(3))?;
        Ok(TeamChange::Add(text(1).to_owned(), Box::new(id), grant))
    }

    /// 8 words of the device whose identity is typed, once it is whole.
    pub fn words(&self) -> Option<String> {
        let FormKind::AddMember(_) = self.kind else { return None };
        let id = PublicIdentity::parse(self.lines[0].input.text().trim()).ok()?;
        Some(id.fingerprint())
    }
}

/// A role by its word, and where; `None`: no role was given.
fn grant(role: &str, folder: &str) -> Result<Option<Grant>, Problem> {
    let role = match role.to_lowercase().as_str() {
        "" => return Ok(None),
        "read" => Right::Read,
        "write" => Right::Write,
        "admin" => Right::Admin,
        "none" => Right::None,
        _ => return Err(Problem::note("a role is read, write or admin")),
    };
    // An admin is one everywhere.
    let everywhere = folder.is_empty() || role == Right::Admin;
    let path = match everywhere {
        true => None,
        false => Some(Prefix::parse(folder).map_err(|e| Problem::from(&e))?),
    };
    Ok(Some(Grant { role, path }))
}
