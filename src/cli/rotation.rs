//! What follows a change that takes somebody's rights away: the same flags, questions and report
//! wherever it happens.

use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::vault::{
    Error, Exposed, Kind, Late, LateWrite, Prefix, Resealed, Result, Rotated, Vault, escape,
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
    /// What becomes of what they wrote during the change, where nobody can be asked
    #[arg(long, value_name = "WHAT")]
    pub late: Option<LateName>,
}

/// What becomes of a late write.
#[derive(Clone, Copy, ValueEnum)]
pub enum LateName {
    /// Keep its value
    Adopt,
    /// Keep the value before it
    Drop,
}

/// What is sealed anew.
pub enum Scope {
    /// Every group, after somebody lost a right.
    Removal,
    /// Every group.
    All,
    /// One group, also if it was not changed.
    Group(String),
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

    /// Reports, asks about late writes, seals anew.
    pub async fn finish(
        &self,
        session: &Session,
        vault: &Vault,
        changed: Option<Rotated>,
        scope: &Scope,
    ) -> Result<()> {
        session.warn(vault);
        match &changed {
            None => output::note("Nothing to change: the team is like that already."),
            Some(rotated) => tell(rotated, matches!(scope, Scope::Removal)),
        }
        if let Some(rotated) = &changed {
            self.late(session, vault, &rotated.late).await?;
        }
        let mut sealed = None;
        if self.reseal || self.purge_history {
            let groups = match scope {
                Scope::All | Scope::Removal => Vec::new(),
                Scope::Group(name) => vec![name.clone()],
            };
            sealed = Some(reseal(vault, &groups, self.purge_history).await?);
            session.warn(vault);
        } else if changed.as_ref().is_some_and(|c| !c.groups.is_empty()) {
            output::note("Each value is sealed anew with its next write; at once with --reseal.");
        }
        let exposed = vault.exposure(&Prefix::default()).await?;
        report(session, changed.as_ref(), sealed.as_ref(), &exposed)?;
        match sealed {
            Some(Resealed { failed, .. }) if !failed.is_empty() => Err(partly(&failed)),
            _ => Ok(()),
        }
    }

    async fn late(&self, session: &Session, vault: &Vault, late: &[LateWrite]) -> Result<()> {
        for write in late {
            let LateWrite { path, n, author } = write;
            let what = format!("{author} wrote version {n} of {path} during the change");
            let answer = match self.late {
                Some(LateName::Adopt) => Some(Late::Adopt),
                Some(LateName::Drop) => Some(Late::Drop),
                None if session.yes => None,
                None => session.prompt.adopt_or_drop(&what).await?,
            };
            match answer {
                Some(answer) => {
                    vault.resolve_late(write, answer).await?;
                    let word = if answer == Late::Adopt { "adopted" } else { "dropped" };
                    output::note(&format!("{what}: {word}."));
                }
                None => output::note(&format!(
                    "{what}. It does not count; the next write replaces it. --late adopt or \
                     --late drop decides."
                )),
            }
        }
        Ok(())
    }
}

/// Seals anew, with a bar on a terminal.
pub async fn reseal(vault: &Vault, groups: &[String], purge_history: bool) -> Result<Resealed> {
    let style = ProgressStyle::with_template("sealing anew {bar:30} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    // Draws on stderr, and on a terminal only.
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let answer = vault.reseal(groups, purge_history, &mut progress).await;
    bar.finish_and_clear();
    answer
}

fn tell(rotated: &Rotated, removal: bool) {
    output::note(&format!("Note {} of the team says so.", rotated.seq));
    if !rotated.groups.is_empty() {
        output::note(&format!("New generation: {}.", rotated.groups.join(", ")));
    }
    for path in &rotated.resealed {
        output::note(&format!("{path} was written meanwhile, and was sealed anew."));
    }
    if !removal || rotated.groups.is_empty() {
        return;
    }
    for key in &rotated.kms_keys {
        output::note(&format!(
            "IAM decides who reads with {}: take kms:Decrypt and kms:GenerateDataKey from the \
             principals of whoever was removed, and end their sessions. Until then they read on.",
            escape(key)
        ));
    }
    output::note("Take their rights to the storage away as well, if they have any.");
}

fn report(
    session: &Session,
    changed: Option<&Rotated>,
    sealed: Option<&Resealed>,
    exposed: &[Exposed],
) -> Result<()> {
    if let Some(sealed) = sealed {
        let skipped = match sealed.skipped {
            0 => String::new(),
            n => format!(", {n} are not yours to write"),
        };
        output::note(&format!(
            "{} values sealed anew, {} were already{skipped}.",
            sealed.done, sealed.current
        ));
    }
    if session.json {
        return output::json(&json!({
            "note": changed.map(|c| c.seq),
            "groups": changed.map_or_else(Vec::new, |c| c.groups.clone()),
            "kms_keys": changed.map_or_else(Vec::new, |c| c.kms_keys.clone()),
            "late": changed.map_or_else(Vec::new, |c| c.late.iter().map(|late| json!({
                "path": late.path.as_str(), "version": late.n, "author": late.author,
            })).collect()),
            "resealed": sealed.map(|s| s.done),
            "failed": sealed.map(|s| s.failed.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>()),
            "change_needed": exposed.iter().map(exposed_json).collect::<Vec<_>>(),
        }));
    }
    if !exposed.is_empty() {
        output::note("Change these values: somebody knows them who may not any more.");
    }
    print_exposed(exposed)
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
    output::table(
        &["PATH", "VERSION", "GROUP", "WHY"],
        &exposed.iter().map(row).collect::<Vec<_>>(),
    )
}

fn partly(failed: &[(crate::vault::Path, Error)]) -> Error {
    for (path, error) in failed.iter().take(20) {
        output::note(&format!("{path}: {}", escape(&error.message)));
    }
    Error::new(Kind::Partial, format!("{} values were not sealed anew", failed.len()))
        .hint("the change of the team stands; run the same command again for the rest")
}
