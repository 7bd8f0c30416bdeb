use clap::Args;

use crate::vault::Result;

/// Hold a copied value and clear the clipboard later; the terminal UI starts this
#[derive(Args)]
pub struct ClipClear;

impl ClipClear {
    pub fn run(self) -> Result<()> {
        crate::tui::clipboard::serve()
    }
}
