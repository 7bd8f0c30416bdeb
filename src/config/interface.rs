//! Settings of the terminal UI: `[tui]` in the configuration file, and what the environment says
//! of the terminal.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml_edit::{Item, TableLike};

use super::file::read_toml;
use crate::vault::{Error, Result, escape};

/// Which colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The 16 colours of the terminal, so that the user's palette decides.
    Ansi,
    /// Colours of our own, told apart by colour-blind people, too.
    True,
    /// None.
    Mono,
}

/// Where a copied value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clipboard {
    /// The desktop's clipboard.
    System,
    /// Through the terminal, by an escape sequence: also over SSH, but nobody can clear it.
    Osc52,
    /// Nowhere.
    Off,
}

/// Everything that the terminal UI is told.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Colours.
    pub theme: Theme,
    /// Only ASCII characters for lines and signs.
    pub ascii: bool,
    /// The mouse is ours; without it the terminal selects text as usual.
    pub mouse: bool,
    /// Lock after this long without a key; `None`: never.
    pub lock_after: Option<Duration>,
    /// Where a copied value goes.
    pub clipboard: Clipboard,
    /// Keys of actions, by the names that both have in `docs/KEYS.md`.
    pub keys: Vec<(String, Vec<String>)>,
    /// `$VISUAL` or `$EDITOR`, as a shell reads it.
    pub editor: Option<String>,
    /// Directories in memory, where a value may be while it is edited.
    pub memory_dirs: Vec<PathBuf>,
    /// Where temporary files are, on a disk perhaps.
    pub temp_dir: PathBuf,
    /// Where programs are looked for.
    pub path: Vec<PathBuf>,
}

impl Default for Interface {
    fn default() -> Self {
        Self {
            theme: Theme::Ansi,
            ascii: false,
            mouse: true,
            lock_after: Some(Duration::from_secs(300)),
            clipboard: Clipboard::System,
            keys: Vec::new(),
            editor: None,
            memory_dirs: Vec::new(),
            temp_dir: PathBuf::new(),
            path: Vec::new(),
        }
    }
}

impl Interface {
    /// Reads `[tui]` and the environment.
    ///
    /// # Errors
    /// Usage, naming the file and the key that is wrong.
    pub fn load(config_file: &Path) -> Result<Self> {
        let mut interface = Self::default();
        if let Some(document) = read_toml(config_file)?
            && let Some(item) = document.get("tui")
        {
            let wrong =
                |what: String| Error::usage(format!("{}: [tui]: {what}", config_file.display()));
            let table = item.as_table_like().ok_or_else(|| wrong("is not a table".into()))?;
            interface.read(table).map_err(wrong)?;
        }
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb") {
            interface.theme = Theme::Mono;
        }
        interface.editor =
            ["VISUAL", "EDITOR"].into_iter().find_map(|name| set(name)?.into_string().ok());
        interface.memory_dirs.extend(set("XDG_RUNTIME_DIR").map(PathBuf::from));
        interface.memory_dirs.push("/dev/shm".into());
        interface.temp_dir = env::temp_dir();
        interface.path =
            set("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect());
        Ok(interface)
    }

    fn read(&mut self, table: &dyn TableLike) -> std::result::Result<(), String> {
        for (key, item) in table.iter() {
            let wrong = |expected: &str| format!("`{key}` is not {expected}");
            let flag = || item.as_bool().ok_or_else(|| wrong("true or false"));
            match key {
                "theme" => {
                    self.theme = match item.as_str() {
                        Some("ansi") => Theme::Ansi,
                        Some("true-colour") => Theme::True,
                        Some("mono") => Theme::Mono,
                        _ => return Err(wrong("ansi, true-colour or mono")),
                    }
                }
                "ascii" => self.ascii = flag()?,
                "mouse" => self.mouse = flag()?,
                "clipboard" => {
                    self.clipboard = match item.as_str() {
                        Some("system") => Clipboard::System,
                        Some("osc52") => Clipboard::Osc52,
                        Some("off") => Clipboard::Off,
                        _ => return Err(wrong("system, osc52 or off")),
                    }
                }
                "lock_minutes" => {
                    let minutes = item.as_integer().and_then(|n| u64::try_from(n).ok());
                    let minutes = minutes.ok_or_else(|| wrong("a number (0: never)"))?;
                    let after = Duration::from_secs(minutes.saturating_mul(60));
                    self.lock_after = Some(after).filter(|after| !after.is_zero());
                }
                "keys" => self.keys = keys(item)?,
                other => return Err(format!("unknown key `{}`", escape(other))),
            }
        }
        Ok(())
    }
}

/// `action = "key"` or `action = ["key", …]`.
fn keys(item: &Item) -> std::result::Result<Vec<(String, Vec<String>)>, String> {
    let table = item.as_table_like().ok_or("`keys` is not a table")?;
    let mut all = Vec::new();
    for (action, item) in table.iter() {
        let wrong = || format!("the keys of `{}` are not a list of names", escape(action));
        let list = match (item.as_str(), item.as_array()) {
            (Some(key), _) => vec![key.to_owned()],
            (None, Some(list)) => {
                let names = list.iter().map(|key| key.as_str().map(str::to_owned));
                names.collect::<Option<Vec<_>>>().ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        all.push((action.to_owned(), list));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Interface, String> {
        let document = text.parse::<toml_edit::DocumentMut>().unwrap();
        let mut interface = Interface::default();
        interface.read(document.as_table()).map(|()| interface)
    }

    #[test]
    fn what_the_file_says() {
        let all = read(
            "theme = \"true-colour\"\nascii = true\nmouse = false\nclipboard = \"osc52\"\n\
             lock_minutes = 1\n[keys]\nreveal = [\"enter\", \"space\"]\nlock = \"f2\"",
        )
        .unwrap();
        assert_eq!((all.theme, all.ascii, all.mouse), (Theme::True, true, false));
        assert_eq!(
            (all.clipboard, all.lock_after),
            (Clipboard::Osc52, Some(Duration::from_secs(60)))
        );
        let keys = [("reveal", vec!["enter", "space"]), ("lock", vec!["f2"])];
        let owned = |(a, k): (&str, Vec<&str>)| {
            (a.to_owned(), k.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(all.keys, keys.into_iter().map(owned).collect::<Vec<_>>());
        assert_eq!(read("lock_minutes = 0").unwrap().lock_after, None);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("theme = \"pink\"", "theme"),
            ("ascii = 1", "ascii"),
            ("lock_minutes = -1", "lock_minutes"),
            ("clipboard = true", "clipboard"),
            ("keys = 3", "keys"),
            ("[keys]\nreveal = [1]", "reveal"),
            ("colour = 1", "unknown key"),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
