//! Settings of the agent: `[agent]` in the configuration file, and where its socket is.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Unit};
use toml_edit::TableLike;

use super::variable;
use crate::vault::agent::{AgentClient, Limits, MAX_LIMIT};
use crate::vault::{Error, Result, escape};

/// How the agent is used.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Directory of its socket, whether it is there or not.
    pub dir: PathBuf,
    /// False with `VAULT_AGENT=off`: it is neither asked nor started.
    pub used: bool,
    /// The first command that asks for a passphrase starts it.
    pub start: bool,
    /// How long it holds an identity.
    pub limits: Limits,
}

/// What the file says.
pub(super) struct AgentTable {
    start: bool,
    limits: Limits,
}

impl Default for AgentTable {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self { start: false, limits: Limits { idle: Some(minutes(15)), most: minutes(8 * 60) } }
    }
}

impl AgentTable {
    pub fn read(table: &dyn TableLike) -> std::result::Result<Self, String> {
        let mut settings = Self::default();
        for (key, item) in table.iter() {
            let minutes = || {
                let minutes = item.as_integer().and_then(|n| u64::try_from(n).ok());
                let span = minutes.map(|n| Duration::from_secs(n.saturating_mul(60)));
                span.filter(|span| *span <= MAX_LIMIT).ok_or_else(|| {
                    format!("`{key}` is not a number of minutes, at most those of 7 days")
                })
            };
            match key {
                "start" => {
                    let flag = item.as_bool();
                    settings.start = flag.ok_or("`start` is not true or false")?;
                }
                "idle_minutes" => {
                    settings.limits.idle = Some(minutes()?).filter(|idle| !idle.is_zero());
                }
                "lock_minutes" => {
                    settings.limits.most = minutes()?;
                    if settings.limits.most.is_zero() {
                        return Err("`lock_minutes` is 0, and nothing could be held".to_owned());
                    }
                }
                other => return Err(format!("unknown key `{}`", escape(other))),
            }
        }
        Ok(settings)
    }
}

impl AgentSettings {
    pub(super) fn new(table: AgentTable) -> Result<Self> {
        let used = match variable("VAULT_AGENT")?.as_deref() {
            Some("off") => false,
            None | Some("on") => true,
            Some(_) => {
                return Err(Error::usage("VAULT_AGENT is neither on nor off")
                    .hint("VAULT_AGENT=off leaves the agent out; without it, it is used"));
            }
        };
        let AgentTable { start, limits } = table;
        Ok(Self { dir: runtime_dir(), used, start, limits })
    }

    /// The agent, if it is to be used and runs.
    ///
    /// # Errors
    /// Denied if what is there is another user's.
    pub fn client(&self) -> Result<Option<AgentClient>> {
        if self.used { AgentClient::connect(&self.dir) } else { Ok(None) }
    }

    /// The directory in which this user's sockets are where the environment has the other half of
    /// what it has here: `su` and cron leave `XDG_RUNTIME_DIR` out.
    pub fn other_dir(&self) -> PathBuf {
        let without = dir_without_session();
        if self.dir == without {
            let uid = rustix::process::geteuid().as_raw();
            return format!("/run/user/{uid}/vault").into();
        }
        without
    }
}

/// The directory of this user's sockets: gone when the last session ends, where the system has
/// such a thing.
pub fn runtime_dir() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute()) {
        Some(dir) => dir.join("vault"),
        None => dir_without_session(),
    }
}

fn dir_without_session() -> PathBuf {
    format!("/tmp/vault-{}", rustix::process::geteuid().as_raw()).into()
}

/// Reads a span of time such as `90s`, `15m`, `8h` or `1d12h`, of 7 days at most.
///
/// # Errors
/// Usage.
pub fn parse_span(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::usage(format!("not a span of time: {}", escape(text)))
            .hint("such as 30m, 8h or 1d12h; 7 days at most")
    };
    let span = span(text).ok_or_else(wrong)?;
    if span.is_zero() || span > MAX_LIMIT { Err(wrong()) } else { Ok(span) }
}

/// Reads a span of time, of any length: `30m`, `1.5h`, `1d12h`, `1w`. Days have 24 hours.
pub fn span(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let days = SpanRelativeTo::days_are_24_hours();
    let seconds = span.total((Unit::Second, days)).ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<AgentTable, String> {
        AgentTable::read(text.parse::<toml_edit::DocumentMut>().unwrap().as_table())
    }

    #[test]
    fn spans_have_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1.5h", 5_400),
            ("1d12h", 129_600),
            ("7d", 604_800),
            ("1w", 604_800),
        ] {
            assert_eq!(parse_span(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in ["", "15", "m", "0s", "-1m", "8d", "2w", "99999999999999999999d", "1 month"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_file_says() {
        let all = read("start = true\nidle_minutes = 0\nlock_minutes = 60").unwrap();
        let limits = Limits { idle: None, most: Duration::from_secs(3600) };
        assert_eq!((all.start, all.limits), (true, limits));
        for (text, says) in [
            ("start = 1", "start"),
            ("idle_minutes = -1", "idle_minutes"),
            ("idle_minutes = 100000", "idle_minutes"),
            ("lock_minutes = 0", "lock_minutes"),
            ("hours = 8", "unknown key"),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
