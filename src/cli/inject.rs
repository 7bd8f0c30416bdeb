use std::path::PathBuf;

use clap::Args;

use super::output;
use super::put::{read_all, read_file};
use super::resolve::{self, Resolver};
use super::session::Session;
use crate::vault::{Result, Template};

/// Put values into a text
///
/// Replaces each `{{ vault://… }}` in the template by the value that the reference names, and
/// leaves everything else as it is, other braces too. Values are put in byte for byte: nothing is
/// quoted or escaped for the format of the text, so a value with a quote or a line break can change
/// what a JSON or YAML file means. If one reference cannot be resolved, all that cannot are listed
/// and nothing is written. `vault help references` has the form of references.
#[derive(Args)]
#[command(after_help = "Examples:
  vault inject -i config.yml.tpl -o config.yml
  echo 'password: {{ vault://prod/db/password }}' | vault inject")]
pub struct Inject {
    /// The template [default: stdin]
    #[arg(short, long, value_name = "TEMPLATE")]
    input: Option<PathBuf>,
    /// Write to this file, readable by you alone, in one step [default: stdout]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

impl Inject {
    pub async fn run(self, session: &Session) -> Result<()> {
        let text = match &self.input {
            Some(path) => read_file(path)?,
            None => read_all(std::io::stdin().lock(), None)?,
        };
        let template = Template::parse(text)?;
        let references = template.spots.iter().filter_map(|spot| spot.reference.as_ref().ok());
        let found = Resolver::new(session).read(resolve::places(references)).await;
        let (mut values, mut failed) = (Vec::new(), Vec::new());
        for spot in &template.spots {
            let (what, value) = match &spot.reference {
                Ok(reference) => {
                    let what = format!("line {}, {reference}", spot.line);
                    (what, resolve::value(reference, &found))
                }
                Err(e) => (format!("line {}", spot.line), Err(resolve::again(e))),
            };
            match value {
                Ok(value) => values.push(value.value),
                Err(e) => failed.push((what, e)),
            }
        }
        if let Some(error) = resolve::failures(failed, "nothing was written") {
            return Err(error);
        }
        let out = template.render(&values.iter().collect::<Vec<_>>());
        match &self.output {
            Some(path) => output::private_file(path, out.bytes()),
            None => output::data(out.bytes()),
        }
    }
}
