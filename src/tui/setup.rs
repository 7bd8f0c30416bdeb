//! The state of the first start.

use super::effect::Place;
use super::input::Input;
use super::message::{Id, Identity};
use super::model::Problem;
use crate::vault::{DeviceIdentity, Secret};

/// The first start.
pub struct Setup {
    /// How far it is.
    pub step: Step,
    /// Where the vault goes: empty for the usual place.
    pub location: Input,
    /// What is meant by empty.
    pub usual: String,
    /// The first member's name.
    pub member: Input,
    /// How the bucket is reached, and what wraps its keys: region, endpoint, KMS key.
    pub bucket: [Input; 3],
    /// A passphrase, and once more.
    pub passphrase: [Input; 2],
    /// What identity there is.
    pub identity: Identity,
    /// The recovery identity and its words.
    pub recovery: Option<(Box<DeviceIdentity>, Secret)>,
    /// The words, and what is typed of them, are hidden until the next key.
    pub covered: bool,
    /// Two words, asked for to see that they are on paper.
    pub answers: [Input; 2],
    /// The answer that was wrong; what is typed next replaces it.
    pub wrong: Option<usize>,
    /// The line that has the keys.
    pub focus: usize,
    /// What is wrong.
    pub problem: Option<Problem>,
    /// What is waited for.
    pub busy: Option<Id>,
}

/// How far the first start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Where, and by whom.
    Where,
    /// How a bucket is reached.
    Bucket,
    /// A passphrase.
    Passphrase,
    /// The recovery words are shown.
    Words,
    /// Two of them are asked for.
    Check,
}

impl Setup {
    /// The first step.
    pub fn new(usual: String, user: Option<String>) -> Self {
        let user = user.unwrap_or_else(|| "owner".to_owned());
        Self {
            step: Step::Where,
            location: Input::new(false),
            usual,
            member: Input::with(Secret::copy_of(user.as_bytes()), false),
            bucket: [Input::new(false), Input::new(false), Input::new(false)],
            passphrase: [Input::new(true), Input::new(true)],
            identity: Identity::Missing,
            recovery: None,
            covered: false,
            answers: [Input::new(false), Input::new(false)],
            wrong: None,
            focus: 0,
            problem: None,
            busy: None,
        }
    }

    /// True if the vault goes into a bucket.
    pub fn is_bucket(&self) -> bool {
        self.location.text().trim_start().starts_with("s3://")
    }

    /// The steps from the first to the last, as far as it is known.
    pub fn steps(&self) -> Vec<Step> {
        let all = [Step::Where, Step::Bucket, Step::Passphrase, Step::Words, Step::Check];
        let needed = |step: &Step| match step {
            Step::Bucket => self.is_bucket(),
            Step::Passphrase => self.identity != Identity::Plain,
            _ => true,
        };
        all.into_iter().filter(needed).collect()
    }

    /// The step before this one.
    pub fn before(&self) -> Option<Step> {
        let steps = self.steps();
        let at = steps.iter().position(|step| *step == self.step)?;
        steps.get(at.checked_sub(1)?).copied()
    }

    /// Where the vault goes. A bucket's settings are left out for a directory.
    pub fn place(&self) -> Place {
        let text = |input: &Input| input.text().trim().to_owned();
        let (location, member) = (text(&self.location), text(&self.member));
        let [region, endpoint, kms] = match self.is_bucket() {
            true => self.bucket.each_ref().map(text),
            false => Default::default(),
        };
        Place { location, member, region, endpoint, kms }
    }

    /// What a line means while it is empty.
    pub fn empty_means(&self, line: usize) -> Option<&str> {
        match (self.step, line) {
            (Step::Where, 0) => Some(&self.usual),
            (Step::Bucket, 0) => Some("that of AWS_REGION or the AWS profile"),
            (Step::Bucket, 1) => Some("Amazon S3"),
            (Step::Bucket, 2) => Some("a key of the team"),
            _ => None,
        }
    }

    /// The lines that are typed in this step.
    pub fn inputs(&mut self) -> Vec<&mut Input> {
        match self.step {
            Step::Where => vec![&mut self.location, &mut self.member],
            Step::Bucket => self.bucket.iter_mut().collect(),
            Step::Passphrase => match self.identity {
                Identity::Sealed => self.passphrase.iter_mut().take(1).collect(),
                _ => self.passphrase.iter_mut().collect(),
            },
            Step::Words => Vec::new(),
            Step::Check => self.answers.iter_mut().collect(),
        }
    }

    /// The same with what each is called.
    pub fn lines(&self) -> Vec<(String, &Input)> {
        let named = |label: &str, input| (label.to_owned(), input);
        let [first, second] = &self.passphrase;
        match self.step {
            Step::Where => {
                vec![named("where", &self.location), named("your name", &self.member)]
            }
            Step::Bucket => ["region", "endpoint", "KMS key"]
                .map(str::to_owned)
                .into_iter()
                .zip(&self.bucket)
                .collect(),
            Step::Passphrase if self.identity == Identity::Sealed => {
                vec![named("passphrase", first)]
            }
            Step::Passphrase => vec![named("passphrase", first), named("once more", second)],
            Step::Words => Vec::new(),
            Step::Check => {
                let asked = self.asked().map(|n| format!("word {n:2}"));
                asked.into_iter().zip(&self.answers).collect()
            }
        }
    }

    /// True if words of the recovery can be seen.
    pub fn shows_words(&self) -> bool {
        matches!(self.step, Step::Words | Step::Check) && !self.covered
    }

    /// Hides the words, or shows them again.
    pub fn cover(&mut self, covered: bool) {
        self.covered = covered && matches!(self.step, Step::Words | Step::Check);
        self.answers.iter_mut().for_each(|answer| answer.masked = self.covered);
    }

    /// Which two words are asked for, from 1. They differ from vault to vault.
    pub fn asked(&self) -> [usize; 2] {
        let words = self.recovery.as_ref().map_or(&[][..], |(_, words)| words.bytes());
        let sum = words.iter().fold(0usize, |sum, byte| sum * 31 % 9973 + usize::from(*byte));
        [sum % 12 + 1, sum / 12 % 12 + 13]
    }

    /// The first line up to this one whose word is wrong.
    pub fn wrong_answer(&self, last: usize) -> Option<usize> {
        let words = self.recovery.as_ref().and_then(|(_, words)| words.text()).unwrap_or_default();
        let word = |n: usize| words.split(' ').nth(n - 1);
        let given = |i: usize| self.answers[i].text().trim();
        let asked = self.asked();
        let right = |i: usize| word(asked[i]).is_some_and(|w| w.eq_ignore_ascii_case(given(i)));
        (0..=last).find(|i| !right(*i))
    }
}
