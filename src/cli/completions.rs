use clap::Args;
use clap_complete::{Shell, generate};

use super::output;
use crate::vault::Result;

/// Print a script that completes commands and flags in a shell
#[derive(Args)]
#[command(after_help = "Examples:
  vault completions bash > ~/.local/share/bash-completion/completions/vault
  vault completions zsh > ~/.zfunc/_vault     with ~/.zfunc in fpath
  vault completions fish > ~/.config/fish/completions/vault.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut super::command(), "vault", &mut script);
        output::data(&script)
    }
}
