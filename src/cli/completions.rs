use clap::Args;
use clap_complete::{Shell, generate};

use super::output;
use crate::vault::Result;

const BASH: &str = r#"_vault() {
    local line i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -- ]] || continue
        if declare -F _command_offset >/dev/null; then
            _command_offset $((i + 1))
        elif ((COMP_CWORD == i + 1)); then
            COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
        fi
        return
    done
    while IFS= read -r line; do
        COMPREPLY+=("$line")
        [[ $line == *[/=] ]] && compopt -o nospace
    done < <(command vault complete bash -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o bashdefault -o default -F _vault vault
"#;

const ZSH: &str = r#"#compdef vault
_vault() {
    local line value
    local -a values shown open
    local -i at=${words[(i)--]}
    if (( at < CURRENT )); then
        shift $at words
        (( CURRENT -= at ))
        _normal
        return
    fi
    for line in "${(@f)$(command vault complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        if [[ -z $value ]]; then
            continue
        elif [[ $value == *[/=] ]]; then
            open+=("$value")
        else
            values+=("$value")
            shown+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#values )) && compadd -d shown -a values
    (( $#open )) && compadd -S '' -a open
    (( $#values + $#open )) || _files
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _vault "$@"
else
    compdef _vault vault
fi
"#;

const FISH: &str = r#"function __vault_complete
    set -l token (commandline -ct)
    set -l plain (string unescape -- $token; or string unescape -- $token\'; or string unescape -- $token\")
    set -l words (commandline -opc)
    if set -l at (contains -i -- -- $words)
        complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..]) $token)
        return
    end
    set -l found (command vault complete fish -- $words "$plain" 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path $token
    end
end
complete -c vault -k -f -a '(__vault_complete)'
"#;

/// Print a script that completes commands, flags and names in a shell
///
/// In bash, zsh and fish the script asks `vault` for the names of secrets, folders and vaults at every
/// press of the key, for references too. Names are all that is shown. Nothing is asked, so an
/// identity with a passphrase has to be in the agent (`vault unlock`); what takes longer than a second,
/// or fails, shows nothing. Where there is nothing to show, the shell shows files, and behind
/// `vault run --` the commands that there are. In the other shells commands and flags are completed.
#[derive(Args)]
#[command(after_help = "Examples:
  vault completions bash > ~/.local/share/bash-completion/completions/vault
  vault completions zsh > ~/.zfunc/_vault     with ~/.zfunc in fpath
  vault completions fish > ~/.config/fish/completions/vault.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<()> {
        match self.shell {
            Shell::Bash => output::data(BASH.as_bytes()),
            Shell::Zsh => output::data(ZSH.as_bytes()),
            Shell::Fish => output::data(FISH.as_bytes()),
            other => {
                let mut script = Vec::new();
                generate(other, &mut super::command(), "vault", &mut script);
                output::data(&script)
            }
        }
    }
}
