use clap::Args;

use super::rotation::{Done, Follow, Reason};
use super::session::Session;
use crate::vault::Result;

/// Open a new generation of keys
///
/// New writes use it; older values are sealed anew with their next write, or at once with
/// --reseal.
#[derive(Args)]
#[command(after_help = "Examples:
  vault rotate                                every group
  vault rotate pay --reseal                   one group, and every value at once
  vault rotate pay --resume                   only what an earlier run left")]
pub struct Rotate {
    /// The group; default: all
    group: Option<String>,
    /// Open no new generation; only seal anew what is of an older one
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    follow: Follow,
}

impl Rotate {
    pub async fn run(mut self, session: &Session) -> Result<()> {
        self.follow.confirm(session, None).await?;
        let vault = session.vault().await?;
        let group = self.group.as_deref();
        let done = match self.resume {
            true => Done::Resumed(vault.look_again(group).await?),
            false => vault.rotate(group).await?.into(),
        };
        self.follow.reseal |= self.resume;
        self.follow.finish(session, &vault, done, Reason::Rotation(self.group)).await
    }
}
