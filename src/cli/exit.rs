//! Exit codes: part of the interface, so an enum with a test.

use crate::vault::Kind;

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// It failed for a reason without a code of its own.
    General = 1,
    /// The command line, a path or a setting is wrong.
    Usage = 2,
    /// No such secret, field, version or vault.
    NotFound = 3,
    /// Credentials are missing, wrong or expired, or the identity is locked.
    Credentials = 4,
    /// The credentials are good but do not allow it.
    Denied = 5,
    /// Somebody else was faster, or it is there already; nothing was written.
    Conflict = 6,
    /// Tampering, rollback, or something that cannot be decrypted or verified.
    Integrity = 7,
    /// The network failed or timed out.
    Network = 8,
    /// Some of it was done, some not.
    Partial = 9,
    /// The program of `vault run` cannot be executed.
    NotExecutable = 126,
    /// There is no program of that name for `vault run`.
    NoProgram = 127,
    /// The terminal went away while the terminal UI, or an editor, was open.
    HungUp = 129,
    /// Ctrl-C.
    Interrupted = 130,
    /// Ctrl-\ or a QUIT from elsewhere, while the terminal UI was open.
    Quit = 131,
    /// The terminal UI, `vault edit` or `vault import` was asked to end.
    Terminated = 143,
}

impl Exit {
    /// Every code with what it means, for `vault help exit-codes`.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Ok, "it worked; also when the reader of a pipe went away"),
        (
            Self::General,
            "it failed for a reason without a code of its own; `vault diff --exit-code`: they differ; `vault scan`: something was found; `vault docker-credential`: not there; `vault askpass`: no",
        ),
        (Self::Usage, "the command line, a path or a setting is wrong"),
        (
            Self::NotFound,
            "no such secret, field, version or vault; `vault find`: nothing; `vault scan`: nothing to look for",
        ),
        (Self::Credentials, "credentials missing, wrong or expired, or the identity is locked"),
        (Self::Denied, "the credentials are good but do not allow it"),
        (Self::Conflict, "somebody else was faster, or it is there already; nothing was written"),
        (Self::Integrity, "tampering, rollback, or something that cannot be decrypted or verified"),
        (
            Self::Network,
            "the network failed or timed out; with --offline: not kept here, or too old",
        ),
        (Self::Partial, "some of it was done, some not"),
        (
            Self::NotExecutable,
            "`vault run`, or `vault NAME` for vault-NAME: the program cannot be executed",
        ),
        (
            Self::NoProgram,
            "`vault run`: there is no such program; every other code is the program's own, 128 + N if signal N ended it",
        ),
        (
            Self::HungUp,
            "the terminal of the terminal UI, of `vault edit` or `vault import`, went away",
        ),
        (Self::Interrupted, "interrupted with Ctrl-C"),
        (Self::Quit, "the terminal UI, `vault edit` or `vault import` was ended by SIGQUIT"),
        (
            Self::Terminated,
            "the terminal UI, `vault edit` or `vault import` was ended by another signal",
        ),
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::General => Self::General,
            Kind::Usage => Self::Usage,
            Kind::NotFound => Self::NotFound,
            Kind::Credentials => Self::Credentials,
            Kind::Denied => Self::Denied,
            Kind::Conflict => Self::Conflict,
            Kind::Integrity => Self::Integrity,
            Kind::Network => Self::Network,
            Kind::Partial => Self::Partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_fixed() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 126, 127, 129, 130, 131, 143]);
    }

    #[test]
    fn every_kind_has_its_own_number() {
        let kinds = [
            (Kind::General, 1),
            (Kind::Usage, 2),
            (Kind::NotFound, 3),
            (Kind::Credentials, 4),
            (Kind::Denied, 5),
            (Kind::Conflict, 6),
            (Kind::Integrity, 7),
            (Kind::Network, 8),
            (Kind::Partial, 9),
        ];
        for (kind, code) in kinds {
            assert_eq!(Exit::from(kind).code(), code, "{kind:?}");
        }
    }
}
