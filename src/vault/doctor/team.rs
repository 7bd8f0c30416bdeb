//! The vault itself: its chain of notes, who we are in it, the KMS keys that it pins.

use super::{Check, Status};
use crate::core::error::{Error, Kind, Result};
use crate::core::header::GroupGen;
use crate::core::path::{SecretPath, escape};
use crate::keys::kms::{self, KeyArn, KmsKeys};
use crate::team::capability::Capability;
use crate::team::ops::WrapChoice;
use crate::vault::Vault;
use crate::vault::open::TO_JOIN;

impl Vault {
    /// Looks at the team chain, our place in it, and the KMS keys.
    pub async fn examine(&self) -> Vec<Check> {
        let mut checks = vec![match self.check_chain().await {
            Ok(()) => {
                let notes = self.view().seq() + 1;
                Check::ok("team chain", format!("verified up to note {}", notes - 1))
            }
            Err(error) => Check::failed("team chain", Status::Error, &error),
        }];
        checks.push(match &self.capability {
            Some(capability) => self.capability_opens(capability),
            None => self.membership(),
        });
        checks.extend(self.kms_keys().await);
        checks
    }

    async fn check_chain(&self) -> Result<()> {
        self.refresh().await?;
        self.check_chain_is_there().await?;
        self.check_pinned_objects().await
    }

    /// Whether a capability opens what is written now: it does not follow rotations.
    fn capability_opens(&self, capability: &Capability) -> Check {
        let name = "capability";
        let view = self.view();
        let folder = escape(capability.folder.as_str());
        let now = view.state.folder_owner(&capability.folder).unwrap_or(&capability.group);
        let newest = view.state.groups.get(now).map_or(0, |group| group.generation());
        let has = |n| capability.keys.iter().any(|(number, _)| *number == n);
        if now == capability.group && has(newest) {
            return Check::ok(name, format!("it opens {folder}/ in {now}.{newest}, the newest"));
        }
        Check::warning(
            name,
            format!("it opens nothing that is written in {folder}/ now ({now}.{newest})"),
        )
        .hint(format!("a member makes a new one: vault capability {folder}/"))
    }

    fn membership(&self) -> Check {
        let name = "membership";
        let view = self.view();
        let Some(identity) = &self.identity else {
            return Check::skipped(name, "no identity is open here");
        };
        let Some((who, member)) = view.state.member_of(identity.public().id()) else {
            return Check::error(name, "this identity is not a member of the vault")
                .hint(self.ask_for(TO_JOIN));
        };
        let folder = |prefix: &crate::core::path::Prefix| match prefix.as_str() {
            "" => "everything".to_owned(),
            folder => folder.to_owned(),
        };
        let writes: Vec<String> = member.write.iter().map(folder).collect();
        let rights = match (member.admin, writes.is_empty()) {
            (true, _) => "an admin".to_owned(),
            (false, true) => "a reader".to_owned(),
            (false, false) => format!("a writer of {}", writes.join(", ")),
        };
        Check::ok(name, escape(&format!("{who}, {rights}")))
    }

    /// A data key for each group that KMS wraps, made and opened again.
    async fn kms_keys(&self) -> Vec<Check> {
        let view = self.view();
        let prefixes = view.state.prefixes_at(view.seq());
        let mut checks = Vec::new();
        for (group, state) in &view.state.groups {
            let generation = state.generation();
            let wrap = state.generation_at(generation).map(|generation| &generation.wrap);
            let Some(WrapChoice::Kms(arn)) = wrap else { continue };
            let folder = prefixes.iter().find(|(_, owner)| *owner == group);
            let folder = folder.map_or("", |(prefix, _)| prefix.as_str());
            let path = [folder, "doctor"].join("/");
            let id = GroupGen { group: group.clone(), generation };
            let name = format!("KMS key of {group}");
            // First what state it is in, which says more than a refusal.
            if let Err(error) = self.resolve(arn).await {
                checks.push(Check::failed(&name, Status::Error, &error));
                continue;
            }
            checks.push(match self.prove(arn, id, path.trim_start_matches('/')).await {
                Ok(()) => Check::ok(&name, format!("{} wraps and unwraps", escape(arn))),
                // Whoever only reads need not make data keys. What state the key is in is no matter
                // of rights.
                Err(error) if error.kind == Kind::Denied && !kms::is_unusable(&error) => {
                    Check::failed(&name, Status::Warning, &error)
                }
                Err(error) => Check::failed(&name, Status::Error, &error),
            });
        }
        checks
    }

    async fn resolve(&self, arn: &str) -> Result<()> {
        kms::resolve(self.aws.get().await?, arn).await.map(drop)
    }

    async fn prove(&self, arn: &str, group: GroupGen, path: &str) -> Result<()> {
        let key = KeyArn::parse(arn)
            .ok_or_else(|| Error::integrity("the team chain pins no KMS key there"))?;
        let aws = self.aws.get().await?;
        KmsKeys::new(aws, &key, self.id, group).prove(&SecretPath::parse(path)?).await
    }
}
