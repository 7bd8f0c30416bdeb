//! The tables of password managers: by which columns each is known, and what its columns hold.

use crate::vault::import::logins::Part;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// A folder, with what stands between its names.
    Folder(char),
    /// The same below a root that everything is in.
    Group,
    /// The name.
    Title,
    /// A part of a login.
    Part(Part),
    /// Addresses with a comma between them.
    Urls,
    /// Whether it is in the archive, from which nothing is taken.
    Archived,
    /// `name: value` lines.
    Fields,
    /// Nothing that a vault has a place for.
    Ignored,
    /// Anything else: a field of that name.
    Custom,
}

use Column::{Archived, Custom, Fields, Folder, Group, Ignored, Title, Urls};

const USERNAME: Column = Column::Part(Part::Username);
const PASSWORD: Column = Column::Part(Part::Password);
const URL: Column = Column::Part(Part::Url);
const OTP: Column = Column::Part(Part::Otp);
const NOTES: Column = Column::Part(Part::Notes);

/// A program's table: columns by which it is known, and what its columns hold.
pub struct Tool {
    known_by: &'static [&'static str],
    /// True if a backslash stands before quotes and backslashes in its cells.
    pub backslashes: bool,
    columns: &'static [(&'static str, Column)],
}

/// The most particular first. Names are in lower case.
const TOOLS: [Tool; 6] = [
    // Bitwarden, of a person and of an organisation.
    Tool {
        known_by: &["name", "login_username", "login_password"],
        backslashes: false,
        columns: &[
            ("folder", Folder('/')),
            ("collections", Folder('/')),
            ("name", Title),
            ("login_username", USERNAME),
            ("login_password", PASSWORD),
            ("login_uri", Urls),
            ("login_totp", OTP),
            ("notes", NOTES),
            ("fields", Fields),
            ("favorite", Ignored),
            ("type", Ignored),
            ("reprompt", Ignored),
            ("archiveddate", Ignored),
        ],
    },
    // LastPass.
    Tool {
        known_by: &["url", "username", "password", "extra", "name"],
        backslashes: false,
        columns: &[
            ("grouping", Folder('\\')),
            ("name", Title),
            ("username", USERNAME),
            ("password", PASSWORD),
            ("url", URL),
            ("totp", OTP),
            ("extra", NOTES),
            ("fav", Ignored),
        ],
    },
    // KeePassXC.
    Tool {
        known_by: &["group", "title", "username", "password"],
        backslashes: false,
        columns: &[
            ("group", Group),
            ("title", Title),
            ("username", USERNAME),
            ("password", PASSWORD),
            ("url", URL),
            ("totp", OTP),
            ("notes", NOTES),
            ("icon", Ignored),
            ("last modified", Ignored),
            ("created", Ignored),
        ],
    },
    // KeePass.
    Tool {
        known_by: &["account", "login name", "password"],
        backslashes: true,
        columns: &[
            ("account", Title),
            ("login name", USERNAME),
            ("password", PASSWORD),
            ("web site", URL),
            ("comments", NOTES),
        ],
    },
    // 1Password.
    Tool {
        known_by: &["title", "username", "password"],
        backslashes: false,
        columns: &[
            ("vault", Folder('/')),
            ("title", Title),
            ("username", USERNAME),
            ("password", PASSWORD),
            ("url", URL),
            ("website", URL),
            ("otpauth", OTP),
            ("one-time password", OTP),
            ("notes", NOTES),
            ("favorite", Ignored),
            ("archived", Archived),
            ("tags", Ignored),
            ("type", Ignored),
        ],
    },
    // Chrome and its relatives.
    Tool {
        known_by: &["name", "url", "username", "password"],
        backslashes: false,
        columns: &[
            ("name", Title),
            ("username", USERNAME),
            ("password", PASSWORD),
            ("url", URL),
            ("note", NOTES),
            ("notes", NOTES),
        ],
    },
];

/// The program whose header this is; names in lower case.
pub fn tool(names: &[String]) -> Option<&'static Tool> {
    let has = |name: &&str| names.iter().any(|n| n == name);
    TOOLS.iter().find(|tool| tool.known_by.iter().all(has))
}

impl Tool {
    /// What a column holds.
    pub fn column(&self, name: &str) -> Column {
        self.columns.iter().find(|(n, _)| *n == name).map_or(Custom, |(_, column)| *column)
    }
}
