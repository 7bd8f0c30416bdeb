//! Which versions count. Roles are always those of the newest verified state, so that nobody who
//! lost a right can add to the past (`docs/FORMAT.md`, "Acceptable versions").

use std::collections::BTreeMap;

use super::cut::CutEntry;
use super::state::State;
use crate::core::header::SignedHeader;
use crate::core::path::SecretPath;

/// What can be said of one version by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// (a) Written under the current generation by somebody who may: acceptable.
    Current,
    /// (b) The entry of the newest cut: acceptable.
    CutEntry,
    /// (c) Of an earlier generation but by somebody who may write now, and not in the cut:
    /// acceptable if its ancestors are, down to firm ground.
    Straggler,
    /// (d) Not newer than the cut: acceptable if a newer acceptable version names it as `prev`.
    Older,
    /// Not acceptable, whatever stands around it.
    Unacceptable(&'static str),
}

/// Judges one version by itself. `cut` is the entry of its path in the newest cut of the group
/// that owns the path now.
pub fn standing(
    state: &State,
    cut: Option<CutEntry>,
    path: &SecretPath,
    signed: &SignedHeader,
) -> Standing {
    let header = &signed.header;
    let Some((key, _)) = state.key(header.by) else {
        return Standing::Unacceptable("its author was never in the team");
    };
    if !signed.verify(key) {
        return Standing::Unacceptable("its signature does not verify");
    }
    let current = state.current(path);
    let may_write = state.may_write(header.by, path);
    if current.as_ref() == Some(&header.group) && may_write {
        return Standing::Current;
    }
    match cut {
        Some(cut) if cut.n == header.n && cut.record == signed.record_hash => Standing::CutEntry,
        Some(cut) if header.n <= cut.n => Standing::Older,
        _ if !may_write => Standing::Unacceptable("its author may not write there"),
        _ if !state.ever_owned(&header.group, path) => {
            Standing::Unacceptable("it is of a group that never owned the path")
        }
        _ => Standing::Straggler,
    }
}

/// What the next step of a walk along a path's history needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Yes,
    /// It does not count, and why.
    No(&'static str),
    /// Version `n` has to be looked at first.
    Need(u64),
}

/// Judges version `n`, given the versions of its path that were read so far (`None` for one that
/// was looked for and is not there). Asks for further versions until it can tell.
pub fn judge(
    state: &State,
    cut: Option<CutEntry>,
    path: &SecretPath,
    versions: &BTreeMap<u64, Option<SignedHeader>>,
    n: u64,
) -> Verdict {
    let Some(found) = versions.get(&n) else { return Verdict::Need(n) };
    let Some(signed) = found else { return Verdict::No("it is missing") };
    match standing(state, cut, path, signed) {
        Standing::Current | Standing::CutEntry => Verdict::Yes,
        Standing::Unacceptable(why) => Verdict::No(why),
        Standing::Straggler => judge_straggler(state, cut, path, versions, signed),
        Standing::Older => judge_older(state, cut, path, versions, signed),
    }
}

/// Down along `prev` until firm ground: an (a) version, the cut's entry, or the first version
/// that its author, who may write now, says is kept.
fn judge_straggler(
    state: &State,
    cut: Option<CutEntry>,
    path: &SecretPath,
    versions: &BTreeMap<u64, Option<SignedHeader>>,
    start: &SignedHeader,
) -> Verdict {
    let mut above = start;
    loop {
        if above.header.n == above.header.from {
            return Verdict::Yes;
        }
        let below = above.header.n - 1;
        let Some(found) = versions.get(&below) else { return Verdict::Need(below) };
        let Some(signed) = found else { return Verdict::No("a version before it is missing") };
        if let Err(why) = follows(above, signed) {
            return Verdict::No(why);
        }
        match standing(state, cut, path, signed) {
            Standing::Current | Standing::CutEntry => return Verdict::Yes,
            Standing::Straggler => above = signed,
            Standing::Older => return Verdict::No("it bypasses the cut"),
            Standing::Unacceptable(_) => return Verdict::No("a version before it does not count"),
        }
    }
}

/// Up to the first version that is acceptable by itself, whose `prev` chain must lead down here.
fn judge_older(
    state: &State,
    cut: Option<CutEntry>,
    path: &SecretPath,
    versions: &BTreeMap<u64, Option<SignedHeader>>,
    start: &SignedHeader,
) -> Verdict {
    let mut below = start;
    loop {
        let next = below.header.n + 1;
        let Some(found) = versions.get(&next) else { return Verdict::Need(next) };
        let Some(signed) = found else { return Verdict::No("no newer version vouches for it") };
        if let Err(why) = follows(signed, below) {
            return Verdict::No(why);
        }
        match standing(state, cut, path, signed) {
            Standing::Current | Standing::CutEntry => return Verdict::Yes,
            Standing::Older => below = signed,
            Standing::Straggler => return judge_straggler(state, cut, path, versions, signed),
            Standing::Unacceptable(why) => return Verdict::No(why),
        }
    }
}

/// Checks that `above` is the version right after `below`.
///
/// # Errors
/// What does not fit.
pub fn follows(above: &SignedHeader, below: &SignedHeader) -> Result<(), &'static str> {
    if above.header.n != below.header.n + 1 || above.header.prev != below.record_hash {
        return Err("it does not name the version before it");
    }
    if below.header.from > above.header.from {
        return Err("it claims to keep versions that were purged");
    }
    Ok(())
}
