//! What follows a change that takes somebody's rights away: the same flags, questions and report
//! wherever it happens.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{
    Changed, Error, Exposed, Kind, Late, LateWrite, Meanwhile, Prefix, Reseal, Resealed, Result,
    Rotated, Unshown, Vault, escape,
};

/// How far to go after a new generation.
#[derive(Args, Default)]
pub struct Follow {
    /// Seal every value anew at once, not each with its next write; run again, it goes on
    #[arg(long)]
    pub reseal: bool,
    /// Also remove every older version, and purge what was deleted. Cannot be undone
    #[arg(long)]
    pub purge_history: bool,
    #[command(flatten)]
    pub late: LateFlag,
}

/// How a question about a late write is answered.
#[derive(Args, Default)]
pub struct LateFlag {
    /// What becomes of what they wrote during the change, where nobody can be asked
    #[arg(long = "late", value_name = "WHAT")]
    what: Option<LateName>,
}

/// What becomes of a late write.
#[derive(Clone, Copy, ValueEnum)]
enum LateName {
    /// Keep its value
    Adopt,
    /// Keep the value before it
    Drop,
}

/// Why it was done.
pub enum Reason {
    /// Somebody lost a right.
    Removal,
    /// Keys were to be new: of all groups, or of one.
    Rotation(Option<String>),
}

/// What was done about the team.
pub enum Done {
    /// A note was added.
    Noted(Rotated),
    /// There was nothing to change; an earlier run may have been cut off.
    Already(Meanwhile),
    /// Nothing was to be changed, only sealed anew.
    Resumed(Meanwhile),
}

impl From<Changed> for Done {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Now(rotated) => Self::Noted(rotated),
            Changed::Before(meanwhile) => Self::Already(meanwhile),
        }
    }
}

impl From<Option<Rotated>> for Done {
    fn from(changed: Option<Rotated>) -> Self {
        changed.map_or_else(|| Self::Already(Meanwhile::default()), Self::Noted)
    }
}

impl Done {
    fn note(&self) -> Option<&Rotated> {
        match self {
            Self::Noted(rotated) => Some(rotated),
            Self::Already(_) | Self::Resumed(_) => None,
        }
    }

    fn meanwhile(&self) -> &Meanwhile {
        match self {
            Self::Noted(rotated) => &rotated.meanwhile,
            Self::Already(meanwhile) | Self::Resumed(meanwhile) => meanwhile,
        }
    }

    fn groups(&self) -> &[String] {
        self.note().map_or(&[], |rotated| &rotated.groups)
    }
}

/// What became of a late write.
struct Decided<'d> {
    late: &'d LateWrite,
    answer: Option<Late>,
}

impl Follow {
    /// Asks before what cannot be undone. `what`: the warning and the name to type.
    pub async fn confirm(&self, session: &Session, what: Option<(&str, &str)>) -> Result<()> {
        if session.yes {
            return Ok(());
        }
        match what {
            Some((warning, name)) => session.prompt.confirm_name(warning, name).await,
            None if self.purge_history => {
                let warning = "This removes every older version for good";
                session.prompt.confirm_name(warning, "purge-history").await
            }
            None => Ok(()),
        }
    }

    /// True if a flag is set.
    pub fn is_given(&self) -> bool {
        self.reseal || self.purge_history || self.late.what.is_some()
    }

    /// Reports, asks about late writes, seals anew. The note stands, whatever fails here: that is
    /// said at the end, after everything else was done and told.
    pub async fn finish(
        &self,
        session: &Session,
        vault: &Vault,
        done: impl Into<Done>,
        reason: Reason,
    ) -> Result<()> {
        let done = done.into();
        session.warn(vault);
        tell(&done, &reason);
        let mut failed: Vec<String> = Vec::new();
        if let Some(error) = &done.meanwhile().unfinished {
            failed.push(error.message.clone());
        }
        let decided = self.decide(session, vault, &done.meanwhile().late, &mut failed).await?;
        let mut sealed = None;
        if self.reseal || self.purge_history {
            let open = decided.iter().filter(|decided| decided.answer.is_none());
            let except: BTreeSet<_> = open.map(|decided| decided.late.path.clone()).collect();
            let groups = match reason {
                Reason::Rotation(Some(group)) => vec![group],
                Reason::Removal | Reason::Rotation(None) => Vec::new(),
            };
            let purge_history = self.purge_history;
            let what = Reseal { groups, purge_history, except, ..Reseal::default() };
            sealed = Some(reseal(vault, &what).await?);
            session.warn(vault);
        } else if !done.groups().is_empty() {
            output::note("Each value is sealed anew with its next write; at once with --reseal.");
        }
        if let Some(Resealed { failed: paths, .. }) = &sealed {
            failed.extend(paths.iter().map(|(path, e)| format!("{path}: {}", e.message)));
        }
        let exposed = vault.exposure(&Prefix::default()).await?;
        report(session, &done, &decided, sealed.as_ref(), &exposed)?;
        session.warn(vault);
        if failed.is_empty() { held(&done) } else { Err(partly(&failed)) }
    }

    async fn decide<'d>(
        &self,
        session: &Session,
        vault: &Vault,
        late: &'d [LateWrite],
        failed: &mut Vec<String>,
    ) -> Result<Vec<Decided<'d>>> {
        let mut decided = Vec::new();
        for write in late {
            let LateWrite { path, n, author, .. } = write;
            let what = format!("{author} wrote version {n} of {path} during the change");
            let answer = match self.late.what {
                Some(LateName::Adopt) => Some(Late::Adopt),
                Some(LateName::Drop) => Some(Late::Drop),
                None if session.yes => None,
                None => session.prompt.adopt_or_drop(&what).await?,
            };
            let mut word = match answer {
                Some(Late::Adopt) => "adopted",
                Some(Late::Drop) => "dropped",
                None => {
                    "it does not count, and the next write replaces it; run this again with \
                     --late adopt or --late drop"
                }
            };
            if let Some(answer) = answer {
                match vault.resolve_late(write, answer).await {
                    Ok(true) => {}
                    Ok(false) => word = "somebody wrote a newer version, which stands",
                    Err(e) => {
                        failed.push(format!("version {n} of {path}: {}", e.message));
                        decided.push(Decided { late: write, answer: None });
                        continue;
                    }
                }
            }
            output::note(&format!("{what}: {word}."));
            decided.push(Decided { late: write, answer });
        }
        Ok(decided)
    }
}

impl LateFlag {
    /// For changes that always seal anew at once.
    pub fn with_reseal(self) -> Follow {
        Follow { reseal: true, purge_history: false, late: self }
    }
}

/// Seals anew, with a bar on a terminal.
async fn reseal(vault: &Vault, what: &Reseal) -> Result<Resealed> {
    let bar = output::bar("sealing anew");
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let answer = vault.reseal(what, &mut progress).await;
    bar.finish_and_clear();
    answer
}

fn tell(done: &Done, reason: &Reason) {
    match done {
        Done::Noted(rotated) => {
            output::note(&format!("Note {} of the team says so.", rotated.seq));
        }
        Done::Already(_) => output::note("Nothing to change: the team is like that already."),
        Done::Resumed(_) => {}
    }
    let groups = done.groups();
    if !groups.is_empty() {
        output::note(&format!("New generation: {}.", groups.join(", ")));
    }
    tell_unshown(done);
    for path in &done.meanwhile().overruled {
        output::note(&format!(
            "What somebody left above the value of {path} was passed over; it was written anew."
        ));
    }
    for path in &done.meanwhile().resealed {
        output::note(&format!("{path} was written meanwhile, and was sealed anew."));
    }
    if !matches!(reason, Reason::Removal) || groups.is_empty() {
        return;
    }
    for key in done.note().map_or(&[][..], |rotated| &rotated.kms_keys) {
        output::note(&format!(
            "IAM decides who reads with {}: take kms:Decrypt and kms:GenerateDataKey from the \
             principals of whoever was removed, and end their sessions. Until then they read on.",
            escape(key)
        ));
    }
    output::note("Take their rights to the storage away as well, if they have any.");
}

fn tell_unshown(done: &Done) {
    let Some(rotated) = done.note() else { return };
    for Unshown { path, n } in &rotated.unshown {
        output::note(&format!(
            "The storage does not show version {n} of {path}, which was there: nothing else \
             counts in its place."
        ));
    }
    if rotated.unnamed > 0 {
        output::note(&format!(
            "{} more that earlier cuts hold are not listed: nothing else counts in their place.",
            output::count(rotated.unnamed, "secret")
        ));
    }
}

/// Partial, if the storage does not show all that was there.
fn held(done: &Done) -> Result<()> {
    let hidden = done.note().map_or(0, |rotated| rotated.unshown.len() + rotated.unnamed);
    if hidden == 0 {
        return Ok(());
    }
    let secrets = output::count(hidden, "secret");
    let message = format!("the change stands, but the storage does not show {secrets}");
    Err(Error::new(Kind::Partial, message).hint(
        "whoever can write the storage may have removed them; if they are gone for good, \
         `vault purge PATH` gives one up with all that is left of it, `vault team restored` \
         only what is gone",
    ))
}

fn report(
    session: &Session,
    done: &Done,
    decided: &[Decided<'_>],
    sealed: Option<&Resealed>,
    exposed: &[Exposed],
) -> Result<()> {
    if let Some(sealed) = sealed {
        let skipped = match sealed.skipped {
            0 => String::new(),
            n => format!(", {n} are not yours to write"),
        };
        let current = sealed.current;
        output::note(&format!(
            "{} sealed anew, {current} were already{skipped}.",
            output::count(sealed.done, "value")
        ));
    }
    if session.json {
        return output::json(&as_json(done, decided, sealed, exposed));
    }
    if !exposed.is_empty() {
        output::note("Change these values: somebody knows them who may not any more.");
    }
    print_exposed(exposed)
}

fn as_json(
    done: &Done,
    decided: &[Decided<'_>],
    sealed: Option<&Resealed>,
    exposed: &[Exposed],
) -> serde_json::Value {
    let late = decided.iter().map(|Decided { late, answer }| {
        let answer = match answer {
            Some(Late::Adopt) => Some("adopted"),
            Some(Late::Drop) => Some("dropped"),
            None => None,
        };
        let (path, n) = (late.path.as_str(), late.n);
        json!({ "path": path, "version": n, "author": late.author, "decided": answer })
    });
    let failed = sealed.map_or(&[][..], |s| &s.failed);
    let failed = failed.iter().map(|(path, error)| {
        json!({ "path": path.as_str(), "kind": error.kind.name(), "message": error.message })
    });
    let meanwhile = done.meanwhile().resealed.iter();
    let unshown = done.note().map_or(&[][..], |rotated| &rotated.unshown).iter();
    json!({
        "note": done.note().map(|rotated| rotated.seq),
        "groups": done.groups(),
        "kms_keys": done.note().map_or(&[][..], |rotated| &rotated.kms_keys),
        "unshown": unshown.map(|u| json!({ "path": u.path.as_str(), "version": u.n }))
            .collect::<Vec<_>>(),
        "unnamed": done.note().map_or(0, |rotated| rotated.unnamed),
        "passed_over": done.meanwhile().overruled.iter().map(|path| path.as_str())
            .collect::<Vec<_>>(),
        "written_meanwhile": meanwhile.map(|path| path.as_str()).collect::<Vec<_>>(),
        "late": late.collect::<Vec<_>>(),
        "resealed": sealed.map(|s| s.done),
        "current": sealed.map(|s| s.current),
        "skipped": sealed.map(|s| s.skipped),
        "failed": failed.collect::<Vec<_>>(),
        "change_needed": exposed.iter().map(exposed_json).collect::<Vec<_>>(),
    })
}

/// One exposed secret.
pub fn exposed_json(exposed: &Exposed) -> serde_json::Value {
    json!({
        "path": exposed.path.as_str(),
        "version": exposed.version,
        "group": exposed.group,
        "note": exposed.seq,
        "why": exposed.why,
    })
}

/// The list of what has to be changed.
pub fn print_exposed(exposed: &[Exposed]) -> Result<()> {
    if exposed.is_empty() {
        return Ok(());
    }
    let row = |e: &Exposed| {
        vec![e.path.to_string(), e.version.to_string(), e.group.clone(), e.why.join("; ")]
    };
    let rows: Vec<_> = exposed.iter().map(row).collect();
    output::table(&["PATH", "VERSION", "GROUP", "WHY"], &rows)
}

fn partly(failed: &[String]) -> Error {
    const SHOWN: usize = 20;
    for line in failed.iter().take(SHOWN) {
        output::note(&escape(line));
    }
    if failed.len() > SHOWN {
        output::note(&format!("… and {} more", failed.len() - SHOWN));
    }
    Error::new(Kind::Partial, format!("{} not finished", output::count(failed.len(), "thing")))
        .hint("the change of the team stands; run the same command again for the rest")
}
