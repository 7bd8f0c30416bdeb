use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::config::set_default;
use crate::vault::{Error, Result, escape};

/// List the known vaults, or choose the default one
#[derive(Args)]
#[command(after_help = "Examples:
  vault vaults
  vault vaults use team
  vault vaults --json                         with the join strings")]
pub struct Vaults {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Make a vault the default
    Use {
        /// Its name
        name: String,
    },
}

impl Vaults {
    pub fn run(self, session: &Session) -> Result<()> {
        let settings = &session.settings;
        if let Some(Action::Use { name }) = self.action {
            if !settings.vaults.contains_key(&name) {
                return Err(Error::not_found(format!(
                    "there is no vault {} in the configuration",
                    escape(&name)
                ))
                .hint("`vault vaults` lists the known ones"));
            }
            set_default(&settings.config_file, &name)?;
            if session.json {
                return output::json(&json!({ "name": name }));
            }
            output::note(&format!("The vault {} is the default now.", escape(&name)));
            return Ok(());
        }
        let selected = settings.selected.as_ref().map(|s| s.value.as_str());
        if session.json {
            let mut list = Vec::new();
            for (name, vault) in &settings.vaults {
                list.push(json!({
                    "name": name, "location": vault.location, "join": vault.pin,
                    "words": vault.join()?.pin.words(),
                    "selected": Some(name.as_str()) == selected,
                }));
            }
            return output::json(&list.into());
        }
        if settings.vaults.is_empty() {
            output::note("No vault is configured: `vault init` makes one, `vault join` opens one.");
        }
        let rows: Vec<_> = settings
            .vaults
            .iter()
            .map(|(name, vault)| {
                let mark = if Some(name.as_str()) == selected { "*" } else { "" };
                vec![escape(name), escape(&vault.location), mark.to_owned()]
            })
            .collect();
        output::table(&["NAME", "LOCATION", "SELECTED"], &rows)
    }
}
