use clap::Args;

use super::output;
use super::session::Session;
use super::target;
use crate::vault::Result;

/// Print the encryption context of a secret, for Amazon's own clients and for policies
///
/// One line of JSON, without the reserved pair that S3 encryption clients add themselves.
#[derive(Args)]
#[command(after_help = "Examples:
  vault aws-context prod/db/password")]
pub struct AwsContext {
    /// Path of the secret
    path: String,
}

impl AwsContext {
    pub async fn run(self, session: &Session) -> Result<()> {
        let path = target::path(&self.path)?;
        let vault = session.vault().await?;
        let context = vault.aws_context(&path).await;
        session.warn(&vault);
        output::line(&context?)
    }
}
