//! Values in the formats of others. Written straight into zeroed memory, which no writer of
//! JSON, YAML or CSV that we know does; what is read back is tested with readers of others.

mod data;
mod env;
mod text;

use std::collections::BTreeMap;

use super::read::Opened;
use super::variables::{Variable, is_dangerous_variable, variables};
use crate::core::error::Error;
use crate::core::path::{Prefix, SecretPath};
use crate::core::secret::Secret;

pub use data::write_json;

/// What values are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `NAME='value'` lines for a shell and Docker Compose.
    Dotenv,
    /// `NAME=value` lines for `docker run --env-file`.
    DockerEnv,
    /// As `get --json`, in one array.
    Json,
    /// The same as YAML.
    Yaml,
    /// A field a row.
    Csv,
    /// The manifest of a Kubernetes Secret.
    K8sSecret,
    /// Variables of Terraform.
    Tfvars,
    /// A `.properties` file.
    JavaProperties,
    /// Lines for the file that `$GITHUB_ENV` names.
    Github,
    /// A file for `EnvironmentFile=` of a unit.
    Systemd,
}

/// What came of it.
pub struct Export {
    /// The whole text.
    pub text: Secret,
    /// Lines by which a GitHub runner masks the values in its log.
    pub masks: Secret,
    /// What is in it: the name in the format, and path and field as a reference names them.
    pub names: Vec<(String, String)>,
    /// What a reader of the format may make of it. For people to read.
    pub warnings: Vec<String>,
    /// The end mark of values in `$GITHUB_ENV`.
    delimiter: String,
}

/// What could not be exported, and why.
type Failures = Vec<(String, Error)>;

impl Format {
    /// Every format by its name.
    pub const ALL: [(&'static str, Self); 10] = [
        ("dotenv", Self::Dotenv),
        ("docker-env", Self::DockerEnv),
        ("json", Self::Json),
        ("yaml", Self::Yaml),
        ("csv", Self::Csv),
        ("k8s-secret", Self::K8sSecret),
        ("tfvars", Self::Tfvars),
        ("java-properties", Self::JavaProperties),
        ("github", Self::Github),
        ("systemd", Self::Systemd),
    ];

    /// True if its names become variables of programs.
    fn is_environment(self) -> bool {
        use Format::{DockerEnv, Dotenv, Github, K8sSecret, Systemd};
        matches!(self, Dotenv | DockerEnv | Github | K8sSecret | Systemd)
    }
}

impl Export {
    /// Secrets below `prefix` in a format. `name` is that of a Kubernetes Secret.
    ///
    /// # Errors
    /// All that the format cannot hold, each with its path and field; nothing else is refused.
    pub fn new(
        format: Format,
        prefix: &Prefix,
        secrets: &[(SecretPath, Opened)],
        name: &str,
    ) -> Result<Self, Failures> {
        let mut export = Self {
            text: Secret::with_capacity(4096),
            masks: Secret::with_capacity(256),
            names: Vec::new(),
            warnings: Vec::new(),
            delimiter: String::new(),
        };
        match format {
            Format::Json => data::json(&mut export, secrets),
            Format::Yaml => data::yaml(&mut export, secrets),
            Format::Csv => data::csv(&mut export, secrets),
            _ => export.write_variables(format, &named(format, prefix, secrets)?, name)?,
        }
        Ok(export)
    }

    fn write_variables(
        &mut self,
        format: Format,
        all: &[Variable<'_>],
        name: &str,
    ) -> Result<(), Failures> {
        let mut failed = Failures::new();
        match format {
            Format::K8sSecret => text::k8s_head(&mut self.text, name),
            Format::Github => env::choose_delimiter(self, all),
            _ => {}
        }
        for variable in all {
            let written = match format {
                Format::Dotenv => env::dotenv(self, variable),
                Format::DockerEnv => env::docker(self, variable),
                Format::Github => env::github(self, variable),
                Format::Systemd => env::systemd(self, variable),
                Format::Tfvars => text::tfvars(self, variable),
                Format::JavaProperties => text::properties(self, variable),
                _ => text::k8s_entry(self, variable),
            };
            match written {
                Ok(()) => {
                    let shown = match format {
                        Format::Tfvars => variable.name.to_lowercase(),
                        _ => variable.name.clone(),
                    };
                    self.names.push((shown, variable.origin.clone()));
                }
                Err(e) => failed.push((variable.origin.clone(), e)),
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }
}

/// The variables, in the order of their paths.
fn named<'o>(
    format: Format,
    prefix: &Prefix,
    secrets: &'o [(SecretPath, Opened)],
) -> Result<Vec<Variable<'o>>, Failures> {
    let mut failed = Failures::new();
    let mut from: BTreeMap<String, String> = BTreeMap::new();
    let all = secrets.iter().flat_map(|(path, opened)| variables(prefix, path, opened));
    let all: Vec<_> = all.collect();
    for Variable { name, origin, .. } in &all {
        if let Some(other) = from.insert(name.clone(), origin.clone()) {
            failed.push((origin.clone(), Error::usage(format!("{other} becomes {name}, too"))));
        } else if format.is_environment() && is_dangerous_variable(name) {
            let error = Error::usage(format!("{name} is not taken from a folder"))
                .hint("whoever sets it takes over programs; choose a folder without it");
            failed.push((origin.clone(), error));
        }
    }
    if failed.is_empty() { Ok(all) } else { Err(failed) }
}

/// The text of a value, for formats that have no place for other bytes.
fn text_of<'v>(variable: &'v Variable<'_>) -> Result<&'v str, Error> {
    variable.value.text().ok_or_else(|| {
        Error::usage("bytes that are no text: this format has no place for them")
            .hint("json, yaml, csv and k8s-secret have")
    })
}

/// [`text_of`], without NUL bytes: those end a variable.
fn variable_text<'v>(variable: &'v Variable<'_>) -> Result<&'v str, Error> {
    let text = text_of(variable)?;
    match text.contains('\0') {
        true => Err(Error::usage("a value with a NUL byte cannot be in a variable")),
        false => Ok(text),
    }
}
