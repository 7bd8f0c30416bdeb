//! The first start: where, by whom, a passphrase, the recovery words, and a look whether they
//! are on paper. Everything that can fail fails before words are written down.

use crate::vault::generate::strength_bits;
use crate::vault::{Error, Secret};

use super::super::effect::{Effect, Founding};
use super::super::keys::Action;
use super::super::message::{Identity, Message};
use super::super::model::{Model, Problem, Screen, Status};
use super::super::setup::{Setup, Step};
use super::Effects;

/// Fewer bits than this are called weak.
pub const WEAK: u32 = 60;

impl Model {
    pub(super) fn setting_up(&mut self, action: Action) -> Effects {
        let Screen::Setup(setup) = &mut self.screen else { return Vec::new() };
        if setup.busy.is_some() {
            return Vec::new();
        }
        let lines = setup.inputs().len();
        match action {
            Action::Next if lines > 0 => setup.focus = (setup.focus + 1) % lines,
            Action::Previous if lines > 0 => setup.focus = (setup.focus + lines - 1) % lines,
            Action::Reveal if setup.step == Step::Passphrase => {
                setup.passphrase.iter_mut().for_each(|input| input.masked = !input.masked);
            }
            Action::Back => setup.back(),
            Action::Accept if !setup.check_answers() => {}
            Action::Accept if setup.focus + 1 < lines => setup.focus += 1,
            Action::Accept => return self.next_step(),
            _ => {}
        }
        Vec::new()
    }

    fn next_step(&mut self) -> Effects {
        let Screen::Setup(setup) = &mut self.screen else { return Vec::new() };
        setup.problem = None;
        match setup.step {
            Step::Where if setup.is_bucket() => {
                setup.go_to(Step::Bucket);
                Vec::new()
            }
            Step::Where | Step::Bucket => {
                let place = setup.place();
                let id = self.request("looking at the place", None);
                self.busy(id);
                vec![Effect::CheckVacant(id, place)]
            }
            Step::Passphrase => {
                let [first, second] = &setup.passphrase;
                let sealed = setup.identity == Identity::Sealed;
                let problem = if first.secret().is_empty() {
                    Some("the passphrase is empty")
                } else if !sealed && !first.secret().same(second.secret()) {
                    Some("the two differ")
                } else {
                    None
                };
                if let Some(problem) = problem {
                    // Nobody sees in which of them the slip is.
                    setup.passphrase.iter_mut().for_each(|input| drop(input.take()));
                    setup.problem = Some(Problem::note(problem));
                    setup.focus = 0;
                    return Vec::new();
                }
                self.ask_for_words()
            }
            Step::Words => {
                setup.go_to(Step::Check);
                Vec::new()
            }
            Step::Check => {
                let Some((recovery, words)) = setup.recovery.take() else { return Vec::new() };
                drop(words);
                let passphrase = match setup.identity {
                    Identity::Plain => None,
                    _ => Some(Secret::copy_of(setup.passphrase[0].secret().bytes())),
                };
                let founding = Founding { place: setup.place(), passphrase, recovery };
                let id = self.unstoppable("making the vault", None);
                self.busy(id);
                vec![Effect::Found(id, founding)]
            }
        }
    }

    fn ask_for_words(&mut self) -> Effects {
        let id = self.request("drawing recovery words", None);
        self.busy(id);
        vec![Effect::MakeWords(id)]
    }

    fn busy(&mut self, id: u64) {
        if let Screen::Setup(setup) = &mut self.screen {
            setup.busy = Some(id);
        }
    }

    pub(super) fn setup_answer(&mut self, message: Message) -> Effects {
        let id = match &message {
            Message::Vacant(id, _) | Message::Words(id, _) | Message::Founded(id, _) => *id,
            _ => return Vec::new(),
        };
        if self.finish(id).is_none() {
            return Vec::new();
        }
        let Screen::Setup(setup) = &mut self.screen else { return Vec::new() };
        setup.busy = None;
        match message {
            Message::Vacant(_, Ok(Identity::Plain)) => {
                setup.identity = Identity::Plain;
                return self.ask_for_words();
            }
            Message::Vacant(_, Ok(identity)) => {
                setup.identity = identity;
                setup.go_to(Step::Passphrase);
            }
            Message::Words(_, recovery) => {
                let words = recovery.to_words();
                setup.recovery = Some((recovery, words));
                setup.go_to(Step::Words);
            }
            Message::Founded(_, Ok(founded)) => {
                let sealed = setup.identity != Identity::Plain;
                let passphrase = setup.passphrase[0].take();
                self.vaults.push((founded.name.clone(), founded.location.clone()));
                self.vault = (Some(founded.name), founded.location);
                self.sealed = sealed;
                self.screen = Screen::Unlock(super::Unlock {
                    input: super::Input::new(true),
                    problem: None,
                    busy: None,
                });
                self.status = Status::Quiet;
                return self.unlock(sealed.then_some(passphrase));
            }
            Message::Vacant(_, Err(e)) => setup.fail(&e),
            Message::Founded(_, Err(e)) => {
                // The words belong to no vault: others are shown the next time.
                setup.go_to(Step::Where);
                setup.fail(&e);
            }
            _ => {}
        }
        Vec::new()
    }
}

impl Setup {
    fn go_to(&mut self, step: Step) {
        self.step = step;
        self.focus = 0;
        (self.problem, self.wrong) = (None, None);
        self.cover(false);
        if step == Step::Check {
            self.answers.iter_mut().for_each(|answer| drop(answer.take()));
        }
    }

    /// False, and says which, if a word up to this line is wrong.
    fn check_answers(&mut self) -> bool {
        let wrong = self.wrong_answer(self.focus).filter(|_| self.step == Step::Check);
        let Some(at) = wrong else { return true };
        (self.focus, self.wrong) = (at, Some(at));
        self.problem = Some(Problem {
            hint: Some("Esc shows the words again".to_owned()),
            ..Problem::note(&format!("word {} is another one", self.asked()[at]))
        });
        false
    }

    /// Text is about to be typed: it replaces a wrong answer.
    pub(super) fn begin_again(&mut self) {
        if self.wrong.take().is_some_and(|at| at == self.focus) {
            drop(self.answers[self.focus].take());
        }
    }

    fn fail(&mut self, error: &Error) {
        self.problem = Some(Problem::from(error));
    }

    fn back(&mut self) {
        if self.step == Step::Words {
            self.recovery = None;
        }
        if let Some(step) = self.before() {
            self.go_to(step);
        }
    }

    /// How strong the new passphrase is; `None` if nothing is to be said.
    pub fn strength(&self) -> Option<(u32, bool)> {
        let text = self.passphrase[0].text();
        let chosen = self.identity == Identity::Missing && !text.is_empty();
        chosen.then(|| strength_bits(text)).map(|bits| (bits, bits >= WEAK))
    }
}
