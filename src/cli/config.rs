use clap::{Args, Subcommand};
use serde_json::json;

use super::output;
use super::session::Session;
use crate::config::{Origin, Settings};
use crate::vault::{Result, escape};

/// Show the settings and where each comes from
#[derive(Args)]
#[command(after_help = "Examples:
  vault config list --show-origin")]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List all settings
    List {
        /// With the flag, variable or file that each comes from
        #[arg(long)]
        show_origin: bool,
    },
}

impl Config {
    pub fn run(self, session: &Session) -> Result<()> {
        let Action::List { show_origin } = self.action;
        let entries = entries(&session.settings);
        if session.json {
            let list = entries.iter().map(|(key, value, origin)| match show_origin {
                true => json!({ "key": key, "value": value, "origin": origin.to_string() }),
                false => json!({ "key": key, "value": value }),
            });
            return output::json(&list.collect());
        }
        let row = |(key, value, origin): &(String, String, Origin)| {
            let mut row = vec![escape(key), escape(value)];
            row.extend(show_origin.then(|| escape(&origin.to_string())));
            row
        };
        let rows: Vec<_> = entries.iter().map(row).collect();
        let heading = ["KEY", "VALUE", "ORIGIN"];
        output::table(&heading[..if show_origin { 3 } else { 2 }], &rows)
    }
}

fn entries(settings: &Settings) -> Vec<(String, String, Origin)> {
    let mut list = Vec::new();
    let mut add =
        |key: &str, value: String, origin: Origin| list.push((key.to_owned(), value, origin));
    if let Some(selected) = &settings.selected {
        add("vault", selected.value.clone(), selected.origin.clone());
    }
    if let Some(prefix) = &settings.prefix {
        add("prefix", prefix.value.to_string(), prefix.origin.clone());
    }
    if let Some(pin) = &settings.pin {
        add("pin", pin.encode(), Origin::Env("VAULT_PIN"));
    }
    if settings.has_capability() {
        add("capability", "(set)".to_owned(), Origin::Env("VAULT_CAPABILITY"));
    }
    let identity = &settings.identity;
    add("identity", identity.value.display().to_string(), identity.origin.clone());
    if let Some(key) = &settings.ssh_key {
        add("ssh-key", key.value.display().to_string(), key.origin.clone());
    }
    add("state", settings.places.state.display().to_string(), Origin::Default);
    add("cache", settings.places.cache.display().to_string(), Origin::Default);
    if !settings.agent.used {
        add("agent", "off".to_owned(), Origin::Env("VAULT_AGENT"));
    }
    add("agent.directory", settings.agent.dir.display().to_string(), Origin::Default);
    for (name, vault) in &settings.vaults {
        let file = || Origin::File(settings.config_file.clone());
        add(&format!("vault.{name}.location"), vault.location.clone(), file());
        add(&format!("vault.{name}.pin"), vault.pin.clone(), file());
        for (key, value) in &vault.more {
            add(&format!("vault.{name}.{key}"), value.clone(), file());
        }
    }
    list
}
