//! Whole listings, made of pages.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Listing, Page, Result, Store, StoreError};

/// More folders than this are not listed each by itself: most would be small.
const MAX_FOLDERS: usize = 200;

/// All keys below `prefix`, page by page.
///
/// # Errors
/// Those of [`Store::list`].
pub async fn list_all(store: &dyn Store, prefix: &str) -> Result<Vec<String>> {
    list_after(store, prefix, String::new()).await
}

/// All keys below `prefix`. Where that is more than a page, its folders are listed side by side,
/// at most `at_once` at the same time.
///
/// # Errors
/// Those of [`Store::list`].
pub async fn list_wide(store: &dyn Store, prefix: &str, at_once: usize) -> Result<Vec<String>> {
    let Page { keys, next, .. } = store.list(&Listing { prefix, ..Listing::default() }).await?;
    let mut keys = wanted(keys, prefix);
    let Some(next) = next else { return Ok(keys) };
    if keys.iter().any(|key| key[prefix.len()..].contains('/'))
        && let Some(level) = level(store, prefix).await?
    {
        let list = |folder: String| async move { list_all(store, &folder).await };
        let folders = stream::iter(level.prefixes).map(list);
        let below: Vec<_> = folders.buffered(at_once).try_collect().await?;
        let mut all = wanted(level.keys, prefix);
        all.extend(below.into_iter().flatten());
        all.sort();
        all.dedup();
        return Ok(all);
    }
    keys.extend(list_after(store, prefix, next).await?);
    Ok(keys)
}

/// What is right below `prefix`, if that fits a page and has several folders, but not too many.
async fn level(store: &dyn Store, prefix: &str) -> Result<Option<Page>> {
    let listing = Listing { prefix, delimiter: Some('/'), ..Listing::default() };
    let mut page = store.list(&listing).await?;
    page.prefixes = wanted(page.prefixes, prefix);
    let fits = page.next.is_none() && (2..=MAX_FOLDERS).contains(&page.prefixes.len());
    Ok(fits.then_some(page))
}

async fn list_after(store: &dyn Store, prefix: &str, start: String) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut keep = |page: Vec<String>| {
        keys.extend(page);
        true
    };
    list_pages(store, prefix, start, &mut keep).await?;
    Ok(keys)
}

/// The keys below `prefix` after `start`, a page at a time, until `next` has enough.
///
/// # Errors
/// Those of [`Store::list`].
pub async fn list_pages(
    store: &dyn Store,
    prefix: &str,
    start: String,
    next: &mut (dyn FnMut(Vec<String>) -> bool + Send),
) -> Result<()> {
    let mut start_after = start;
    loop {
        let listing = Listing { prefix, start_after: &start_after, ..Listing::default() };
        let page = store.list(&listing).await?;
        if !next(wanted(page.keys, prefix)) {
            return Ok(());
        }
        match page.next {
            Some(next) if next <= start_after => {
                let reason = "its listing goes round in circles".to_owned();
                return Err(StoreError::Damaged { key: prefix.to_owned(), reason, etag: None });
            }
            Some(next) => start_after = next,
            None => return Ok(()),
        }
    }
}

/// What was not asked for is not looked at: callers rely on the prefix.
fn wanted(mut names: Vec<String>, prefix: &str) -> Vec<String> {
    names.retain(|name| name.starts_with(prefix));
    names
}
