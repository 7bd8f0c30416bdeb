//! Keys in popups. The one on top gets the key.

use crate::vault::{FieldType, Secret, Version, VersionOp, escape};

use super::super::effect::Effect;
use super::super::keys::{Action, BINDINGS, Binding, Context};
use super::super::message::Change;
use super::super::model::{Chosen, Compare, Form, Model, Popup, SHOW, Screen, Status};
use super::super::view::day;
use super::Effects;
use super::browse::moved;

/// Lines that a page key moves in a popup.
const PAGE: usize = 10;

impl Model {
    pub(super) fn in_popup(&mut self, action: Action) -> Effects {
        if action == Action::Help {
            let context = self.context();
            self.open(Popup::Help(context, 0));
            return Vec::new();
        }
        if matches!(action, Action::Back | Action::Close) {
            return self.close();
        }
        let height = usize::from(self.size.1);
        match self.popups.last_mut() {
            Some(Popup::Form(_)) => self.filling(action),
            Some(Popup::History(_)) => self.in_history(action),
            Some(Popup::Compare(_)) => {
                self.in_compare(action);
                Vec::new()
            }
            Some(Popup::Generator(_)) => self.generating(action),
            Some(Popup::Fields(_)) => self.choosing(action),
            Some(Popup::Vaults(_)) => self.switching(action),
            Some(Popup::Palette(..)) => self.in_palette(action),
            Some(Popup::Help(context, top)) => {
                // The lines around the page and its frame are not its own.
                let last = help_lines(*context).saturating_sub(height.saturating_sub(5));
                *top = moved(*top, action, PAGE, last + 1);
                Vec::new()
            }
            Some(Popup::Confirm(..)) => self.answering(action),
            Some(Popup::Drop) => {
                self.dropping(action);
                Vec::new()
            }
            Some(Popup::Error(_, retry)) if action == Action::Retry => {
                let retry = *retry;
                self.popups.pop();
                retry.map_or_else(Vec::new, |retry| self.again(retry))
            }
            Some(Popup::Unsaved(..)) => self.unsaved(action),
            Some(Popup::Members(_)) => self.in_members(action),
            Some(Popup::Report(_)) => self.in_report(action),
            Some(Popup::Late(_)) => self.deciding(action),
            Some(Popup::Joined(_)) => self.in_joined(action),
            Some(Popup::Log(log)) => {
                log.cursor = moved(log.cursor, action, PAGE, log.length());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Closes the popup on top. What it waited for is not waited for any longer.
    fn close(&mut self) -> Effects {
        match self.popups.last() {
            // A write is not stopped half-way; its form stays until the answer is there.
            Some(Popup::Form(form)) if form.busy.is_some() => return Vec::new(),
            Some(Popup::Form(form)) if form.is_typed() => {
                self.open(Popup::Drop);
                return Vec::new();
            }
            Some(Popup::Unsaved(..)) => {
                match self.refused_form() {
                    // What was typed is still in the form below.
                    Some(form) => {
                        form.refused = false;
                        self.popups.pop();
                    }
                    None => self.open(Popup::Drop),
                }
                return Vec::new();
            }
            // Without a vault there is nothing below.
            Some(Popup::Vaults(_)) if self.vault.1.is_empty() => return vec![Effect::Quit],
            Some(Popup::Late(_)) => return self.leave_undecided(),
            Some(Popup::Report(report)) if report.is_sealing() => return self.stop_sealing(),
            _ => {}
        }
        let empty = match self.popups.pop() {
            Some(Popup::History(history)) => history.versions.is_none(),
            Some(Popup::Compare(compare)) => compare.contents.is_none(),
            Some(Popup::Fields(choice)) => choice.fields.is_none(),
            Some(Popup::Generator(generator)) => {
                let read = generator.busy.filter(|id| self.finish(*id).is_some());
                return read.map(Effect::Cancel).into_iter().collect();
            }
            Some(Popup::Members(members)) => members.team.is_none(),
            Some(Popup::Log(log)) => log.entries.is_none(),
            Some(Popup::Report(report)) => report.exposed.is_none(),
            _ => false,
        };
        let waiting = self.requests.iter().rposition(|r| r.stoppable && r.action.is_some());
        match waiting.filter(|_| empty) {
            Some(at) => vec![Effect::Cancel(self.requests.remove(at).id)],
            None => Vec::new(),
        }
    }

    /// The form right below the popup on top, if that is about its change.
    fn refused_form(&mut self) -> Option<&mut Form> {
        match self.popups.iter_mut().rev().nth(1) {
            Some(Popup::Form(form)) if form.refused => Some(form),
            _ => None,
        }
    }

    /// Does again what failed.
    fn again(&mut self, action: Action) -> Effects {
        self.status = Status::Quiet;
        match (&self.screen, action) {
            (Screen::Browse, Action::Compare) => Vec::new(),
            (Screen::Browse, action) => self.browse(action),
            _ => Vec::new(),
        }
    }

    fn in_history(&mut self, action: Action) -> Effects {
        let Some(Popup::History(history)) = self.popups.last_mut() else { return Vec::new() };
        let Some(versions) = &history.versions else { return Vec::new() };
        let Some(version) = versions.get(history.cursor) else { return Vec::new() };
        let (path, n) = (history.path.clone(), version.n);
        let is_newest = history.cursor == 0;
        let has_value = |v: &Version| valueless(v, false).is_none();
        match action {
            Action::Compare => {
                let with_value = |i: &usize| has_value(&versions[*i]) && *i != history.cursor;
                let newest = (0..versions.len()).find(|i| has_value(&versions[*i]));
                let other = match newest {
                    Some(newest) if newest == history.cursor => {
                        (newest + 1..versions.len()).find(with_value)
                    }
                    newest => newest,
                };
                let (Some(other), true) = (other, has_value(version)) else {
                    let why = valueless(version, is_newest)
                        .unwrap_or_else(|| "There is no other version to compare with.".into());
                    self.status = Status::Info(why);
                    return Vec::new();
                };
                let other = versions[other].n;
                let numbers = [n.min(other), n.max(other)];
                let compare =
                    Compare { path: path.clone(), numbers, contents: None, until: None, top: 0 };
                self.open(Popup::Compare(compare));
                self.status = Status::Quiet;
                let id = self.request(format!("reading {path}"), Some(Action::Compare));
                return vec![Effect::Compare(id, path, numbers)];
            }
            Action::Rollback if has_value(version) => {
                let question = format!("Make version {n} of {path} the newest again?");
                self.open(Popup::Confirm(question, Change::Rollback(path, n)));
            }
            Action::Rollback => {
                self.status = Status::Info(valueless(version, is_newest).unwrap_or_default());
            }
            _ => {
                history.cursor = moved(history.cursor, action, PAGE, versions.len());
                // It was about another line.
                self.status = Status::Quiet;
            }
        }
        Vec::new()
    }

    fn in_compare(&mut self, action: Action) {
        let until = self.now.running + SHOW;
        let Some(Popup::Compare(compare)) = self.popups.last_mut() else { return };
        match action {
            Action::Reveal if compare.contents.is_some() => {
                compare.until = match compare.until {
                    Some(_) => None,
                    None => Some(until),
                }
            }
            Action::Reveal => {}
            _ => compare.top = moved(compare.top, action, PAGE, compare.length()),
        }
    }

    fn generating(&mut self, action: Action) -> Effects {
        let until = self.now.running + SHOW;
        let Some(Popup::Generator(generator)) = self.popups.last_mut() else { return Vec::new() };
        if generator.busy.is_some() {
            return Vec::new();
        }
        match action {
            Action::Again => generator.again(),
            Action::Kind => generator.next_kind(),
            Action::Longer => generator.resize(1),
            Action::Shorter => generator.resize(-1),
            Action::Reveal => {
                generator.until = match generator.until {
                    Some(_) => None,
                    None => Some(until),
                }
            }
            Action::Copy => {
                let value = Secret::copy_of(generator.value.bytes());
                let id = self.request("copying what was generated", None);
                return vec![Effect::CopyText(id, "what was generated", value)];
            }
            Action::Accept => return self.use_generated(),
            _ => {}
        }
        Vec::new()
    }

    fn choosing(&mut self, action: Action) -> Effects {
        let Some(Popup::Fields(choice)) = self.popups.last_mut() else { return Vec::new() };
        let Some(fields) = &choice.fields else { return Vec::new() };
        if action != Action::Accept {
            choice.cursor = moved(choice.cursor, action, PAGE, fields.len());
            return Vec::new();
        }
        let Some((name, kind)) = fields.get(choice.cursor).cloned() else { return Vec::new() };
        let (path, purpose) = (choice.path.clone(), choice.purpose);
        self.popups.pop();
        match purpose {
            Chosen::Copy => {}
            Chosen::Replace(n) => {
                self.open(Popup::Form(Form::replace(path, n, Some((name, kind)))));
                return Vec::new();
            }
            Chosen::Generated(n) => return self.write_generated(path, n, Some(name)),
        }
        let id = self.request(format!("copying {path}"), Some(Action::CopyOther));
        vec![Effect::Copy(id, path, Some(name), kind == FieldType::Otp)]
    }

    fn switching(&mut self, action: Action) -> Effects {
        let Some(Popup::Vaults(cursor)) = self.popups.last_mut() else { return Vec::new() };
        if action != Action::Accept {
            *cursor = moved(*cursor, action, PAGE, self.vaults.len());
            return Vec::new();
        }
        let Some((name, location)) = self.vaults.get(*cursor).cloned() else { return Vec::new() };
        self.vault = (Some(name), location);
        let mut effects = self.leave_vault("");
        self.select = None;
        self.status = Status::Quiet;
        if self.opens_at_once() {
            effects.extend(self.unlock(None));
        }
        effects
    }

    fn in_palette(&mut self, action: Action) -> Effects {
        let Some(Popup::Palette(input, cursor)) = self.popups.last_mut() else {
            return Vec::new();
        };
        let found = palette(input.text());
        if action != Action::Accept {
            *cursor = moved(*cursor, action, PAGE, found.len());
            return Vec::new();
        }
        let Some(binding) = found.get(*cursor) else { return Vec::new() };
        let action = binding.action;
        self.popups.pop();
        match action {
            Action::Quit => vec![Effect::Quit],
            Action::Redraw => vec![Effect::Redraw],
            Action::Suspend => {
                self.hide();
                vec![Effect::Suspend]
            }
            action => self.browse(action),
        }
    }

    fn answering(&mut self, action: Action) -> Effects {
        if !matches!(action, Action::Yes | Action::No) {
            return Vec::new();
        }
        let Some(Popup::Confirm(_, change)) = self.popups.pop() else { return Vec::new() };
        if action == Action::No {
            return Vec::new();
        }
        let label = match &change {
            Change::Delete(path) => format!("deleting {path}"),
            Change::Rollback(path, n) => format!("going back to version {n} of {path}"),
            Change::Undelete(path) | Change::Rename(path, _) => format!("changing {path}"),
        };
        let id = self.unstoppable(label, None);
        vec![Effect::Change(id, change)]
    }

    /// Whether what is below is closed, with what was typed.
    fn dropping(&mut self, action: Action) {
        if matches!(action, Action::Yes | Action::No) {
            self.popups.pop();
        }
        if action == Action::Yes {
            self.popups.pop();
        }
    }

    fn unsaved(&mut self, action: Action) -> Effects {
        match action {
            Action::Retry => {
                let Some(Popup::Unsaved(mut draft, _, conflict)) = self.popups.pop() else {
                    return Vec::new();
                };
                // Somebody was faster: on top of theirs now, which stays in the history.
                if conflict {
                    draft.base = None;
                }
                let id = self.unstoppable(format!("writing {}", draft.path), None);
                if let Some(Popup::Form(form)) = self.popups.last_mut()
                    && form.refused
                {
                    (form.busy, form.refused) = (Some(id), false);
                }
                vec![Effect::Write(id, *draft)]
            }
            Action::History => {
                let Some(Popup::Unsaved(draft, ..)) = self.popups.last() else {
                    return Vec::new();
                };
                let path = draft.path.clone();
                self.versions = None;
                self.open_history(path)
            }
            _ => Vec::new(),
        }
    }
}

/// Why there is no value in a version, and what brings one back if it is the newest; `None`: there
/// is one.
pub(super) fn valueless(version: &Version, newest: bool) -> Option<String> {
    let n = version.n;
    if let Some(why) = &version.refused {
        return Some(format!("Version {n} does not count: {}", escape(why)));
    }
    let Some(header) = &version.header else {
        return Some(format!("Version {n} cannot be read."));
    };
    let author = version.author.as_deref().map_or("somebody unknown".into(), escape);
    let day = day(header.time);
    match header.op {
        VersionOp::Delete if newest => {
            Some(format!("Deleted by {author} on {day}; r on an older version brings it back."))
        }
        VersionOp::Delete => Some(format!("Deleted by {author} on {day}: it has no value.")),
        VersionOp::Purge => Some(format!("Removed for good by {author} on {day}.")),
        VersionOp::Write | VersionOp::Reseal => None,
    }
}

/// The actions that the palette finds, the best first.
pub fn palette(query: &str) -> Vec<&'static Binding> {
    use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
    let all = BINDINGS.iter().filter(|b| b.contexts.contains(&Context::Browse));
    let all = all.filter(|b| !matches!(b.action, Action::Palette | Action::Back));
    let query =
        Pattern::new(query.trim(), CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let mut matcher = nucleo_matcher::Matcher::default();
    let mut buffer = Vec::new();
    let mut scored: Vec<_> = all
        .filter_map(|binding| {
            let text = format!("{} {}", binding.name, binding.help);
            let text = nucleo_matcher::Utf32Str::new(&text, &mut buffer);
            Some((std::cmp::Reverse(query.score(text, &mut matcher)?), binding))
        })
        .collect();
    scored.sort_by_key(|(score, _)| *score);
    scored.into_iter().map(|(_, binding)| binding).collect()
}

/// How many lines the help page has.
pub fn help_lines(first: Context) -> usize {
    help_order(first)
        .map(|context| BINDINGS.iter().filter(|b| b.contexts.contains(&context)).count() + 2)
        .sum()
}

/// The contexts in the order of the help page.
pub fn help_order(first: Context) -> impl Iterator<Item = Context> {
    let others = Context::ALL.into_iter().map(|(context, _)| context);
    std::iter::once(first).chain(others.filter(move |context| *context != first))
}
