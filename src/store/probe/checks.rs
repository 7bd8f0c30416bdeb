//! The checks that one writer can make.

use super::super::{Condition, Etag, MAX_METADATA, Metadata, StoreError, list_all};
use super::{Bench, Flaw, seen};

impl Bench<'_> {
    pub(super) async fn reads_what_was_written(&self) -> Result<(), Flaw> {
        let name = "read";
        let first = self.put(name, "first", Condition::None).await?;
        if !self.holds(name, "first").await? {
            return seen("an object that was just written is not there");
        }
        let second = self.put(name, "second", Condition::None).await?;
        let there = self.get(name).await?;
        if there.body != self.body("second") {
            return seen("a read after a write shows what was there before it");
        }
        if first == second || there.etag != second {
            return seen("the etag is not that of the newest write");
        }
        self.store.delete(&self.key(name), None).await?;
        match self.get(name).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => seen("an object that was just deleted is still there"),
        }
    }

    /// As much as S3 allows, in names and values like those of a vault's objects.
    pub(super) async fn keeps_metadata(&self) -> Result<(), Flaw> {
        let mut metadata: Metadata = vec![
            ("x-amz-c".to_owned(), "115".to_owned()),
            ("x-amz-3".to_owned(), "AbC+/dEf==".to_owned()),
            ("vault-h".to_owned(), r#"{"a":"b c","n":1,"op":"w"}"#.to_owned()),
        ];
        let name = "vault-s".to_owned();
        let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        let value = (b'A'..=b'z').filter(u8::is_ascii_alphanumeric).map(char::from).cycle();
        let value = value.take(MAX_METADATA - size - name.len()).collect();
        metadata.push((name, value));
        self.put_with("metadata", &metadata, "metadata", Condition::None).await?;
        let there = self.get("metadata").await?.metadata;
        for (name, value) in &metadata {
            // As readers look it up: in whatever case a store answers.
            match there.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)) {
                Some((_, found)) if found == value => {}
                Some((_, found)) => {
                    let (put, got) = (value.len(), found.len());
                    return seen(format!(
                        "the metadata entry {name} of {put} bytes came back changed, {got} bytes \
                         long"
                    ));
                }
                None => return seen(format!("the metadata entry {name} came back under no name")),
            }
        }
        Ok(())
    }

    pub(super) async fn lists_what_is_there(&self) -> Result<(), Flaw> {
        let prefix = self.key("list-");
        let list = || list_all(self.store, &prefix);
        self.put("list-a", "a", Condition::None).await?;
        self.put("list-b", "b", Condition::None).await?;
        if list().await? != [self.key("list-a"), self.key("list-b")] {
            return seen("a listing does not show exactly what was just written");
        }
        self.store.delete(&self.key("list-a"), None).await?;
        if list().await? != [self.key("list-b")] {
            return seen("a listing does not show exactly what a delete left");
        }
        Ok(())
    }

    pub(super) async fn creates_only(&self) -> Result<(), Flaw> {
        let name = "create";
        match self.put(name, "first", Condition::Absent).await {
            Err(StoreError::Conflict { .. }) if !self.holds(name, "first").await? => {
                return seen("a create-only write of what is not there is refused");
            }
            // The answer to an earlier attempt was lost.
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let refused = refused(self.put(name, "second", Condition::Absent).await)?;
        let there = self.holds(name, "first").await?;
        judge(refused, there, "a create-only write of what is there")
    }

    pub(super) async fn replaces_by_etag(&self) -> Result<(), Flaw> {
        let name = "replace";
        let first = self.put(name, "first", Condition::None).await?;
        let second = match self.put(name, "second", Condition::Matches(first.clone())).await {
            Err(StoreError::Conflict { .. }) if !self.holds(name, "second").await? => {
                return seen("a write with the right etag is refused");
            }
            // The answer to an earlier attempt was lost.
            Err(StoreError::Conflict { .. }) => self.get(name).await?.etag,
            answer => answer?,
        };
        if !self.holds(name, "second").await? {
            return seen("a write with the right etag is acknowledged, and did not happen");
        }
        let stale = refused(self.put(name, "stale", Condition::Matches(first)).await)?;
        let there = self.holds(name, "second").await?;
        judge(stale, there, "a write with the etag of an earlier version")?;
        let wrong = Condition::Matches(other_than(&second));
        let wrong = refused(self.put(name, "wrong", wrong).await)?;
        let there = self.holds(name, "second").await?;
        judge(wrong, there, "a write with an etag that never was")?;
        let name = "replace-missing";
        let missing = refused(self.put(name, "missing", Condition::Matches(second)).await)?;
        let there = self.holds(name, "missing").await?;
        judge(missing, !there, "a write with an etag where nothing is")
    }

    pub(super) async fn deletes_by_etag(&self) -> Result<(), Flaw> {
        let name = "delete";
        let first = self.put(name, "first", Condition::None).await?;
        let second = self.put(name, "second", Condition::None).await?;
        let delete = async |etag: &Etag| self.store.delete(&self.key(name), Some(etag)).await;
        let stale = refused(delete(&first).await)?;
        let there = self.holds(name, "second").await?;
        judge(stale, there, "a delete with the etag of an earlier version")?;
        match delete(&second).await {
            Err(StoreError::Conflict { .. }) => {
                return seen("a delete with the right etag is refused");
            }
            // The answer to an earlier attempt was lost.
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if self.holds(name, "second").await? {
            return seen("a delete with the right etag is acknowledged, and did not happen");
        }
        Ok(())
    }
}

/// Whether it was refused, for the reason that it should be.
fn refused<T>(answer: Result<T, StoreError>) -> Result<bool, Flaw> {
    match answer {
        Ok(_) => Ok(false),
        Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// On what should have been refused and have changed nothing.
fn judge(refused: bool, unchanged: bool, what: &str) -> Result<(), Flaw> {
    match (refused, unchanged) {
        (true, true) => Ok(()),
        (false, _) => seen(format!("{what} is accepted")),
        (true, false) => {
            seen(format!("{what} is refused, and has changed the object all the same"))
        }
    }
}

/// An etag of the same form: one that is malformed might be refused for that alone.
fn other_than(etag: &Etag) -> Etag {
    let other = |c| match c {
        '0'..='8' | 'a'..='e' | 'A'..='E' => char::from(c as u8 + 1),
        '9' | 'f' | 'F' => '0',
        c => c,
    };
    Etag(etag.0.chars().map(other).collect())
}
