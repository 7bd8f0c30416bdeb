use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output;
use super::rotation::{Follow, Reason};
use super::session::Session;
use crate::vault::{
    Error, Grant, Member as TeamMember, Prefix, PublicIdentity, Result, Role, Vault, escape,
};

/// Add, list and remove members of the team, and say what they may do
///
/// There is no server: every change is a note that an admin signs and everybody checks.
#[derive(Args)]
#[command(after_help = "Examples:
  vault member add jon vault-id1AAAA… --role write
  vault member add ci vault-id1AAAA… --role read
  vault member add jon vault-id1AAAA…             another device of jon's
  vault member role jon write --path dev
  vault member rm jon --reseal
  vault member rm jon eve                         both, by one note")]
pub struct Member {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add a member, or another device of one; prints the join string for them
    Add {
        /// Their name in the team; everybody who sees the vault sees it
        name: String,
        /// What `vault id show` prints on their device
        id: String,
        /// What they may do: needed for somebody new
        #[arg(long)]
        role: Option<RoleName>,
        /// Write only below this folder, and read the whole group that holds it; with
        /// --role read, a group's folder (`vault group add` makes one)
        #[arg(long, value_name = "FOLDER", requires = "role")]
        path: Option<String>,
    },
    /// List the members and what they may do
    Ls,
    /// Say what a member may do from now on
    ///
    /// Without --path, it is all that they may do; with it, what they may do there. What is taken
    /// away opens a new generation, and what they knew is reported.
    Role {
        /// The member
        name: String,
        /// What they may do
        role: RoleName,
        /// Write only below this folder; with `read` and `none`, a group's folder
        #[arg(long, value_name = "FOLDER")]
        path: Option<String>,
        #[command(flatten)]
        follow: Follow,
    },
    /// Remove members, or a lost device of one
    ///
    /// Opens new generations of every group that they could read, and lists the values that they
    /// knew: removing a person does not un-read a secret. Run again, it goes on where it stopped.
    Rm {
        /// The member; several are removed by one note
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Only the device with this key id (`vault member ls --json`)
        #[arg(long, value_name = "KEY")]
        device: Option<String>,
        #[command(flatten)]
        follow: Follow,
    },
}

/// A role by its name.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Nothing (with --path)
    None,
    /// Read
    Read,
    /// Read and write
    Write,
    /// Everything, everywhere; adds and removes members
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::None => Self::None,
            RoleName::Read => Self::Read,
            RoleName::Write => Self::Write,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl Member {
    pub async fn run(self, session: &Session) -> Result<()> {
        match self.action {
            Action::Add { name, id, role, path } => {
                let id = PublicIdentity::parse(&id)?;
                let grant = role.map(|role| grant(role, path.as_deref())).transpose()?;
                add(session, &name, &id, grant.as_ref()).await
            }
            Action::Ls => list(session).await,
            Action::Role { name, role, path, follow } => {
                let grant = grant(role, path.as_deref())?;
                follow.confirm(session, None).await?;
                let vault = session.vault().await?;
                let changed = vault.set_role(&name, &grant).await;
                session.warn(&vault);
                let changed = changed?;
                tell(&vault, &name).await?;
                follow.finish(session, &vault, changed, Reason::Removal).await
            }
            Action::Rm { names, device, follow } => {
                remove(session, &names, device.as_deref(), &follow).await
            }
        }
    }
}

async fn remove(
    session: &Session,
    names: &[String],
    device: Option<&str>,
    follow: &Follow,
) -> Result<()> {
    let who = names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ");
    let what = match device {
        None => format!("This removes {who} from the team"),
        Some(_) if names.len() > 1 => {
            return Err(Error::usage("a device is one member's").hint("name one member"));
        }
        Some(device) => format!("This removes the device {} of {who}", escape(device)),
    };
    let vault = session.vault().await?;
    for name in names {
        vault.check_removable(name).await?;
    }
    follow.confirm(session, Some((&what, &names.join(" ")))).await?;
    let changed = match device {
        Some(device) => vault.remove_device(&names[0], device).await,
        None => vault.remove_members(&Vec::from_iter(names.iter().map(String::as_str))).await,
    };
    session.warn(&vault);
    follow.finish(session, &vault, changed?, Reason::Removal).await
}

fn grant(role: RoleName, path: Option<&str>) -> Result<Grant> {
    let path = path.map(Prefix::parse).transpose()?;
    if path.as_ref().is_some_and(|path| path.as_str().is_empty()) {
        return Err(Error::usage("--path names no folder").hint("leave it out for everything"));
    }
    Ok(Grant { role: role.into(), path })
}

async fn add(
    session: &Session,
    name: &str,
    id: &PublicIdentity,
    grant: Option<&Grant>,
) -> Result<()> {
    let vault = session.vault().await?;
    let added = vault.add_member(name, id, grant).await;
    session.warn(&vault);
    added?;
    tell(&vault, name).await?;
    let join = vault.join();
    output::note(&format!("Compare with {name}, over another channel:"));
    output::note(&format!("  their device: {}", id.fingerprint()));
    output::note(&format!("  this vault:   {}", join.pin.words()));
    output::note(&format!("{name} opens it with: vault join, and this string"));
    if session.json {
        return output::json(&json!({
            "member": name, "key": id.id().to_string(), "words": id.fingerprint(),
            "join": join.encode(),
        }));
    }
    output::line(&join.encode())
}

/// Says what a member may do now: rights add up, and what was asked for is not always all.
async fn tell(vault: &Vault, name: &str) -> Result<()> {
    let members = vault.members().await?;
    if let Some(member) = members.iter().find(|member| member.name == name) {
        output::note(&format!("{name} may: {}", rights(member)));
        if !member.admin && member.read.is_empty() && member.write.is_empty() {
            output::note(&format!("`vault member rm {}` removes them.", escape(name)));
        }
    }
    Ok(())
}

async fn list(session: &Session) -> Result<()> {
    let vault = session.vault().await?;
    let members = vault.members().await;
    session.warn(&vault);
    let members = members?;
    if session.json {
        let list = members.iter().map(|member| {
            let devices = member.devices.iter().map(|device| {
                json!({ "key": device.id, "words": device.words, "recipient": device.recipient })
            });
            json!({
                "name": member.name,
                "admin": member.admin,
                "read": member.read,
                "write": member.write.iter().map(Prefix::as_str).collect::<Vec<_>>(),
                "devices": devices.collect::<Vec<_>>(),
            })
        });
        return output::json(&list.collect());
    }
    let rows: Vec<_> = members
        .iter()
        .map(|member| vec![member.name.clone(), rights(member), member.devices.len().to_string()])
        .collect();
    output::table(&["NAME", "MAY", "DEVICES"], &rows)
}

/// What a member may do, in one line.
fn rights(member: &TeamMember) -> String {
    if member.admin {
        return "admin".to_owned();
    }
    let mut parts = Vec::new();
    if !member.read.is_empty() {
        parts.push(format!("read {}", member.read.join(",")));
    }
    let write = member.write.iter().map(|prefix| match prefix.as_str() {
        "" => "all that they read".to_owned(),
        folder => format!("{folder}/"),
    });
    let write: Vec<String> = write.collect();
    if !write.is_empty() {
        parts.push(format!("write {}", write.join(",")));
    }
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}
