use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::holder::held;
use super::session::Session;
use super::unlock::until;
use super::{Global, output, process};
use crate::config::{Sourced, private, surroundings};
use crate::vault::agent::HeldInfo;
use crate::vault::doctor::{Check, Status, file, private_directory};
use crate::vault::{IdentityHolder, Keeper, Kind, Location, Result, Storage, Vault, escape};

/// Check this device, the place where the vault is, and the vault itself
///
/// Tries in earnest what a vault needs: writes, reads, lists and deletes objects of its own below
/// .vault/probe/, with right and wrong conditions, and makes data keys in KMS. Changes nothing
/// else. The exit code is 1 if any check ends in an error.
#[derive(Args)]
#[command(after_help = "Examples:
  vault doctor
  vault doctor --vault team --json
  vault doctor --no-input                     skips what needs the passphrase")]
pub struct Doctor {}

impl Doctor {
    pub async fn run(self, global: &Global) -> Result<Exit> {
        let mut checks = Vec::new();
        match Session::new(global) {
            Ok(session) => examine(&session, &mut checks).await,
            // Everything else depends on the settings.
            Err(error) => checks.push(Check::failed("configuration", Status::Error, &error)),
        }
        machine(&mut checks);
        let bad = checks.iter().any(|check| check.status == Status::Error);
        print(&checks, !bad, global.json)?;
        Ok(if bad { Exit::General } else { Exit::Ok })
    }
}

async fn examine(session: &Session, checks: &mut Vec<Check>) {
    let settings = &session.settings;
    checks.push(file("configuration", &settings.config_file, false));
    let identity = identity(session, checks).await;
    checks.push(private_directory("state directory", &settings.places.state));
    checks.push(private_directory("cache directory", &settings.places.cache));
    let opened = async {
        let target = settings.target()?;
        let location = Location::parse(&target.join.location)?;
        let origin = match (&settings.selected, target.name) {
            (Some(Sourced { origin, .. }), Some(_)) => origin.to_string(),
            _ if settings.pin.is_some() => "env VAULT_PIN".to_owned(),
            _ => "env VAULT_CAPABILITY".to_owned(),
        };
        let capability = settings.capability(&target)?;
        let name = target.name.unwrap_or("without a name");
        let message = format!("{name} at {location} ({origin})");
        checks.push(Check::ok("vault", escape(&message)));
        let storage = Storage::open(location, target.aws).await?;
        if target.single_writer {
            let message = "one: single_writer is set, so conditions are checked on this machine";
            checks.push(Check::warning("writers", message));
        }
        Ok((storage, target.single_writer, target.join, capability))
    };
    let (storage, single_writer, join, capability) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return checks.push(Check::failed("location", Status::Error, &error)),
    };
    checks.extend(storage.examine(single_writer).await);
    let storage = if single_writer { storage.for_one_writer() } else { storage };
    let opened = match capability {
        Some(capability) => Vault::open_with(storage, capability, &settings.places).await,
        None => Vault::open_in(storage, &join.pin, &settings.places, identity).await,
    };
    match opened {
        Ok(vault) => {
            checks.extend(vault.examine().await);
            session.warn(&vault);
        }
        Err(error) => checks.push(Check::failed("team chain", Status::Error, &error)),
    }
}

/// The identity, if it is there and can be opened without a question that may not be asked.
async fn identity(session: &Session, checks: &mut Vec<Check>) -> Option<Box<dyn IdentityHolder>> {
    let path = &session.settings.identity.value;
    let found = file("identity", path, true);
    if found.status == Status::Skipped {
        checks.push(found.hint("`vault init` or `vault id new` makes one"));
        return None;
    }
    checks.push(found);
    checks.push(agent(session));
    let locked = private::read_identity(&session.settings).map(|files| files.locked);
    if let Some(remote) = locked.ok().and_then(|locked| held(session, &locked)) {
        checks.push(Check::ok("passphrase", "the identity has one, and the agent holds it"));
        return Some(remote.into());
    }
    let (check, identity) = match (session.needs_passphrase(), session.unlock().await) {
        (Ok(true), Ok(identity)) => {
            let what = match identity.keeper() {
                Keeper::Seed => "the identity".to_owned(),
                keeper => keeper.to_string(),
            };
            (Check::ok("passphrase", format!("{what} has one, and opens")), Some(identity))
        }
        (_, Ok(identity)) => {
            let check = match identity.keeper() {
                Keeper::Plugin(_) => {
                    Check::ok("passphrase", format!("{} opens the identity", identity.keeper()))
                }
                Keeper::Seed => bare("the identity"),
                keeper => bare(&keeper.to_string()),
            };
            (check, Some(identity))
        }
        // There is nobody to ask.
        (needs, Err(error))
            if error.kind == Kind::Usage
                || (matches!(needs, Ok(true)) && !session.prompt.gives_passphrase()) =>
        {
            (Check::failed("passphrase", Status::Skipped, &error), None)
        }
        (_, Err(error)) => (Check::failed("passphrase", Status::Error, &error), None),
    };
    checks.push(check);
    identity.map(Into::into)
}

/// What the agent says of itself.
fn agent(session: &Session) -> Check {
    let name = "agent";
    let client = match session.settings.agent.client() {
        Ok(Some(client)) => client,
        Ok(None) if session.settings.agent.used => {
            return Check::ok(name, "none runs; `vault unlock` starts it");
        }
        Ok(None) => return Check::ok(name, "VAULT_AGENT=off leaves it out"),
        Err(error) => return Check::failed(name, Status::Warning, &error),
    };
    let status = match client.status() {
        Ok(status) => status,
        Err(error) => return Check::failed(name, Status::Warning, &error),
    };
    let held = match status.held.as_slice() {
        [] => "it holds no identity".to_owned(),
        held => {
            let one = |info: &HeldInfo| format!("it holds {} {}", info.id, until(info));
            held.iter().map(one).collect::<Vec<_>>().join("; ")
        }
    };
    match status.locked {
        0 => Check::warning(name, format!("{held}; its keys may be swapped out"))
            .hint("the limit of locked memory is too low: ulimit -l"),
        1 => Check::ok(name, format!("{held}; keys are locked in memory")),
        _ => Check::ok(name, format!("{held}; all of its memory is locked")),
    }
}

fn bare(what: &str) -> Check {
    let message = format!("{what} has none: whoever can read its file can read the secrets");
    Check::warning("passphrase", message)
}

/// What does not depend on any setting.
fn machine(checks: &mut Vec<Check>) {
    let found = surroundings();
    let paths: Vec<String> =
        found.others.iter().map(|path| escape(&path.display().to_string())).collect();
    let name = "program";
    checks.push(match (paths.is_empty(), found.hidden) {
        (true, _) => Check::ok(name, "no other vault is on the PATH"),
        (false, false) => {
            Check::ok(name, format!("before another one on the PATH: {}", paths.join(", ")))
        }
        (false, true) => {
            let message = format!("`vault` runs another program: {}", paths.join(", "));
            Check::warning(name, message).hint("put this one's directory first in PATH")
        }
    });
    let name = "environment";
    if !found.unknown.is_empty() {
        let message = format!("nothing reads {}", escape(&found.unknown.join(", ")));
        checks.push(Check::warning(name, message).hint("`vault config list` shows what is read"));
    } else if !found.theirs.is_empty() {
        let names = found.theirs.join(", ");
        checks.push(Check::ok(name, format!("{names}: of HashiCorp's program, ignored")));
    } else {
        checks.push(Check::ok(name, "no variable that might be a mistake"));
    }
    let name = "memory";
    checks.push(match process::is_hardened() {
        (true, true) => Check::ok(name, "no core dumps, closed to other programs of this user"),
        (false, _) => Check::warning(name, "core dumps are possible, and would hold secrets"),
        (true, false) => Check::warning(name, "other programs of this user can read it"),
    });
}

fn print(checks: &[Check], ok: bool, json: bool) -> Result<()> {
    if json {
        let list: serde_json::Value = checks
            .iter()
            .map(|check| {
                json!({
                    "name": check.name, "status": check.status.word(),
                    "message": check.message, "hint": check.hint,
                })
            })
            .collect();
        return output::json(&json!({ "ok": ok, "checks": list }));
    }
    let row = |check: &Check| {
        let status = check.status.word().to_owned();
        let hint = check.hint.clone().unwrap_or_default();
        vec![status, check.name.clone(), check.message.clone(), hint]
    };
    if !output::to_terminal() {
        return output::table(&[], &checks.iter().map(row).collect::<Vec<_>>());
    }
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let status = format!("{} {}", check.status.sign(), check.status.word());
            vec![status, check.name.clone(), check.message.clone()]
        })
        .collect();
    output::table(&["STATUS", "CHECK", "FOUND"], &rows)?;
    for check in checks {
        if let Some(hint) = check.hint.as_ref().filter(|_| check.status != Status::Ok) {
            output::note(&format!("hint: {}: {hint}", check.name));
        }
    }
    Ok(())
}
