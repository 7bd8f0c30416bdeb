//! What a stock S3 encryption client has to be told to read an object of the vault.

use super::Vault;
use crate::core::error::{Error, Result};
use crate::core::json::ascii_object;
use crate::core::path::SecretPath;
use crate::keys::local::binding;

impl Vault {
    /// The encryption context of the newest version of `path`, as one line of JSON without the
    /// reserved pair, which clients add themselves; of a path that has none, that of its first one.
    ///
    /// # Errors
    /// Integrity; denied where no group owns the path.
    pub async fn aws_context(&self, path: &SecretPath) -> Result<String> {
        let newest = self.standing(path).await?.newest;
        let group = match newest {
            Some(newest) => newest.signed.header.group,
            None => self
                .view()
                .state
                .current(path)
                .ok_or_else(|| Error::not_found(format!("no group of the team owns {path}")))?,
        };
        let pairs = binding(&self.id, &group, path);
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Ok(ascii_object(&pairs))
    }
}
