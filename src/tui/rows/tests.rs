//! What the list makes of names and of what is known of them.

use super::search::SLICE;
use super::*;

fn rows(names: &[&str]) -> Rows {
    let mut rows = Rows::default();
    rows.append(names.iter().map(|n| Path::parse(n).unwrap()).collect());
    rows.finish();
    rows
}

fn shown(rows: &Rows) -> Vec<&str> {
    (0..rows.len()).map(|line| rows.get(line).unwrap().path.as_str()).collect()
}

fn known(time: u64) -> Meta {
    let access = Access {
        group: "main".into(),
        readers: vec![],
        admins: vec![],
        kms: None,
        may_read: true,
        may_write: true,
    };
    let (author, folder) = (None, Arc::new(access));
    Meta::Known(Known { n: 1, time, author, size: 1, folder, stale: false })
}

/// A search of many names goes on in slices and finds the same in the end.
#[test]
fn a_long_search_is_cut_into_slices() {
    let names: Vec<Path> =
        (0..3 * SLICE).map(|i| Path::parse(&format!("a/{i:06}")).unwrap()).collect();
    let mut rows = Rows::default();
    rows.append(names);
    rows.filter("a");
    assert!(rows.is_searching() && rows.len() == SLICE);
    // A longer query takes over what was not looked at.
    rows.filter("a1");
    rows.complete();
    let wanted = (0..3 * SLICE).filter(|i| format!("{i:06}").contains('1')).count();
    assert_eq!((rows.len(), rows.is_searching()), (wanted, false));
    rows.filter("a");
    rows.filter("");
    assert_eq!((rows.len(), rows.is_searching()), (3 * SLICE, false));
}

#[test]
fn folders_are_found_once_and_counted() {
    let rows = rows(&["a-b/x", "a/b/x", "a/b/y", "a/c", "b", "c/d/e/f"]);
    let found: Vec<_> =
        rows.folders().iter().map(|f| (f.name.as_str(), f.depth, f.count)).collect();
    let wanted =
        [("", 0, 6), ("a-b", 1, 1), ("a", 1, 3), ("a/b", 2, 2), ("c", 1, 1), ("c/d", 2, 1)];
    assert_eq!(found[..6], wanted);
    assert_eq!(found[6], ("c/d/e", 3, 1));
}

#[test]
fn the_filter_narrows_letter_by_letter_and_back() {
    let mut rows = rows(&["prod/db/password", "prod/web/key", "test/db/Ü", "test/pd"]);
    for (query, wanted) in [
        ("p", vec!["prod/db/password", "prod/web/key", "test/pd"]),
        ("pd", vec!["test/pd", "prod/db/password", "prod/web/key"]),
        ("pdb", vec!["prod/db/password", "prod/web/key"]),
        ("pdba", vec!["prod/db/password"]),
        ("db test", vec!["test/db/Ü"]),
        ("u", vec!["test/db/Ü"]),
        ("zz", vec![]),
        ("", vec!["prod/db/password", "prod/web/key", "test/db/Ü", "test/pd"]),
    ] {
        rows.filter(query);
        let mut found = shown(&rows);
        if query == "p" {
            found.sort_unstable();
        }
        assert_eq!(found, wanted, "{query}");
    }
}

#[test]
fn the_place_is_kept_over_a_reload() {
    let mut rows = rows(&["a", "b", "c"]);
    rows.go(1);
    let b = Path::parse("b").unwrap();
    rows.set_meta(&b, known(5));
    rows.replace(["0", "a", "b", "d"].map(|n| Path::parse(n).unwrap()).into());
    assert_eq!(rows.selected().unwrap().path, b);
    assert_eq!(rows.selected().unwrap().meta, known(5));
    assert_eq!(rows.find(&Path::parse("d").unwrap()).unwrap().meta, Meta::Unknown);
    rows.replace(["0"].map(|n| Path::parse(n).unwrap()).into());
    assert_eq!(rows.cursor(), 0);
    rows.replace(Vec::new());
    assert!(rows.selected().is_none());
}

#[test]
fn by_age_what_is_unknown_comes_last() {
    let mut rows = rows(&["a", "b", "c"]);
    rows.set_meta(&Path::parse("a").unwrap(), known(5));
    rows.set_meta(&Path::parse("c").unwrap(), known(9));
    rows.order(Sort::Newest);
    assert_eq!(shown(&rows), ["c", "a", "b"]);
    rows.order(Sort::Oldest);
    assert_eq!(shown(&rows), ["a", "c", "b"]);
}

#[test]
fn a_folder_covers_whole_segments() {
    let mut rows = rows(&["prod/a", "production/b", "x"]);
    rows.enter("prod");
    assert_eq!(shown(&rows), ["prod/a"]);
    rows.filter("b");
    assert!(rows.is_empty());
}

#[test]
fn only_what_is_seen_is_asked_for_once() {
    let mut rows = rows(&["a", "b", "c", "d"]);
    assert_eq!(rows.wanted(1..3, 10).len(), 2);
    assert!(rows.wanted(1..3, 10).is_empty());
    assert_eq!(rows.wanted(0..99, 1).len(), 1);
    rows.ask_again();
    assert_eq!(rows.wanted(0..99, 10).len(), 4);
}

#[test]
fn marks_are_counted_and_the_list_is_narrowed_to_one() {
    let marked = |stale, may_read| {
        let Meta::Known(mut known) = known(5) else { panic!() };
        let folder = Access { may_read, ..(*known.folder).clone() };
        (known.stale, known.folder) = (stale, Arc::new(folder));
        Meta::Known(known)
    };
    let mut rows = rows(&["a", "b/c", "b/d", "e"]);
    assert!(!rows.has_marks() && rows.places() == 2 && rows.marks().may_grow());
    let set = |rows: &mut Rows, name: &str, meta| rows.set_meta(&Path::parse(name).unwrap(), meta);
    set(&mut rows, "a", marked(true, true));
    set(&mut rows, "b/c", marked(false, false));
    // One sign each: what is locked cannot be changed here.
    set(&mut rows, "b/d", marked(true, false));
    assert_eq!((rows.marks().count(Mark::Stale), rows.marks().count(Mark::Locked)), (1, 2));
    assert_eq!(rows.places(), 4);
    rows.narrow(Mark::Locked);
    assert_eq!(shown(&rows), ["b/c", "b/d"]);
    rows.filter("d");
    assert_eq!(shown(&rows), ["b/d"]);
    rows.filter("");
    rows.go(1);
    set(&mut rows, "b/c", marked(false, true));
    set(&mut rows, "e", marked(false, false));
    assert!(!rows.marks().may_grow());
    rows.narrow_again();
    assert_eq!((shown(&rows), rows.cursor()), (vec!["b/d", "e"], 0));
    // The last one is gone: the place stays, empty, until somebody leaves it.
    set(&mut rows, "b/d", known(5));
    set(&mut rows, "e", known(5));
    rows.narrow_again();
    assert!(rows.is_empty() && rows.has_marks());
    rows.enter("");
    assert_eq!((rows.len(), rows.has_marks()), (4, true));
    set(&mut rows, "a", known(5));
    assert!(!rows.has_marks());
}
