//! Listings of random keys, against the definition of a listing written down naively.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vault::store::{Listing, Store};

use super::{dir, fill, memory, wait};

/// The names of a listing in their order: keys and common prefixes.
fn expected(keys: &BTreeSet<String>, listing: &Listing<'_>) -> Vec<String> {
    let names: BTreeSet<String> = keys
        .iter()
        .filter_map(|key| {
            let rest = key.strip_prefix(listing.prefix)?;
            let rolled = listing.delimiter.and_then(|d| rest.split_once(d).map(|(s, _)| (s, d)));
            Some(match rolled {
                Some((start, delimiter)) => format!("{}{start}{delimiter}", listing.prefix),
                None => key.clone(),
            })
        })
        .filter(|name| name.as_str() > listing.start_after)
        .collect();
    names.into_iter().collect()
}

/// The names that a store lists page by page.
async fn paged(store: &dyn Store, listing: &Listing<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut start_after = listing.start_after.to_owned();
    loop {
        let listing = Listing { start_after: &start_after, ..listing.clone() };
        let page = store.list(&listing).await.unwrap();
        let mut of_page = [page.keys, page.prefixes].concat();
        of_page.sort();
        if listing.limit > 0 {
            assert!(of_page.len() <= listing.limit);
        }
        names.extend(of_page);
        match page.next {
            Some(next) => start_after = next,
            None => return names,
        }
    }
}

fn agrees(store: &dyn Store, keys: &BTreeSet<String>, prefix: &str, start_after: &str) {
    wait(async {
        fill(store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for delimiter in [None, Some('/'), Some('-'), Some('b')] {
            let listing = Listing { prefix, delimiter, start_after, limit: 0 };
            let expected = expected(keys, &listing);
            for limit in 0..=expected.len() + 1 {
                let listing = Listing { limit, ..listing.clone() };
                assert_eq!(paged(store, &listing).await, expected, "{listing:?}");
            }
        }
    });
}

const KEYS: &str = "[ab/.-]{1,6}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn memory_lists_as_defined(
        keys in prop::collection::btree_set(KEYS, 0..20),
        prefix in "[ab/.-]{0,3}",
        start_after in "[ab/.-]{0,4}",
    ) {
        agrees(&memory().store, &keys, &prefix, &start_after);
    }

    #[test]
    fn dir_lists_as_defined(
        keys in prop::collection::btree_set(KEYS, 0..12),
        prefix in "[ab/.-]{0,3}",
        start_after in "[ab/.-]{0,4}",
    ) {
        agrees(&dir().store, &keys, &prefix, &start_after);
    }
}
