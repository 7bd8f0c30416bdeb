//! Answers that were asked for while the vault was being opened.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::store::{Object, Result};

/// How long an answer is as good as a new one.
const FRESH: Duration = Duration::from_secs(2);

/// Answers by key. Each is used at most once, and only at once.
#[derive(Default)]
pub(super) struct Ahead(Mutex<HashMap<String, (Instant, Result<Object>)>>);

impl Ahead {
    /// Keeps the answer to a get.
    pub fn keep(&self, key: String, got: Result<Object>) {
        self.0.lock().expect("no panic holds this lock").insert(key, (Instant::now(), got));
    }

    /// The answer for a key, if there is a fresh one.
    pub fn take(&self, key: &str) -> Option<Result<Object>> {
        let (since, got) = self.0.lock().expect("no panic holds this lock").remove(key)?;
        (since.elapsed() < FRESH).then_some(got)
    }
}
