//! Which format a file is in: by its first bytes, its name and what is in it.

use super::{MAX_IMPORT, bitwarden, csv, data, keepass, tree};
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::vault::env_file::parse_env_within;

/// The formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// `NAME=value` lines as a shell reads them.
    Dotenv,
    /// `NAME=value` lines without quotes.
    DockerEnv,
    /// The file that `$GITHUB_ENV` names.
    Github,
    /// Maps, or what `vault export` writes.
    Json,
    /// The same as YAML.
    Yaml,
    /// The manifest of a Kubernetes Secret.
    K8sSecret,
    /// Values of Terraform's variables.
    Tfvars,
    /// `NAME=value` lines as Java reads them.
    JavaProperties,
    /// A table of a password manager, or of `vault export`.
    Csv,
    /// Bitwarden's JSON.
    Bitwarden,
    /// 1Password's 1PUX.
    OnePassword,
    /// A database of KeePass; takes a passphrase.
    KeePass,
    /// A file of sops; takes a key.
    Sops,
}

impl FileFormat {
    /// Every format by its name.
    pub const ALL: [(&'static str, Self); 13] = [
        ("dotenv", Self::Dotenv),
        ("docker-env", Self::DockerEnv),
        ("github", Self::Github),
        ("json", Self::Json),
        ("yaml", Self::Yaml),
        ("k8s-secret", Self::K8sSecret),
        ("tfvars", Self::Tfvars),
        ("java-properties", Self::JavaProperties),
        ("csv", Self::Csv),
        ("bitwarden", Self::Bitwarden),
        ("1pux", Self::OnePassword),
        ("keepass", Self::KeePass),
        ("sops", Self::Sops),
    ];

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// The format of a file. `name` is that of the file, if it has one.
    ///
    /// # Errors
    /// Usage if it is none of these, or is broken in a way that its name does not allow.
    pub fn detect(name: Option<&str>, bytes: &Secret) -> Result<Self> {
        if bytes.bytes().trim_ascii().is_empty() {
            return Err(Error::usage("the file is empty"));
        }
        super::check_utf16(bytes)?;
        if keepass::is_keepass(bytes.bytes()) {
            return Ok(Self::KeePass);
        }
        if bytes.bytes().starts_with(b"PK\x03\x04") {
            return Ok(Self::OnePassword);
        }
        if let Some(format) = by_name(name.unwrap_or_default()) {
            return refined(format, bytes);
        }
        let Some(text) = bytes.text() else { return Err(unknown()) };
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if csv::is_header(text.lines().next().unwrap_or_default()) {
            return Ok(Self::Csv);
        }
        if text.starts_with(['{', '[']) && tree::json(bytes).is_ok() {
            return refined(Self::Json, bytes);
        }
        let is_env = parse_env_within(bytes, MAX_IMPORT)
            .is_ok_and(|all| all.iter().any(|d| d.value.is_some()));
        if is_env {
            return refined(Self::Dotenv, bytes);
        }
        // Lines that end in a colon, as those of /etc/shadow, are names without a value in YAML.
        let is_yaml =
            |node: tree::Node| (node.map().is_some() || node.list().is_some()) && node.has_value();
        if tree::yaml(bytes).is_ok_and(is_yaml) {
            return refined(Self::Yaml, bytes);
        }
        Err(unknown())
    }
}

/// By the end of the name.
fn by_name(name: &str) -> Option<FileFormat> {
    let name = name.to_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "json" => Some(FileFormat::Json),
        "yaml" | "yml" => Some(FileFormat::Yaml),
        "csv" => Some(FileFormat::Csv),
        "env" => Some(FileFormat::Dotenv),
        "tfvars" => Some(FileFormat::Tfvars),
        "properties" => Some(FileFormat::JavaProperties),
        "1pux" => Some(FileFormat::OnePassword),
        "kdbx" => Some(FileFormat::KeePass),
        _ if name == ".env" || name.starts_with(".env.") => Some(FileFormat::Dotenv),
        _ => None,
    }
}

/// What is in JSON, YAML or dotenv may have a format of its own.
fn refined(format: FileFormat, bytes: &Secret) -> Result<FileFormat> {
    let node = match format {
        FileFormat::Json => tree::json(bytes)?,
        FileFormat::Yaml => tree::yaml(bytes)?,
        FileFormat::Dotenv => {
            let text = bytes.text().unwrap_or_default();
            let sops = text.lines().any(|line| line.starts_with("sops_mac="));
            return Ok(if sops { FileFormat::Sops } else { format });
        }
        format => return Ok(format),
    };
    Ok(match format {
        _ if data::is_sops(&node) => FileFormat::Sops,
        FileFormat::Json if bitwarden::is_bitwarden(&node) => FileFormat::Bitwarden,
        _ if data::is_k8s_secret(&node) => FileFormat::K8sSecret,
        format => format,
    })
}

fn unknown() -> Error {
    let names: Vec<_> = FileFormat::ALL.iter().map(|(name, _)| *name).collect();
    Error::usage("no format that is known by its name or what is in it")
        .hint(format!("--format says which it is: {}", names.join(", ")))
}
