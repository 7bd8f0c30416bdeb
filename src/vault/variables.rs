//! The variables that the secrets below a folder become.

use super::env_file::is_variable_name;
use super::fields::choose;
use super::read::{Content, Opened};
use crate::core::path::{Prefix, SecretPath, escape};
use crate::core::secret::Secret;

/// By these, whoever may write below a folder would take over the program that is started.
const DANGEROUS: [&str; 14] = [
    "BASH_ENV",
    "CDPATH",
    "ENV",
    "GCONV_PATH",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PATH",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PS4",
    "RUBYOPT",
    "SHELLOPTS",
];
const DANGEROUS_BEGINNINGS: [&str; 6] =
    ["BASH_FUNC_", "DYLD_", "LD_", "PERL5LIB", "PYTHON", "GIT_"];

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
    DANGEROUS.contains(&name) || DANGEROUS_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

/// In upper case, with `_` for every character that is no letter or digit.
fn words(text: &str) -> String {
    let char = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    text.chars().map(char).collect()
}
