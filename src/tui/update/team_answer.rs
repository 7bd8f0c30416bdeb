//! Answers about the team.

use crate::vault::{
    Changed, Error, Exposed, Late, LogEntry, Loss, Meanwhile, Resealed, Rotated, Unshown, escape,
};

use super::super::effect::Effect;
use super::super::message::{Id, Message};
use super::super::model::{Model, Popup, Problem, Status};
use super::super::team::{Decision, Joined, Report, Step, Team, TeamAnswer, TeamChange};
use super::Effects;

/// Most failures that are named.
const NAMED: usize = 3;

impl Model {
    pub(super) fn team_answer(&mut self, message: Message) -> Effects {
        match message {
            Message::Team(id, answer) => self.got_team(id, answer),
            Message::TeamChanged(id, change, answer) => {
                return self.team_changed(id, &change, answer);
            }
            Message::Resolved(id, decision, answer) => {
                return self.resolved(id, &decision, answer);
            }
            Message::Sealing(id, done, total) => self.sealing(id, done, total),
            Message::Sealed(id, answer) => return self.sealed(id, answer),
            Message::Exposed(id, answer) => self.got_exposed(id, answer),
            Message::Log(id, answer) => self.got_log(id, answer),
            Message::Recovery(uses) => self.news.recovery = uses,
            Message::Lost(id, answer) => self.lost(id, answer),
            _ => {}
        }
        Vec::new()
    }

    fn got_team(&mut self, id: Id, answer: Result<Team, Error>) {
        let Some(request) = self.finish(id) else { return };
        let below = self.popups.iter_mut().rev().find_map(|popup| match popup {
            Popup::Members(members) => Some(members),
            _ => None,
        });
        match (answer, below) {
            (Ok(team), Some(members)) => {
                members.cursor = members.cursor.min(team.members.len().saturating_sub(1));
                members.team = Some(team);
            }
            (Ok(_), None) => {}
            (Err(e), Some(members)) if members.team.is_none() => self.fail_closing(&e, &request),
            (Err(e), _) => self.fail(&e, request.action),
        }
    }

    fn team_changed(
        &mut self,
        id: Id,
        change: &TeamChange,
        answer: Result<TeamAnswer, Error>,
    ) -> Effects {
        let Some(request) = self.finish(id) else { return Vec::new() };
        let form = self.form_of(id);
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => {
                let again = matches!(self.popups.last(), Some(Popup::Report(_)));
                match form.and_then(|at| self.popups.get_mut(at)) {
                    Some(Popup::Form(form)) => {
                        form.busy = None;
                        form.problem = Some(Problem::from(&e));
                    }
                    _ if again => self.fail_closing(&e, &request),
                    _ => self.fail(&e, request.action),
                }
                return Vec::new();
            }
        };
        if let Some(at) = form {
            self.popups.truncate(at);
        }
        let mut effects = self.team_again();
        effects.extend(match answer {
            TeamAnswer::Joined(joined) => self.joined(joined),
            TeamAnswer::Changed(changed) => self.rights_changed(change, changed),
        });
        effects
    }

    /// Reads the team again, for the popup that shows it.
    fn team_again(&mut self) -> Effects {
        let at = self.popups.iter().find_map(|popup| match popup {
            Popup::Members(members) => Some(members.at.clone()),
            _ => None,
        });
        let Some(at) = at else { return Vec::new() };
        let id = self.unstoppable("reading the team", None);
        vec![Effect::Team(id, at)]
    }

    fn joined(&mut self, joined: Joined) -> Effects {
        self.status = Status::Info(format!("{} is in the team.", escape(&joined.name)));
        self.open(Popup::Joined(joined));
        Vec::new()
    }

    fn rights_changed(&mut self, change: &TeamChange, changed: Changed) -> Effects {
        let (title, done) = match change {
            TeamChange::Role(name, _) => {
                let name = escape(name);
                (format!("{name} may do less"), format!("{name} has that role now."))
            }
            TeamChange::Remove(name) => {
                let name = escape(name);
                (format!("{name} was removed"), format!("{name} was removed already."))
            }
            TeamChange::Again | TeamChange::Add(..) => ("Sealing anew".to_owned(), String::new()),
        };
        let (told, meanwhile) = match changed {
            // What gives rights only, opens no new generation.
            Changed::Now(rotated) if rotated.groups.is_empty() => {
                self.status = Status::Info(done);
                return self.reload();
            }
            Changed::Before(_) if matches!(change, TeamChange::Role(..)) => {
                self.status = Status::Info(done);
                return Vec::new();
            }
            Changed::Now(rotated) => told(rotated),
            Changed::Before(meanwhile) if done.is_empty() => (Vec::new(), meanwhile),
            Changed::Before(meanwhile) => (vec![done], meanwhile),
        };
        // Looked at again: its report is open already.
        if *change != TeamChange::Again {
            self.open(Popup::Report(Report::deciding(&title)));
        }
        let Some(report) = self.report() else { return Vec::new() };
        report.told.extend(told);
        let Meanwhile { resealed, overruled, late, unfinished } = meanwhile;
        for path in overruled {
            report.told.push(format!(
                "What somebody left above the value of {path} was passed over; it was written anew."
            ));
        }
        for path in resealed {
            report.told.push(format!("{path} was written meanwhile, and was sealed anew."));
        }
        if let Some(error) = unfinished {
            let message = Problem::from(&error).message;
            report.told.push(format!("Not all could be looked at: {message}; s does it again."));
        }
        report.late = late.into();
        self.go_on()
    }

    fn resolved(&mut self, id: Id, decision: &Decision, answer: Result<bool, Error>) -> Effects {
        if self.finish(id).is_none() {
            return Vec::new();
        }
        let (late, what) = decision;
        let said = match (&answer, what) {
            (Ok(true), Late::Adopt) => "adopted.".to_owned(),
            (Ok(true), Late::Drop) => "dropped.".to_owned(),
            (Ok(false), _) => "somebody wrote a newer version, which stands.".to_owned(),
            (Err(e), _) => format!("{}; s asks again.", Problem::from(e).message),
        };
        if let Some(report) = self.report() {
            report.told.push(format!("{}: version {} {said}", late.path, late.n));
            if answer.is_err() {
                report.except.insert(late.path.clone());
            }
        }
        self.go_on()
    }

    fn sealing(&mut self, id: Id, done: usize, total: usize) {
        if let Some(request) = self.requests.iter_mut().find(|request| request.id == id) {
            request.label = format!("sealing anew {done}/{total}");
        }
        if let Some(report) = self.report()
            && matches!(report.step, Step::Sealing(of, _) if of == id)
        {
            report.progress = (done, total);
        }
    }

    fn sealed(&mut self, id: Id, answer: Result<Resealed, Error>) -> Effects {
        if self.finish(id).is_none() {
            return Vec::new();
        }
        let told = match answer {
            Ok(resealed) => sealed_lines(&resealed),
            Err(e) => vec![format!("Not sealed anew: {}; s goes on.", Problem::from(&e).message)],
        };
        let mut effects = self.reload();
        let Some(report) = self.report() else {
            // It was closed while the last ones were finished.
            self.status = Status::Info(told.join(" "));
            return effects;
        };
        report.step = Step::None;
        report.told.extend(told);
        let id = self.request("looking for values to change", None);
        effects.push(Effect::Exposure(id));
        effects
    }

    fn got_exposed(&mut self, id: Id, answer: Result<Vec<Exposed>, Error>) {
        let Some(request) = self.finish(id) else { return };
        match (answer, self.report()) {
            (Ok(exposed), Some(report)) => {
                report.cursor = report.cursor.min(exposed.len().saturating_sub(1));
                report.exposed = Some(exposed);
            }
            (Ok(_), None) => {}
            (Err(e), Some(report)) if !report.told.is_empty() => {
                report.told.push(format!("No list: {}", Problem::from(&e).message));
                report.exposed = Some(Vec::new());
                self.fail(&e, request.action);
            }
            (Err(e), Some(_)) => self.fail_closing(&e, &request),
            (Err(e), None) => self.fail(&e, request.action),
        }
    }

    fn got_log(&mut self, id: Id, answer: Result<Vec<LogEntry>, Error>) {
        let Some(request) = self.finish(id) else { return };
        match (answer, self.popups.last_mut()) {
            (Ok(entries), Some(Popup::Log(log))) => log.entries = Some(entries),
            (Ok(_), _) => {}
            (Err(e), Some(Popup::Log(_))) => self.fail_closing(&e, &request),
            (Err(e), _) => self.fail(&e, request.action),
        }
    }

    fn lost(&mut self, id: Id, answer: Result<Loss, Error>) {
        // A listing goes on.
        let listing = self.listing.is_some_and(|(listing, _)| listing == id);
        if !listing && self.finish(id).is_none() {
            return;
        }
        if let Ok(loss) = answer {
            self.news.loss = Some(loss).filter(|loss| !loss.is_none());
        }
    }
}

/// What a note did, in lines, and what was written meanwhile.
fn told(rotated: Rotated) -> (Vec<String>, Meanwhile) {
    let Rotated { seq, groups, kms_keys, meanwhile, unshown, unnamed } = rotated;
    let mut told = vec![format!("Note {seq} says so. New generation: {}.", groups.join(", "))];
    for Unshown { path, n } in unshown.iter().take(NAMED) {
        told.push(format!(
            "The storage does not show version {n} of {path}, which was there: nothing else \
             counts in its place."
        ));
    }
    let more = unshown.len().saturating_sub(NAMED) + unnamed;
    if more > 0 {
        told.push(format!("{more} more secrets that were there are not shown."));
    }
    for key in kms_keys {
        told.push(format!(
            "IAM decides who reads with {}: take kms:Decrypt and kms:GenerateDataKey from whoever \
             was removed, and end their sessions.",
            escape(&key)
        ));
    }
    told.push("Take their rights to the storage away as well, if they have any.".to_owned());
    (told, meanwhile)
}

fn sealed_lines(resealed: &Resealed) -> Vec<String> {
    let Resealed { done, current, skipped, left, failed } = resealed;
    let values = if *done == 1 { "value" } else { "values" };
    let were = if *current == 1 { "was" } else { "were" };
    let mut line = format!("{done} {values} sealed anew, {current} {were} already");
    if *skipped > 0 {
        line += &format!(", {skipped} are not yours to write");
    }
    let mut told = vec![line + "."];
    if *left > 0 {
        told.push(format!("Stopped: {left} are left; s goes on."));
    }
    for (path, error) in failed.iter().take(NAMED) {
        told.push(format!("{path}: {}", Problem::from(error).message));
    }
    if failed.len() > NAMED {
        told.push(format!("… and {} more; s tries them again.", failed.len() - NAMED));
    }
    told
}
