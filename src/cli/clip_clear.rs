use clap::Args;

use crate::vault::Result;

/// Hold a copied value and clear the clipboard later; the terminal UI and `vault copy` start this
#[derive(Args)]
pub struct ClipClear {
    /// Hold it until the time is over, also when standard input has ended
    #[arg(long)]
    stay: bool,
}

impl ClipClear {
    pub fn run(self) -> Result<()> {
        crate::tui::clipboard::serve(self.stay)
    }
}
