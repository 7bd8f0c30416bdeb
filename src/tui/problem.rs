//! Errors as the UI says them. The vault's hints name commands and flags; where the UI has a key for
//! the same, it names that.

use std::borrow::Cow;

use crate::vault::{Error, escape};

/// What marks a hint, and what is said instead.
const KEYS: [(&str, &str); 16] = [
    ("--member NAME", "type another one"),
    ("vault member role NAME admin", "make somebody else an admin first: in the members, r"),
    ("`vault member ls` shows who is one", "m shows who is one"),
    ("leave --role out to add a device", "no role adds a device; r changes what they may do"),
    ("--role read, write or admin", "say what they may do: read, write or admin"),
    ("`vault member rm NAME` removes them", "d removes them; with a folder, none takes it away"),
    ("leave --path out", "leave the folder empty; the role read makes an admin less"),
    (
        "give --single-writer",
        "use another store; if only one person on one machine ever writes: \
         `vault init LOCATION --single-writer`",
    ),
    ("--name NAME: ", "choose a location whose last part is such a name"),
    ("remove it first: vault rm", "choose another name, or delete that one first, with d"),
    ("remove one with `vault rm`", "both are there now; compare them and delete one with d"),
    ("`vault undelete ", "h shows its versions; r on one of them brings it back"),
    ("`vault history` shows who changed it", "nothing was written; h shows who changed it"),
    (
        "`vault history` shows what is there",
        "the storage lies, or it was restored from a backup; \
                                             h shows what is there",
    ),
    ("`vault history ", "h lists its versions"),
    ("`vault ls` lists the names", ". reads the names again"),
];
/// Before the region that a bucket is in.
const REGION: &str = "give --region ";

/// An error as people read it; escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What failed.
    pub message: String,
    /// Why, from near to far.
    pub causes: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of one sentence.
    pub fn note(message: &str) -> Self {
        Self { message: message.to_owned(), causes: Vec::new(), hint: None }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let plain = |text: &str| {
            text.split('\n').map(|l| escape(l).replace("\\\\", "\\")).collect::<Vec<_>>().join(" ")
        };
        let hint = error.hint.as_deref().map(|hint| plain(&in_keys(hint)));
        let causes = error.causes().map(|cause| plain(&cause)).collect();
        Self { message: plain(&error.message), causes, hint }
    }
}

/// A hint as this UI says it.
fn in_keys(hint: &str) -> Cow<'_, str> {
    if let Some((region, _)) = hint.strip_prefix(REGION).and_then(|rest| rest.split_once(',')) {
        return format!(
            "give {region} as the region; a vault that is there has it in the configuration, as \
             region = \"{region}\""
        )
        .into();
    }
    let key = KEYS.iter().find(|(command, _)| hint.contains(command));
    key.map_or(hint.into(), |(_, key)| (*key).into())
}
