use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::output;
use super::resolve::{self, Resolver};
use super::session::Session;
use crate::vault::{Error, Export as Exported, Format, Kind, Opened, Path, Prefix, Result, escape};

/// Write many values in the format of another program
///
/// All secrets below a folder are read at once, and verified, before anything is written. What the
/// format cannot hold is refused, all of it at once; nothing is changed to make it fit.
///
/// json, yaml and csv keep paths, fields and types; bytes that are no text are base64 in a member
/// of their own, `b64`. The others have names, as `vault run --prefix` makes them: the path below
/// the folder in upper case, with `_` for every other character (in lower case in tfvars); two that
/// get the same name are an error, and so are names that take over programs (PATH, LD_* and the
/// like) where the format becomes an environment.
///
/// dotenv: for sh and Docker Compose, in single quotes; in double quotes what Compose does not read
/// in single ones. docker-env: for docker run --env-file, which has no quotes, so no line breaks.
/// systemd: for EnvironmentFile= of a unit. k8s-secret: a manifest, which needs --name. tfvars,
/// java-properties: as Terraform and Java read them.
///
/// github: -o "$GITHUB_ENV" appends the variables to that file; standard output gets ::add-mask::
/// lines, by which the runner masks each line of the values in the rest of its log, so leave it to
/// the runner. Lines of less than four bytes are not masked, nor are fields that are not secret.
#[derive(Args)]
#[command(after_help = "Examples:
  vault export --prefix prod/api --format dotenv -o .env
  vault export --prefix prod/api --format docker-env --dry-run   names only
  vault export --prefix prod/api --format k8s-secret --name api | kubectl apply -f -
  vault export --prefix prod/api --format github -o \"$GITHUB_ENV\"
  vault export --format json -o everything.json")]
pub struct Export {
    /// Every secret below this folder [default: all]
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
    /// What to write; --json alone is json
    #[arg(short, long, value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)))]
    format: Option<String>,
    /// Write to this file, readable by you alone, in one step [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The name of the Kubernetes Secret
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Read and check everything, but print only the names and where they come from
    #[arg(long)]
    dry_run: bool,
}

impl Export {
    pub async fn run(self, session: &Session) -> Result<()> {
        let format = self.format(session.json)?;
        self.check(format)?;
        let prefix = session.prefix(self.prefix.as_deref())?;
        let secrets = read(session, &prefix).await?;
        let name = self.name.as_deref().unwrap_or_default();
        let exported = Exported::new(format, &prefix, &secrets, name)
            .map_err(|failed| resolve::failures(failed, NOTHING).expect("some failed"))?;
        for warning in &exported.warnings {
            output::note(&format!("warning: {}", escape(warning)));
        }
        if self.dry_run {
            return print_names(session, &exported.names);
        }
        match &self.output {
            Some(file) if format == Format::Github => {
                // Before a step can print any of them.
                output::data(exported.masks.bytes())?;
                output::append_private(file, exported.text.bytes())
            }
            file => output::secret_text(&exported.text, file.as_deref()),
        }
    }

    fn format(&self, json: bool) -> Result<Format> {
        match &self.format {
            Some(name) => {
                let found = Format::ALL.into_iter().find(|(known, _)| known == name);
                Ok(found.expect("clap takes no other").1)
            }
            None if json => Ok(Format::Json),
            None => {
                let names: Vec<_> = Format::ALL.iter().map(|(name, _)| *name).collect();
                Err(Error::usage("--format is needed")
                    .hint(format!("one of: {}", names.join(", "))))
            }
        }
    }

    fn check(&self, format: Format) -> Result<()> {
        match (format, &self.name) {
            (Format::K8sSecret, None) => {
                return Err(Error::usage("a Kubernetes Secret needs a name").hint("--name NAME"));
            }
            (Format::K8sSecret, Some(name)) if !is_k8s_name(name) => {
                return Err(Error::usage(format!("not a name in Kubernetes: {}", escape(name)))
                    .hint("lower-case letters, digits, `-` and `.`, at most 253"));
            }
            (Format::K8sSecret, _) | (_, None) => {}
            (_, Some(_)) => return Err(Error::usage("--name is for --format k8s-secret")),
        }
        if format == Format::Github && self.output.is_none() && !self.dry_run {
            return Err(Error::usage("--format github needs a file: standard output is for masks")
                .hint("-o \"$GITHUB_ENV\""));
        }
        Ok(())
    }
}

/// What does not happen if a value cannot be had.
const NOTHING: &str = "nothing was written";

/// All secrets below a folder.
async fn read(session: &Session, prefix: &Prefix) -> Result<Vec<(Path, Opened)>> {
    let mut resolver = Resolver::new(session);
    let below = resolver.prepare(&[].into(), std::slice::from_ref(prefix)).await?;
    let places = below.into_iter().flatten().map(|path| (None, path, None)).collect();
    let (mut secrets, mut failed) = (Vec::new(), Vec::new());
    for ((_, path, _), answer) in resolver.read(places).await {
        match answer {
            Ok(opened) => secrets.push((path, opened)),
            // Deleted since it was listed.
            Err(e) if e.kind == Kind::NotFound => {}
            Err(e) => failed.push((path.to_string(), e)),
        }
    }
    if let Some(error) = resolve::failures(failed, NOTHING) {
        return Err(error);
    }
    if secrets.is_empty() {
        let what = match prefix.as_str() {
            "" => "there is no secret in this vault".to_owned(),
            _ => format!("there is no secret below {prefix}"),
        };
        return Err(Error::not_found(what).hint("`vault ls`"));
    }
    Ok(secrets)
}

fn print_names(session: &Session, names: &[(String, String)]) -> Result<()> {
    if session.json {
        let list = names.iter().map(|(name, from)| json!({ "name": name, "from": from }));
        return output::json(&list.collect());
    }
    let rows: Vec<_> = names.iter().map(|(name, from)| vec![name.clone(), from.clone()]).collect();
    output::table(&["NAME", "FROM"], &rows)
}

/// A DNS subdomain, as Kubernetes wants its names.
fn is_k8s_name(name: &str) -> bool {
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
