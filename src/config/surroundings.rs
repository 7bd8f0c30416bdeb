//! What the environment holds that is meant for this program, or might be thought to be.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What this program reads.
const OURS: [&str; 8] = [
    "VAULT_AGENT",
    "VAULT_ASKPASS",
    "VAULT_CAPABILITY",
    "VAULT_CREDENTIAL_PROCESS",
    "VAULT_IDENTITY",
    "VAULT_NAME",
    "VAULT_PIN",
    "VAULT_SSH_KEY",
];
/// What HashiCorp's program of the same name reads.
const THEIRS: [&str; 25] = [
    "VAULT_ADDR",
    "VAULT_AGENT_ADDR",
    "VAULT_CACERT",
    "VAULT_CACERT_BYTES",
    "VAULT_CAPATH",
    "VAULT_CLIENT_CERT",
    "VAULT_CLIENT_KEY",
    "VAULT_CLIENT_TIMEOUT",
    "VAULT_CLI_NO_COLOR",
    "VAULT_CLUSTER_ADDR",
    "VAULT_DISABLE_REDIRECTS",
    "VAULT_FORMAT",
    "VAULT_HEADERS",
    "VAULT_HTTP_PROXY",
    "VAULT_LICENSE",
    "VAULT_LICENSE_PATH",
    "VAULT_LOG_LEVEL",
    "VAULT_MAX_RETRIES",
    "VAULT_MFA",
    "VAULT_NAMESPACE",
    "VAULT_PROXY_ADDR",
    "VAULT_RATE_LIMIT",
    "VAULT_SKIP_VERIFY",
    "VAULT_TLS_SERVER_NAME",
    "VAULT_TOKEN",
];

/// What was found.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Variables that begin like ours and that nobody knows.
    pub unknown: Vec<String>,
    /// Variables of HashiCorp's program.
    pub theirs: Vec<String>,
    /// Other programs called `vault` on the path, and whether one comes before this one.
    pub others: Vec<PathBuf>,
    /// Whether one of them is what a shell runs.
    pub hidden: bool,
}

/// Looks at the names in the environment, and at the path.
pub fn surroundings() -> Surroundings {
    let mut found = Surroundings::default();
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if THEIRS.contains(&name.as_str()) {
            found.theirs.push(name);
        } else if name.starts_with("VAULT_") && !OURS.contains(&name.as_str()) {
            found.unknown.push(name);
        }
    }
    found.theirs.sort();
    found.unknown.sort();
    let us = env::current_exe().and_then(fs::canonicalize).ok();
    let path = env::var_os("PATH").unwrap_or_default();
    let mut first = true;
    for program in env::split_paths(&path).map(|dir| dir.join("vault")) {
        let runs = |meta: fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o111 != 0;
        if !fs::metadata(&program).is_ok_and(runs) {
            continue;
        }
        if fs::canonicalize(&program).ok() != us {
            found.hidden |= first;
            found.others.push(program);
        }
        first = false;
    }
    found
}
