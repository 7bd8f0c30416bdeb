use clap::Args;

use super::exit::Exit;
use super::output;
use crate::vault::{Error, Result, escape};

/// Explain a command or a topic
#[derive(Args)]
#[command(after_help = "Examples:
  vault help put
  vault help exit-codes")]
pub struct Help {
    /// A command, or the topic exit-codes
    topic: Vec<String>,
}

impl Help {
    pub fn run(self) -> Result<()> {
        if self.topic == ["exit-codes"] {
            let lines: String =
                Exit::ALL.iter().map(|(e, text)| format!("{:3}  {text}\n", e.code())).collect();
            return output::data(lines.as_bytes());
        }
        let mut command = super::command();
        command.build();
        for word in &self.topic {
            let names: Vec<String> =
                command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            let found = command.get_subcommands().find(|c| c.get_name() == word).cloned();
            command = found.ok_or_else(|| {
                let near = names.iter().map(|n| (strsim::damerau_levenshtein(n, word), n)).min();
                let error = Error::usage(format!("no help on {}", escape(word)));
                match near {
                    Some((distance, name)) if distance < 3 => {
                        error.hint(format!("did you mean `vault help {name}`?"))
                    }
                    _ => error.hint("`vault help` lists the commands"),
                }
            })?;
        }
        output::data(command.render_long_help().to_string().as_bytes())
    }
}

/// What `vault` alone prints.
pub fn overview() -> Result<()> {
    output::data(super::command().render_help().to_string().as_bytes())
}
