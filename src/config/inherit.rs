//! The environment that a program of `vault run` inherits.

use std::env;
use std::ffi::OsString;

/// What a program needs to find its way, and that is no setting of anything.
const BASICS: [&str; 16] = [
    "COLORTERM",
    "DISPLAY",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "NO_COLOR",
    "PATH",
    "PWD",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
];
/// Variables of this program that are secret themselves. Nobody inherits them.
const OUR_SECRETS: [&str; 1] = ["VAULT_CAPABILITY"];

/// How much of the environment is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inherit {
    /// All of it.
    All,
    /// `PATH`, `HOME`, `TERM` and the like.
    Basics,
    /// Nothing.
    Nothing,
}

/// The environment that is passed on. Keys of this program never are.
pub fn inherited(how_much: Inherit) -> Vec<(OsString, OsString)> {
    let passes = |name: &OsString| {
        let text = name.to_str();
        let basic = text.is_some_and(|t| BASICS.contains(&t) || t.starts_with("LC_"));
        let ours = text.is_some_and(is_our_secret);
        !ours
            && match how_much {
                Inherit::All => true,
                Inherit::Basics => basic,
                Inherit::Nothing => false,
            }
    };
    env::vars_os().filter(|(name, _)| passes(name)).collect()
}

/// True for a variable of this program that is secret itself: no program has it from us.
pub fn is_our_secret(name: &str) -> bool {
    OUR_SECRETS.contains(&name)
}

/// One variable of the environment, whatever is passed on.
pub fn variable_of_environment(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// True if git runs us where nobody would see a question.
pub fn is_unattended() -> bool {
    env::var_os("GIT_TERMINAL_PROMPT").is_some_and(|prompt| prompt == "0" || prompt == "false")
}

/// True in a job of a CI service: all of them set `CI`.
pub fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false" && ci != "0")
}
