//! The variables that the secrets below a folder become.

use super::env_file::is_variable_name;
use super::fields::choose;
use super::read::{Content, Opened};
use crate::core::path::{Prefix, SecretPath, escape};
use crate::core::secret::Secret;

/// By these, whoever may write below a folder would take over the program that is started.
const DANGEROUS: [&str; 82] = [
    "BASHOPTS",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "BROWSER",
    "BUNDLE_GEMFILE",
    "CDPATH",
    "CLASSPATH",
    "CURL_CA_BUNDLE",
    "CURL_HOME",
    "CVS_RSH",
    "EDITOR",
    "ELIXIR_ERL_OPTIONS",
    "ENV",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_LIBS",
    "ERL_ZFLAGS",
    "EXINIT",
    "FCEDIT",
    "FPATH",
    "GCONV_PATH",
    "GEM_HOME",
    "GEM_PATH",
    "GLIBC_TUNABLES",
    "GTK_MODULES",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "INPUTRC",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "JULIA_LOAD_PATH",
    "LESS",
    "LESSCLOSE",
    "LESSKEY",
    "LESSOPEN",
    "LOCALDOMAIN",
    "LOCPATH",
    "MAKEFLAGS",
    "MANPAGER",
    "MAVEN_OPTS",
    "NLSPATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "QT_PLUGIN_PATH",
    "REQUESTS_CA_BUNDLE",
    "RES_OPTIONS",
    "RSYNC_RSH",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SUDO_ASKPASS",
    "SVN_SSH",
    "TCLLIBPATH",
    "TERMCAP",
    "TERMINFO",
    "TERMINFO_DIRS",
    "VIMINIT",
    "VISUAL",
    "WGETRC",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];
/// Whole families of them; `VAULT_` steers a `vault` that the program runs.
const DANGEROUS_BEGINNINGS: [&str; 17] = [
    "BASH_FUNC_",
    "CORECLR_",
    "COR_",
    "DOTNET_",
    "DYLD_",
    "GIT_",
    "GRADLE_OPTS",
    "LD_",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NPM_CONFIG_",
    "OPENSSL_",
    "PERL5LIB",
    "PYTHON",
    "VAULT_",
    "XDG_",
];
/// Through these, another one would see what the program sends.
const DANGEROUS_END: &str = "_PROXY";

/// A field as a variable.
pub struct Variable<'o> {
    /// The path below the folder, and the field unless it is the one that `get` prints.
    pub name: String,
    /// Its value.
    pub value: &'o Secret,
    /// True if nobody should see the value.
    pub is_secret: bool,
    /// Path and field, as a reference names them. For people to read.
    pub origin: String,
}

/// The variables that a secret below a folder becomes.
pub fn variables<'o>(prefix: &Prefix, path: &SecretPath, opened: &'o Opened) -> Vec<Variable<'o>> {
    let skip = match prefix.as_str() {
        "" => 0,
        folder => folder.len() + 1,
    };
    let mut name = words(&path.as_str()[skip..]);
    if !is_variable_name(&name) {
        // A digit in front.
        name.insert(0, '_');
    }
    let document = match &opened.content {
        Content::Raw(value) => {
            return vec![Variable { name, value, is_secret: true, origin: path.to_string() }];
        }
        Content::Doc(document) => document,
    };
    let main = choose(path, document, None).ok().map(|field| field.name.as_str());
    let of_field = |field: &'o crate::core::document::Field| Variable {
        name: match main == Some(field.name.as_str()) {
            true => name.clone(),
            false => format!("{name}_{}", words(&field.name)),
        },
        value: &field.value,
        is_secret: field.kind.is_secret(),
        origin: format!("{path}#{}", escape(&field.name)),
    };
    document.fields.iter().map(of_field).collect()
}

/// True for a variable that could take over a program, and so is not taken from a folder.
pub fn is_dangerous_variable(name: &str) -> bool {
    DANGEROUS.contains(&name)
        || DANGEROUS_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        || name.ends_with(DANGEROUS_END)
}

/// In upper case, with `_` for every character that is no letter or digit.
fn words(text: &str) -> String {
    let char = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    text.chars().map(char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_take_over_are_told_from_others() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "_JAVA_OPTIONS",
            "JDK_JAVA_OPTIONS",
            "NODE_PATH",
            "RUBYLIB",
            "PERL5DB",
            "ZDOTDIR",
            "GLIBC_TUNABLES",
            "EDITOR",
            "VISUAL",
            "PAGER",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "VAULT_NAME",
            "VAULT_CAPABILITY",
            "OPENSSL_CONF",
            "LUA_INIT_5_4",
        ] {
            assert!(is_dangerous_variable(name), "{name}");
        }
        for name in ["DB", "PATHS", "API_KEY", "PROXY_PASSWORD", "NODE_TOKEN", "SSH_KEY", "GITHUB"]
        {
            assert!(!is_dangerous_variable(name), "{name}");
        }
        assert!(DANGEROUS.is_sorted(), "in the order of the alphabet");
    }
}
