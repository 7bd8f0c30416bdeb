//! Other names of this program, and programs that are commands of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::exit::Exit;
use super::{output, process};
use crate::config::{Inherit, extension, inherited};
use crate::vault::{Error, escape};

/// What a link to this program is called, and the command that it stands for.
const LINKS: [(&str, &str); 3] = [
    ("git-credential-vault", "git-credential"),
    ("docker-credential-vault", "docker-credential"),
    ("vault-askpass", "askpass"),
];

/// The arguments as they would be without a link.
pub fn resolved(mut args: Vec<OsString>) -> Vec<OsString> {
    let name = args.first().and_then(|arg| Path::new(arg).file_name());
    let link = LINKS.iter().find(|(link, _)| name == Some(OsStr::new(link)));
    if let Some((_, command)) = link {
        args[0] = "vault".into();
        args.insert(1, (*command).into());
        // A prompt may begin with a dash, and is no flag.
        if *command == "askpass" {
            args.insert(2, "--".into());
        }
    }
    args
}

/// Has `vault-NAME` take our place, with what follows the name. Comes back, with an exit code, only
/// if it cannot be started; with `None` if there is no such program.
pub fn extend(args: &[OsString]) -> Option<u8> {
    let name = args.get(1)?.to_str()?;
    // What is wrong is a word further on: commands of our own always win.
    if super::command().find_subcommand(name).is_some() {
        return None;
    }
    let program = extension(name)?;
    let mut command = Command::new(&program);
    command.args(&args[2..]).env_clear().envs(inherited(Inherit::All));
    let error = process::with_callers_umask(|| command.exec());
    let shown = escape(&program.to_string_lossy());
    output::note(&format!("error: cannot start {shown}\n  because: {error}"));
    Some(Exit::NotExecutable.code())
}

/// What to say where flags of ours stand before the name of such a program: whose they are would be
/// a guess. `None` if that is not what is wrong.
pub fn flags_before(args: &[OsString], unknown: &str) -> Option<Error> {
    let at = args.iter().position(|arg| arg == unknown)?;
    let ours = super::command();
    let takes_value = |arg: &str| {
        let mut flags = ours.get_arguments().filter(|flag| flag.get_action().takes_values());
        flags.any(|flag| flag.get_long().is_some_and(|long| arg.strip_prefix("--") == Some(long)))
    };
    let is_ours = |pair: &[OsString]| {
        let [before, arg] = [&pair[0], &pair[1]].map(|arg| arg.to_str().unwrap_or_default());
        // A vault may be called as a command is.
        ours.find_subcommand(arg).is_some() && !takes_value(before)
    };
    if at < 2 || args[..at].windows(2).any(is_ours) {
        return None;
    }
    extension(unknown)?;
    let error = format!("`{unknown}` is a program of its own, and flags come after its name");
    let hint = format!("vault {unknown} …, if it knows them; VAULT_NAME names a vault for both");
    Some(Error::usage(error).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stand_for_commands() {
        let resolved = |args: &[&str]| {
            let args = resolved(args.iter().map(OsString::from).collect());
            args.into_iter().map(|arg| arg.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(resolved(&["/a/git-credential-vault", "get"]), "vault git-credential get");
        assert_eq!(resolved(&["docker-credential-vault", "list"]), "vault docker-credential list");
        assert_eq!(resolved(&["./vault-askpass", "-x"]), "vault askpass -- -x");
        assert_eq!(resolved(&["vault", "get"]), "vault get");
        assert_eq!(
            resolved(&["git-credential-vault/vault", "get"]),
            "git-credential-vault/vault get"
        );
        assert_eq!(resolved(&[]), "");
    }
}
