//! What this process allows to happen to its memory and files, from the first line of `main`.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask,
};

use crate::vault::agent::Locked;

/// The file mode mask before [`harden`].
static CALLERS_UMASK: OnceLock<Mode> = OnceLock::new();

/// No core dumps, no reading of this process by others of the same user, files for the user
/// alone, and panics that do not print what they hold.
pub fn harden() {
    // Each is defence in depth: where the system refuses one, the program still works.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = CALLERS_UMASK.set(umask(Mode::RWXG | Mode::RWXO));
    std::panic::set_hook(Box::new(|info| {
        // The payload may quote data: only the place is told.
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line()));
        let place = place.unwrap_or_default();
        super::output::note(&format!(
            "error: vault failed unexpectedly{place}; please report this"
        ));
    }));
}

/// Keeps all memory of this process from being swapped out, where that has no limit: with one, an
/// allocation might fail later.
pub fn lock_memory() -> Locked {
    use rustix::mm::{MlockAllFlags, mlockall};
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    #[cfg(target_os = "linux")]
    let flags = flags | MlockAllFlags::ONFAULT;
    let unlimited = rustix::process::getrlimit(Resource::Memlock).current.is_none();
    match unlimited && mlockall(flags).is_ok() {
        true => Locked::All,
        false => Locked::Nothing,
    }
}

/// Runs something with the file mode mask of the caller: the start of another program.
pub fn with_callers_umask<T>(start: impl FnOnce() -> T) -> T {
    let Some(theirs) = CALLERS_UMASK.get() else { return start() };
    let ours = umask(*theirs);
    let done = start();
    umask(ours);
    done
}

/// Whether [`harden`] has worked: no core dumps, and no reading by others of the same user.
pub fn is_hardened() -> (bool, bool) {
    let core = rustix::process::getrlimit(Resource::Core).maximum == Some(0);
    #[cfg(target_os = "linux")]
    let closed = rustix::process::dumpable_behavior()
        .is_ok_and(|behavior| behavior == DumpableBehavior::NotDumpable);
    #[cfg(not(target_os = "linux"))]
    let closed = false;
    (core, closed)
}
