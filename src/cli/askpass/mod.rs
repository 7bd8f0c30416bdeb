//! `vault askpass`: programs that would ask on a terminal ask it instead.

mod question;

use clap::Args;

use super::output;
use super::resolve::{self, Resolver};
use super::session::Session;
use crate::config::variable_of_environment;
use crate::vault::{Content, Error, FieldType, Reference, Result, Secret};
use question::Answer;

/// Where the password is.
const REFERENCE: &str = "VAULT_ASKPASS";
/// Fields that may hold the user's name.
const USERS: [&str; 4] = ["user", "username", "login", "email"];

/// Answer git's, ssh's and sudo's questions for a password
///
/// Name a link vault-askpass to this program in GIT_ASKPASS, SSH_ASKPASS or SUDO_ASKPASS, and the
/// password as a reference in VAULT_ASKPASS. Git's question `Username for 'https://…': ` is answered
/// with the field user, username, login or email of the same secret, one for a password with the
/// value: whoever may ask gets it, so set VAULT_ASKPASS for one command, not for a session.
///
/// Nothing is answered, and the exit code is 1, which means no, where a question is for yes or no,
/// for a new password, a PIN or a code (unless the reference has ?attribute=otp), comes again because
/// the answer was wrong, or has no word in it that is known for a password or passphrase: those of
/// many languages are, and LC_ALL=C has git and sudo ask in English. What ssh only wants shown has no
/// answer. A value of several lines is refused.
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

impl Askpass {
    pub async fn run(self, session: &Session) -> Result<()> {
        let kind = variable_of_environment("SSH_ASKPASS_PROMPT");
        let kind = kind.as_ref().map(|kind| kind.to_string_lossy());
        let answer = Answer::to(&self.question.join(" "), kind.as_deref());
        match answer {
            Answer::Nothing => return Ok(()),
            // The last one only if the reference is for it.
            Answer::User | Answer::Password | Answer::Other => {}
            no => return Err(refused(&no)),
        }
        let text = variable_of_environment(REFERENCE).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            Error::usage(format!("{REFERENCE} is not set"))
                .hint(format!("{REFERENCE}=vault://PATH says where the password is"))
        })?;
        let mut reference = Reference::parse(&text.to_string_lossy())?;
        if answer == Answer::Other && !reference.otp {
            return Err(refused(&answer));
        }
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

/// Why nothing is answered.
fn refused(answer: &Answer) -> Error {
    match answer {
        Answer::Other => {
            Error::general("that asks for a PIN, a code or a new password, not for the password")
                .hint("a reference with ?attribute=otp answers questions for a one-time password")
        }
        Answer::Wrong => Error::general("that asks again for what was answered already")
            .hint(format!("{REFERENCE} may name another password than the one that is wanted")),
        Answer::Unclear => Error::general("that does not plainly ask for a password")
            .hint("LC_ALL=C has the other program ask in English"),
        _ => Error::general("only a person can agree to that"),
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
