//! Listings. Amazon S3 sorts by bytes. Some others walk a tree of directories, so that all of
//! `a/` comes before `a-b`, though `-` sorts before `/`; if a page ended there and the next one
//! began behind the last name, keys would be lost without a word. So away from Amazon a page
//! ends early, and a listing begins late, only where the two orders are the same: names differ
//! in them only where one has a `/` and the other a character that sorts before it.

use std::borrow::Cow;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

use super::super::rules::check_key;
use super::super::{Listing, MAX_KEY, Page, Result, StoreError};
use super::S3Store;

/// As many as S3 gives in one answer.
const PAGE: usize = 1000;

/// One page. Without a limit that is an answer of Amazon's, or everything where the order is not
/// certain.
pub(super) async fn page(store: &S3Store, listing: &Listing<'_>) -> Result<Page> {
    let prefix = format!("{}{}", store.prefix, listing.prefix);
    if !prefix.is_empty() && check_key(&prefix).is_err() {
        // No key begins with what no key may hold.
        return Ok(Page::default());
    }
    let in_order = store.options.endpoint_s3.is_none();
    let limit = match listing.limit {
        // Where a page can end anywhere, whoever asks sees names as they come.
        0 if in_order => PAGE,
        0 => usize::MAX,
        limit => limit,
    };
    let (mut page, mut continuation) = (Page::default(), None);
    loop {
        let answer = ask(store, listing, &prefix, continuation.clone()).await?;
        let found = answer.contents().iter().filter_map(|object| object.key());
        page.keys.extend(names(store, listing, &answer, found)?);
        let found = answer.common_prefixes().iter().filter_map(|found| found.prefix());
        page.prefixes.extend(names(store, listing, &answer, found)?);
        if answer.is_truncated() != Some(true) {
            return Ok(cut(page, limit, false));
        }
        if page.keys.len() + page.prefixes.len() >= limit {
            let last = page.keys.iter().chain(&page.prefixes).max();
            let flat = last.is_some_and(|last| !last[listing.prefix.len()..].contains('/'));
            if in_order || flat {
                return Ok(cut(page, limit, true));
            }
        }
        let next = answer.next_continuation_token().map(str::to_owned);
        if next.is_none() || next == continuation {
            return Err(damaged(&prefix, "its listing goes round in circles"));
        }
        continuation = next;
    }
}

/// The first `limit` names in order; there may be `more` than were found.
fn cut(mut page: Page, limit: usize, mut more: bool) -> Page {
    page.keys.sort();
    page.keys.dedup();
    page.prefixes.sort();
    page.prefixes.dedup();
    while page.keys.len() + page.prefixes.len() > limit {
        more = true;
        if page.keys.last() > page.prefixes.last() {
            page.keys.pop()
        } else {
            page.prefixes.pop()
        };
    }
    page.next = page.keys.last().max(page.prefixes.last()).filter(|_| more).cloned();
    page
}

/// Where the service may begin: at the start that was asked for, or before it if the order of
/// that service is not certain, see above. There, a name before the start may also be a
/// directory that is left out as a whole, so the last character goes as well.
fn start<'a>(listing: &Listing<'a>, in_order: bool) -> &'a str {
    let start = listing.start_after;
    // What is behind this cut is filtered out of the answer.
    let start = &start[..start.floor_char_boundary(MAX_KEY / 2)];
    if in_order {
        return start;
    }
    let Some(rest) = start.strip_prefix(listing.prefix) else { return "" };
    let flat = rest.split(|c| c <= '/').next().unwrap_or_default();
    let last = flat.chars().next_back().map_or(0, char::len_utf8);
    match flat.len() - last {
        0 => "",
        length => &start[..listing.prefix.len() + length],
    }
}

async fn ask(
    store: &S3Store,
    listing: &Listing<'_>,
    prefix: &str,
    continuation: Option<String>,
) -> Result<ListObjectsV2Output> {
    let limit = if listing.limit == 0 { PAGE } else { listing.limit.min(PAGE) };
    let start = start(listing, store.options.endpoint_s3.is_none());
    let list = store
        .client
        .list_objects_v2()
        .bucket(&store.bucket)
        .prefix(prefix)
        .set_delimiter(listing.delimiter.map(String::from))
        .max_keys(limit as i32)
        // XML has no way to write most control characters.
        .encoding_type(EncodingType::Url)
        .set_start_after((!start.is_empty()).then(|| format!("{}{start}", store.prefix)))
        .set_continuation_token(continuation)
        .set_request_payer(store.payer())
        .set_expected_bucket_owner(store.owner());
    let request = store.request("s3:ListBucket", "");
    list.send().await.map_err(|error| request.failed(error))
}

/// The names that were asked for, without the store's prefix.
fn names<'a>(
    store: &S3Store,
    listing: &Listing<'_>,
    answer: &ListObjectsV2Output,
    found: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>> {
    let encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let mut names = Vec::new();
    for found in found {
        let found = if encoded { decode(found)? } else { Cow::Borrowed(found) };
        let inside = found.strip_prefix(store.prefix.as_str());
        names.extend(
            inside
                .filter(|name| name.starts_with(listing.prefix) && *name > listing.start_after)
                .map(str::to_owned),
        );
    }
    Ok(names)
}

/// As in a form: `+` is a space.
fn decode(text: &str) -> Result<Cow<'_, str>> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let owned = decoded.map(|text| Cow::Owned(text.into_owned()));
    owned.map_err(|_| damaged(text, "its name is not UTF-8"))
}

fn damaged(key: &str, reason: &str) -> StoreError {
    StoreError::Damaged { key: key.to_owned(), reason: reason.to_owned(), etag: None }
}
