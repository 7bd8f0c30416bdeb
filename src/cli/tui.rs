use clap::Args;

use super::exit::Exit;
use super::session::Session;
use crate::config::Interface;
use crate::config::interface::Theme;
use crate::tui::run::Ended;
use crate::vault::Result;

/// Open the terminal UI: browse, reveal, copy, edit, history
///
/// `vault` alone opens it, too, on a terminal. `?` shows the keys. Values are hidden until asked
/// for, and for 15 seconds only.
#[derive(Args, Default)]
#[command(after_help = "Examples:
  vault
  vault tui --ascii --no-mouse
  vault --vault team tui")]
pub struct Tui {
    /// Draw lines and signs with ASCII characters
    #[arg(long)]
    ascii: bool,
    /// Leave the mouse to the terminal, which then selects text as usual
    #[arg(long)]
    no_mouse: bool,
    /// No colours; NO_COLOR does the same
    #[arg(long)]
    mono: bool,
}

impl Tui {
    pub async fn run(self, session: Session) -> Result<Exit> {
        let mut interface = Interface::load(&session.settings.config_file)?;
        interface.ascii |= self.ascii;
        interface.mouse &= !self.no_mouse;
        if self.mono {
            interface.theme = Theme::Mono;
        }
        let vault = session.vault_name().map(str::to_owned);
        Ok(match crate::tui::run(session.settings, vault, interface).await? {
            Ended::Quit => Exit::Ok,
            Ended::Signal(1) => Exit::HungUp,
            Ended::Signal(2) => Exit::Interrupted,
            Ended::Signal(3) => Exit::Quit,
            Ended::Signal(_) => Exit::Terminated,
        })
    }
}
