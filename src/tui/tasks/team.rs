//! Effects on the team.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::effect::Effect;
use super::super::message::{Id, Message};
use super::super::team::{At, Joined, Team, TeamAnswer, TeamChange};
use super::{Job, Tasks};
use crate::vault::{Changed, Error, Prefix, Reseal, Result, Vault};

impl Tasks {
    pub(super) fn on_team(&mut self, effect: Effect, vault: Arc<Vault>, job: Job) {
        match effect {
            Effect::Team(id, at) => self.read(id, async move {
                let answer = team(&vault, &at).await;
                job.warn(&vault);
                job.say(Message::Team(id, answer));
            }),
            Effect::ChangeTeam(id, change) => self.write(async move {
                let answer = apply(&vault, &change).await;
                job.warn(&vault);
                job.say(Message::TeamChanged(id, change, answer));
            }),
            Effect::Resolve(id, decision) => self.write(async move {
                let answer = vault.resolve_late(&decision.0, decision.1).await;
                job.warn(&vault);
                job.say(Message::Resolved(id, decision, answer));
            }),
            Effect::Reseal(id, except) => {
                let stop = Arc::<AtomicBool>::default();
                self.stops.insert(id, stop.clone());
                let what = Reseal { except, stop, ..Reseal::default() };
                self.write(async move { job.reseal(id, &vault, &what).await });
            }
            Effect::Exposure(id) => self.read(id, async move {
                let answer = vault.exposure(&Prefix::default()).await;
                job.warn(&vault);
                job.say(Message::Exposed(id, answer));
            }),
            Effect::Log(id) => self.read(id, async move {
                let answer = vault.team_log().await;
                job.warn(&vault);
                job.say(Message::Log(id, answer));
            }),
            Effect::SawRecovery(seq) => {
                if let Err(e) = vault.saw_recovery(seq) {
                    job.say(Message::Warning(e.to_string()));
                }
            }
            Effect::Loss(id) => self.read(id, async move {
                let answer = vault.loss().await;
                job.say(Message::Lost(id, answer));
            }),
            _ => {}
        }
    }
}

impl Job {
    async fn reseal(&self, id: Id, vault: &Vault, what: &Reseal) {
        let mut progress = |done: usize, total: usize| self.say(Message::Sealing(id, done, total));
        let answer = vault.reseal(what, &mut progress).await;
        self.warn(vault);
        self.say(Message::Sealed(id, answer));
    }
}

async fn team(vault: &Vault, at: &At) -> Result<Team> {
    let groups = vault.groups().await?;
    let name = match at {
        At::Secret(path) => vault.folder(path, None).map(|folder| folder.group),
        At::Folder(folder) => vault.folder_group(&Prefix::parse(folder)?),
    };
    let group = groups.into_iter().find(|group| Some(&group.name) == name.as_ref());
    let group = group.ok_or_else(|| Error::not_found("no group holds this folder"))?;
    let mut members = vault.members().await?;
    members.sort_by_key(|member| !group.readers.contains(&member.name));
    Ok(Team { group, members, me: vault.member() })
}

async fn apply(vault: &Vault, change: &TeamChange) -> Result<TeamAnswer> {
    let changed = match change {
        TeamChange::Add(name, id, grant) => {
            vault.add_member(name, id, grant.as_ref()).await?;
            let join = vault.join();
            return Ok(TeamAnswer::Joined(Joined {
                name: name.clone(),
                words: id.fingerprint(),
                vault: join.pin.words(),
                join: join.encode(),
            }));
        }
        TeamChange::Role(name, grant) => vault.set_role(name, grant).await?,
        TeamChange::Remove(name) => vault.remove_members(&[name]).await?,
        TeamChange::Again => Changed::Before(vault.look_again(None).await?),
    };
    Ok(TeamAnswer::Changed(changed))
}
