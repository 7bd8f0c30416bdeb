//! `vault askpass`: programs that would ask on a terminal ask it instead.

use clap::Args;

use super::output;
use super::resolve::{self, Resolver};
use super::session::Session;
use crate::config::variable_of_environment;
use crate::vault::{Content, Error, FieldType, Reference, Result, Secret};

/// Where the password is.
const REFERENCE: &str = "VAULT_ASKPASS";
/// Fields that may hold the user's name.
const USERS: [&str; 4] = ["user", "username", "login", "email"];

/// Answer git's, ssh's and sudo's questions for a password
///
/// Name a link vault-askpass to this program in GIT_ASKPASS, SSH_ASKPASS or SUDO_ASKPASS, and the
/// password as a reference in VAULT_ASKPASS. A question that begins with `Username` is answered with
/// the field user, username, login or email of the same secret, every other one with the value:
/// whoever may ask gets it, so set VAULT_ASKPASS for one command, not for a session.
///
/// Questions for yes or no are not answered (the exit code is 1, which means no), nor what ssh only
/// wants shown. A value of several lines is refused.
#[derive(Args)]
#[command(after_help = "Examples:
  vault put git/github.com/ann < token
  ln -s \"$(command -v vault)\" ~/.local/bin/vault-askpass
  VAULT_ASKPASS=vault://git/github.com/ann GIT_ASKPASS=vault-askpass git fetch
  VAULT_ASKPASS='vault://ssh/deploy#passphrase' SSH_ASKPASS=vault-askpass \\
      SSH_ASKPASS_REQUIRE=force ssh-add ~/.ssh/deploy
  VAULT_ASKPASS=vault://hosts/web SUDO_ASKPASS=$(command -v vault-askpass) sudo -A true")]
pub struct Askpass {
    /// What the other program asks
    #[arg(value_name = "QUESTION", allow_hyphen_values = true)]
    question: Vec<String>,
}

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    User,
    Password,
    /// Nothing: it is only shown.
    Nothing,
    /// Nothing, which means no.
    No,
}

impl Askpass {
    pub async fn run(self, session: &Session) -> Result<()> {
        let kind = variable_of_environment("SSH_ASKPASS_PROMPT");
        let kind = kind.as_ref().map(|kind| kind.to_string_lossy());
        let answer = Answer::to(&self.question.join(" "), kind.as_deref());
        match answer {
            Answer::Nothing => return Ok(()),
            Answer::No => return Err(Error::general("only a person can agree to that")),
            Answer::User | Answer::Password => {}
        }
        let text = variable_of_environment(REFERENCE).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            Error::usage(format!("{REFERENCE} is not set"))
                .hint(format!("{REFERENCE}=vault://PATH says where the password is"))
        })?;
        let mut reference = Reference::parse(&text.to_string_lossy())?;
        if answer == Answer::User {
            (reference.otp, reference.field) = (false, None);
        }
        let mut resolver = Resolver::new(session);
        let found = resolver.read(resolve::places([&reference])).await;
        if answer == Answer::User {
            reference.field = user_field(&found);
        }
        let value = match answer {
            Answer::User if reference.field.is_none() => last_segment(&reference, &found)?,
            _ => resolve::value(&reference, &found)?.value,
        };
        output::secret_text(&line(value)?, None)
    }
}

impl Answer {
    fn to(question: &str, kind: Option<&str>) -> Self {
        let question = question.to_ascii_lowercase();
        match kind {
            Some("none") => return Self::Nothing,
            // Also what a later version of ssh may want agreed to.
            Some(kind) if !kind.is_empty() => return Self::No,
            _ => {}
        }
        if question.contains("(yes/no") || question.contains("[y/n]") {
            return Self::No;
        }
        match question.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()) {
            Some("username" | "user" | "login") => Self::User,
            _ => Self::Password,
        }
    }
}

/// The field with the user's name, if what was read has one.
fn user_field(found: &resolve::Found) -> Option<String> {
    let opened = found.values().next()?.as_ref().ok()?;
    let Content::Doc(document) = &opened.content else { return None };
    let is_there = |name: &&str| document.field(name).is_some_and(|f| f.kind != FieldType::Secret);
    USERS.iter().copied().find(is_there).map(str::to_owned)
}

/// The user that git's helper keeps in the name.
fn last_segment(reference: &Reference, found: &resolve::Found) -> Result<Secret> {
    if let Some(Err(e)) = found.values().next() {
        return Err(resolve::again(e));
    }
    let last = reference.path.segments().next_back().and_then(crate::vault::segment_text);
    match last.filter(|_| reference.path.as_str().starts_with("git/")) {
        Some(user) => Ok(Secret::new(user.into_bytes())),
        None => Err(Error::not_found(format!("{} has no user name", reference.path))
            .hint("a field user, username, login or email")),
    }
}

/// One line, with its end.
fn line(mut value: Secret) -> Result<Secret> {
    let text = value.bytes();
    let len = text.strip_suffix(b"\n").map_or(text.len(), <[u8]>::len);
    value.truncate(len);
    if value.bytes().iter().any(|byte| b"\n\r\0".contains(byte)) {
        return Err(Error::usage("the value has several lines, and one is asked for"));
    }
    value.push(b'\n');
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_for_a_password_get_it() {
        for (question, kind, answer) in [
            ("Username for 'https://github.com': ", None, Answer::User),
            ("Password for 'https://ann@github.com': ", None, Answer::Password),
            ("Enter passphrase for key '/home/ann/.ssh/id_ed25519': ", None, Answer::Password),
            ("(ann@host) Password: ", Some(""), Answer::Password),
            ("[sudo] password for ann: ", None, Answer::Password),
            ("", None, Answer::Password),
            ("Allow use of key /x?\nKey fingerprint ab. ", Some("confirm"), Answer::No),
            ("Confirm user presence for key", Some("none"), Answer::Nothing),
            ("anything", Some("later"), Answer::No),
            ("Continue connecting (yes/no/[fingerprint])? ", None, Answer::No),
        ] {
            assert_eq!(Answer::to(question, kind), answer, "{question}");
        }
    }

    #[test]
    fn an_answer_is_one_line() {
        let line =
            |text: &str| line(Secret::copy_of(text.as_bytes())).ok().map(|s| s.bytes().to_vec());
        assert_eq!(line("a"), Some(b"a\n".to_vec()));
        assert_eq!(line("a\n"), Some(b"a\n".to_vec()));
        for several in ["a\nb", "a\n\n", "a\rb", "a\0"] {
            assert_eq!(line(several), None);
        }
    }
}
