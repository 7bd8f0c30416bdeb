//! age plugins: programs called `age-plugin-NAME` on the PATH that hold keys elsewhere, on a
//! hardware token for instance. What they ask goes to whoever uses the library ([`Ask`]).

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use age::plugin::{IdentityPluginV1, RecipientPluginV1};
use age::secrecy::SecretString;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};

use crate::core::error::{Error, Result};
use crate::core::path::escape;
use crate::core::secret::Secret;

/// Most characters of what a plugin says that are passed on.
const MAX_TOLD: usize = 400;

/// What went wrong with a plugin. Travels through `age` inside an `io::Error`, since what `age`
/// itself says of plugins cannot be told apart.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It asked, and nobody answered: why, and what to do.
    #[error("{0}")]
    Unanswered(String, Option<String>),
    /// It failed, died, or did not keep to the protocol.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// What `age` says of the plugin: for a plugin that died the first line, what follows is advice
    /// to whoever writes one.
    fn of(name: &str, why: &dyn fmt::Display, all: bool) -> Self {
        let why = unmarked(&why.to_string());
        let lines: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let why =
            if all { lines.join(" ") } else { lines.first().copied().unwrap_or_default().into() };
        let mut told: String = why.chars().take(MAX_TOLD).collect();
        if told.len() < why.len() {
            told.push('…');
        }
        let program = format!("age-plugin-{name}");
        Self::Failed(if told.contains(&program) { told } else { format!("{program}: {told}") })
    }

    fn boxed(self) -> io::Error {
        io::Error::other(self)
    }
}

/// A text of `age` without the marks that it puts around names.
fn unmarked(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// Whoever can be asked for what opens a key. Texts are safe to show on a terminal.
pub trait Ask: Send + Sync {
    /// The passphrase of `what`, for instance of `the identity`.
    ///
    /// # Errors
    /// Usage if there is nobody to ask.
    fn passphrase(&self, what: &str) -> Result<Secret>;

    /// Something to do, such as to touch a token. Nobody need see it.
    fn tell(&self, _message: &str) {}

    /// A PIN or something else that is not shown while it is typed.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn hidden(&self, question: &str) -> Result<Secret> {
        Err(unasked(question))
    }

    /// A line that may be shown.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn line(&self, question: &str) -> Result<String> {
        Err(unasked(question))
    }

    /// True for `yes`.
    ///
    /// # Errors
    /// As [`Self::passphrase`].
    fn confirm(&self, question: &str, _yes: &str, _no: Option<&str>) -> Result<bool> {
        Err(unasked(question))
    }
}

/// Asks for each passphrase once, however often it is needed.
pub struct AskOnce {
    ask: Arc<dyn Ask>,
    answers: Mutex<BTreeMap<String, Secret>>,
}

impl AskOnce {
    /// Hands questions on to `ask`.
    pub fn new(ask: Arc<dyn Ask>) -> Self {
        Self { ask, answers: Mutex::default() }
    }

    /// The passphrase that was given last, which is forgotten here.
    pub fn take(&self) -> Option<Secret> {
        let mut answers = self.answers.lock().expect("no panic holds this lock");
        answers.pop_last().map(|(_, passphrase)| passphrase)
    }
}

impl Ask for AskOnce {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        let mut answers = self.answers.lock().expect("no panic holds this lock");
        if let Some(passphrase) = answers.get(what) {
            return Ok(Secret::copy_of(passphrase.bytes()));
        }
        let passphrase = self.ask.passphrase(what)?;
        answers.insert(what.to_owned(), Secret::copy_of(passphrase.bytes()));
        Ok(passphrase)
    }

    fn tell(&self, message: &str) {
        self.ask.tell(message);
    }

    fn hidden(&self, question: &str) -> Result<Secret> {
        self.ask.hidden(question)
    }

    fn line(&self, question: &str) -> Result<String> {
        self.ask.line(question)
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Result<bool> {
        self.ask.confirm(question, yes, no)
    }
}

/// What a plugin asks, and what became of the first question that was not answered.
#[derive(Clone)]
struct Questions {
    ask: Arc<dyn Ask>,
    unanswered: Arc<Mutex<Option<Failure>>>,
}

impl Questions {
    fn new(ask: Arc<dyn Ask>) -> Self {
        Self { ask, unanswered: Arc::default() }
    }

    fn answered<T>(&self, answer: Result<T>) -> Option<T> {
        let keep = |e: Error| {
            let mut first = self.unanswered.lock().expect("no panic holds this lock");
            first.get_or_insert(Failure::Unanswered(e.message, e.hint));
        };
        answer.map_err(keep).ok()
    }

    /// The failure that an unanswered question is, whatever the plugin made of it.
    fn failure(&self) -> Option<Failure> {
        self.unanswered.lock().expect("no panic holds this lock").take()
    }
}

impl age::Callbacks for Questions {
    fn display_message(&self, message: &str) {
        self.ask.tell(&escape(&unmarked(message)));
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let no = no.map(escape);
        self.answered(self.ask.confirm(&escape(message), &escape(yes), no.as_deref()))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.answered(self.ask.line(&escape(description)))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        secret_string(&self.answered(self.ask.hidden(&escape(description)))?)
    }
}

/// Answers nothing: there is nobody to ask while a keyring is sealed.
struct Nobody;

impl Ask for Nobody {
    fn passphrase(&self, what: &str) -> Result<Secret> {
        Err(unasked(what))
    }
}

fn unasked(question: &str) -> Error {
    Error::usage(format!("an age plugin asks `{question}`, and nobody is asked here"))
        .hint("`vault get` passes questions on; to encrypt, a plugin that asks nothing is needed")
}

/// The same as a string that `age` zeroes; `None` if it is not UTF-8.
pub fn secret_string(secret: &Secret) -> Option<SecretString> {
    Some(SecretString::from(secret.text()?.to_owned()))
}

/// All recipients of one plugin.
pub struct PluginRecipients {
    name: String,
    inner: RecipientPluginV1<Questions>,
    questions: Questions,
}

/// Prepares to encrypt to recipients of the plugin `name`. Sealing asks nobody anything.
///
/// # Errors
/// Credentials if the plugin is not on the PATH.
pub fn recipients(name: &str, recipients: &[age::plugin::Recipient]) -> Result<PluginRecipients> {
    let questions = Questions::new(Arc::new(Nobody));
    let inner = RecipientPluginV1::new(name, recipients, &[], questions.clone())
        .map_err(|_| missing(name).hint("encrypting to a member's key takes it: install it"))?;
    Ok(PluginRecipients { name: name.to_owned(), inner, questions })
}

impl age::Recipient for PluginRecipients {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let wrapped = self.inner.wrap_file_key(file_key);
        let unanswered = self.questions.failure();
        wrapped.map_err(|e| {
            let all = matches!(e, EncryptError::Plugin(_));
            let failure = unanswered.unwrap_or_else(|| Failure::of(&self.name, &e, all));
            EncryptError::Io(failure.boxed())
        })
    }
}

/// A key that a plugin keeps.
pub struct PluginIdentity {
    name: String,
    inner: IdentityPluginV1<Questions>,
    questions: Questions,
}

impl PluginIdentity {
    /// Reads `AGE-PLUGIN-NAME-1…`.
    ///
    /// # Errors
    /// Usage if it is none; credentials if the plugin is not on the PATH.
    pub fn new(text: &str, ask: Arc<dyn Ask>) -> Result<Self> {
        let identity: age::plugin::Identity = text.parse().map_err(|_| {
            Error::usage("not the identity of an age plugin (`AGE-PLUGIN-NAME-1…`)")
        })?;
        let name = identity.plugin().to_owned();
        let questions = Questions::new(ask);
        let inner = IdentityPluginV1::new(&name, &[identity], questions.clone()).map_err(|_| {
            missing(&name).hint("the key of this identity is reached through it: install it")
        })?;
        Ok(Self { name, inner, questions })
    }

    /// Name of the plugin.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<FileKey, DecryptError>> {
        let answer = age::Identity::unwrap_stanzas(&self.inner, stanzas);
        let failure = match (answer, self.questions.failure()) {
            (Some(Ok(key)), _) => return Some(Ok(key)),
            (None, None) => return None,
            (_, Some(unanswered)) => unanswered,
            (Some(Err(e)), None) => {
                Failure::of(&self.name, &e, matches!(e, DecryptError::Plugin(_)))
            }
        };
        Some(Err(DecryptError::Io(failure.boxed())))
    }
}

fn missing(name: &str) -> Error {
    Error::credentials(format!("the program age-plugin-{} is not on the PATH", escape(name)))
}

/// What to tell if a plugin's failure is the cause; `None` if something else is.
pub fn failed(error: &io::Error) -> Option<Error> {
    Some(match error.get_ref()?.downcast_ref::<Failure>()? {
        Failure::Unanswered(why, hint) => {
            let error = Error::usage(why.clone());
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        Failure::Failed(why) => Error::credentials(escape(why))
            .hint("the key of a plugin has to be within reach: is the token plugged in?"),
    })
}
