//! Who may do what, as the newest verified state of the team says. Nothing is requested.

use super::Vault;
use crate::core::header::Header;
use crate::core::path::{Prefix, SecretPath};
use crate::team::ops::WrapChoice;

/// The folder that a path is in, seen from this identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The group that holds it.
    pub group: String,
    /// Names of the members that may read it.
    pub readers: Vec<String>,
    /// Names of the members that can let others read it.
    pub admins: Vec<String>,
    /// ARN of the KMS key that wraps the data key of the version that was asked about; `None`: a
    /// key of the group's own does.
    pub kms: Option<String>,
    /// True if this identity may read it, as far as the team says.
    pub may_read: bool,
    /// True if this identity may write it.
    pub may_write: bool,
}

impl Vault {
    /// The folder of a path, with a version of this header there if there is one; `None` if no
    /// group holds it.
    pub fn folder(&self, path: &SecretPath, header: Option<&Header>) -> Option<Folder> {
        let view = self.view();
        let group = view.state.owner(path)?.to_owned();
        let me = self.identity.as_ref().map(|identity| identity.public().id());
        let readers = view.state.members.iter();
        let readers = readers.filter(|(_, member)| view.state.may_read(member, &group));
        let readers = readers.map(|(name, _)| name.clone()).collect();
        let admins = view.state.admins().map(str::to_owned).collect();
        let member = me.and_then(|me| view.state.member_of(me));
        // Where KMS unwraps, IAM decides, and nobody here knows what it would say.
        let by_iam = view.state.current(path).is_some_and(|g| self.is_wrapped_by_kms(&g));
        let by_capability =
            self.capability.as_ref().is_some_and(|c| c.group == group && c.folder.covers(path));
        let may_read = by_iam
            || by_capability
            || member.is_some_and(|(_, member)| view.state.may_read(member, &group));
        let may_write = me.is_some_and(|me| view.state.may_write(me, path));
        let of = header.map_or_else(|| view.state.current(path), |h| Some(h.group.clone()))?;
        let generation = view.state.groups.get(&of.group)?.generation_at(of.generation)?;
        let kms = match &generation.wrap {
            WrapChoice::Kms(arn) => Some(arn.clone()),
            WrapChoice::Local => None,
        };
        Some(Folder { group, readers, admins, kms, may_read, may_write })
    }

    /// The group that holds a folder.
    pub fn folder_group(&self, folder: &Prefix) -> Option<String> {
        self.view().state.folder_owner(folder).map(str::to_owned)
    }

    /// True if somebody who may know the value was removed since it was set.
    pub fn is_stale(&self, path: &SecretPath, header: &Header) -> bool {
        self.exposed_since(path, header).is_some()
    }

    /// Seq of the newest note since the value was set that took somebody's right to read it.
    pub(super) fn exposed_since(&self, path: &SecretPath, header: &Header) -> Option<u64> {
        let view = self.view();
        // Whoever says that a value is newer than the team it was written in does not count.
        view.state.exposed_since(path, header.since.min(header.team_seq))
    }
}
