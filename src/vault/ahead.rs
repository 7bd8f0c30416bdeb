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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn an_answer_is_used_once_and_only_at_once() {
        let ahead = Ahead::default();
        let missing = || Err(StoreError::NotFound { key: "k".into() });
        ahead.keep("k".into(), missing());
        assert!(ahead.take("other").is_none());
        assert!(ahead.take("k").is_some());
        assert!(ahead.take("k").is_none());
        let then = Instant::now().checked_sub(FRESH).expect("the machine runs for longer");
        ahead.0.lock().unwrap().insert("k".into(), (then, missing()));
        assert!(ahead.take("k").is_none());
    }
}
