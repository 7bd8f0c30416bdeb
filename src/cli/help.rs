use clap::Args;

use super::exit::Exit;
use super::output;
use crate::config::extension;
use crate::vault::{Error, Result, escape};

/// What `vault help references` prints.
const REFERENCES: &str = "\
A reference is a line of text that names one value:

  vault://[@NAME/]PATH[?version=N&attribute=otp][#FIELD]

  vault://prod/db                     the field `value`, or the only one
  vault://prod/db#user                a field
  vault://prod/db?version=3           an earlier version
  vault://web/admin?attribute=otp     the one-time password of this moment
  vault://@team/prod/db               of the vault `team` in the configuration
  vault://%40team/db                  of a folder whose name begins with @

`%`, `?` and `#` in names are written %25, %3F and %23; any other character may be written so, too.
Without @NAME it is the vault that --vault, VAULT_NAME or the configuration choose.

References work in `vault read`, in `vault run --env NAME=REF`, as whole values in the files of
`vault run --env-file`, as {{ vault://… }} in the templates of `vault inject`, and in VAULT_ASKPASS
for `vault askpass`. Shells complete them (`vault completions`). All references of a command are resolved at once. If some cannot be, all of them are listed with the reason, nothing
is written or started, and the exit code is 3; that of the most serious reason if there is another:
a reference or field that is not clear 2, no right to read 5, network 8, credentials 4, tampering 7.
";

/// Explain a command or a topic
#[derive(Args)]
#[command(after_help = "Examples:
  vault help put
  vault help exit-codes
  vault help references")]
pub struct Help {
    /// A command, or one of the topics exit-codes and references
    topic: Vec<String>,
}

impl Help {
    pub fn run(self) -> Result<()> {
        if self.topic == ["exit-codes"] {
            let lines: String =
                Exit::ALL.iter().map(|(e, text)| format!("{:3}  {text}\n", e.code())).collect();
            return output::data(lines.as_bytes());
        }
        if self.topic == ["references"] {
            return output::data(REFERENCES.as_bytes());
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
                    _ if self.topic.len() == 1 && extension(word).is_some() => error.hint(format!(
                        "it is a program of its own, which may tell: vault-{word} --help"
                    )),
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
