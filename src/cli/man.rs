use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use serde_json::json;

use super::output;
use super::session::shown;
use crate::vault::{Error, Result};

/// Print the manual page, or write the pages of all commands into a directory
#[derive(Args)]
#[command(after_help = "Examples:
  vault man | man -l -
  vault man --out ~/.local/share/man/man1")]
pub struct Man {
    /// Write vault.1, vault-put.1 and so on into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub fn run(self, json: bool) -> Result<()> {
        let mut command = super::command();
        command.build();
        let Some(dir) = self.out else {
            return output::data(&page(&command)?.1);
        };
        let pages = pages(&command)?;
        fs::create_dir_all(&dir).map_err(|e| cannot_write(&dir, e))?;
        for (name, text) in &pages {
            let file = dir.join(name);
            // Pages are for everybody on the machine; what this program writes otherwise is not.
            let open = || {
                fs::write(&file, text)?;
                fs::set_permissions(&file, Permissions::from_mode(0o644))
            };
            open().map_err(|e| cannot_write(&file, e))?;
        }
        if json {
            let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
            return output::json(&json!({ "directory": dir.to_string_lossy(), "pages": names }));
        }
        output::note(&format!("{} pages are in {}.", pages.len(), shown(&dir)));
        Ok(())
    }
}

/// The page of a command and those of the commands below it, with their file names.
fn pages(command: &Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = vec![page(command)?];
    // clap's own `help` of a group of commands says nothing.
    let own_help =
        |below: &&Command| below.get_name() != "help" || below.get_after_help().is_some();
    for below in command.get_subcommands().filter(own_help).filter(|below| !below.is_hide_set()) {
        all.extend(pages(below)?);
    }
    Ok(all)
}

fn page(command: &Command) -> Result<(String, Vec<u8>)> {
    let man = clap_mangen::Man::new(command.clone()).manual("vault");
    let mut text = Vec::new();
    man.render(&mut text).map_err(|e| Error::general("cannot make the manual page").because(e))?;
    Ok((man.get_filename(), text))
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    Error::general(format!("cannot write {}", shown(path))).because(error)
}
