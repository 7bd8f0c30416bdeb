//! The store in a directory: its files, and what others may do to them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vault::store::{Condition, DirStore, Etag, Listing, Metadata, Store, StoreError, list_all};

use super::{Fixture, dir, fill, metadata, wait};

/// A fresh store and its path.
fn open() -> (Fixture<DirStore>, std::path::PathBuf) {
    let fixture = dir();
    let root = fixture._keep.as_ref().unwrap().path().join("store");
    (fixture, root)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn create_makes_and_open_needs_the_marker() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("new/store");
    assert!(matches!(DirStore::open(&root), Err(StoreError::Missing { .. })));
    DirStore::create(&root).unwrap();
    assert_eq!(fs::read_to_string(root.join("vault-store")).unwrap(), "vault-dir/1\n");
    wait(fill(&DirStore::create(&root).unwrap(), &["k"]));
    assert_eq!(wait(list_all(&DirStore::open(&root).unwrap(), "")).unwrap(), ["k"]);

    fs::write(root.join("vault-store"), "vault-dir/2\n").unwrap();
    assert!(matches!(DirStore::open(&root), Err(StoreError::Damaged { .. })));
    assert!(matches!(DirStore::create(&root), Err(StoreError::Damaged { .. })));
    fs::remove_file(root.join("vault-store")).unwrap();
    assert!(matches!(DirStore::open(&root), Err(StoreError::Missing { .. })));
    assert!(matches!(DirStore::create(&root), Err(StoreError::Invalid { .. })));

    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(DirStore::open(&file), Err(StoreError::Missing { .. })));
    let empty = temp.path().join("empty");
    fs::create_dir(&empty).unwrap();
    DirStore::create(&empty).unwrap();
}

#[test]
fn only_the_user_can_read() {
    let (fixture, root) = open();
    wait(fill(&fixture.store, &["a/b", "a/b"]));
    for dir in ["", "tmp", "a.d"] {
        assert_eq!(mode(&root.join(dir)), 0o700, "{dir}");
    }
    for file in ["vault-store", "lock", "a.d/b.o"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
}

#[test]
fn the_file_is_as_documented() {
    let (fixture, root) = open();
    let entries = metadata(&[("B-Name", "x: y"), ("a", "")]);
    let etag = wait(fixture.store.put("k", &entries, b"body\n", &Condition::None)).unwrap();
    let text = fs::read_to_string(root.join("k.o")).unwrap();
    assert_eq!(text, format!("vault-object/1\netag: {}\nb-name: x: y\na: \n\nbody\n", etag.0));
    assert_eq!(etag.0.len(), 32);
}

#[test]
fn a_head_may_end_anywhere() {
    let (fixture, _root) = open();
    // Around 4096 bytes, where the first read of the file ends.
    let short: Vec<_> = (0..665).map(|i| (format!("{i:03}"), String::new())).collect();
    for pad in 48..54 {
        let mut entries = short.clone();
        entries[0].1 = "p".repeat(pad);
        for body in [&b""[..], b"\n", b"body"] {
            wait(fixture.store.put("k", &entries, body, &Condition::None)).unwrap();
            let object = wait(fixture.store.get("k", 9)).unwrap();
            assert!(object.body == body && object.metadata == entries, "{pad}");
        }
    }
}

#[test]
fn nothing_is_left_behind() {
    let (fixture, root) = open();
    let store = &fixture.store;
    wait(fill(store, &["a/b/c/d", "a/x"]));
    let conflict = wait(store.put("a/x", &Metadata::new(), b"", &Condition::Absent));
    assert!(conflict.is_err());
    wait(store.delete("a/b/c/d", None)).unwrap();
    assert!(!root.join("a.d/b.d").exists() && root.join("a.d/x.o").exists());
    wait(store.delete("a/x", None)).unwrap();
    assert!(!root.join("a.d").exists());
    assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_cut_file_is_damaged_or_a_cut_body() {
    let (fixture, root) = open();
    let entries = metadata(&[("vault-h", "text"), ("x", "1")]);
    wait(fixture.store.put("k", &entries, b"the body", &Condition::None)).unwrap();
    let whole = fs::read(root.join("k.o")).unwrap();
    let head = whole.len() - "the body".len();
    for length in 0..=whole.len() {
        fs::write(root.join("k.o"), &whole[..length]).unwrap();
        match wait(fixture.store.get("k", 99)) {
            Ok(object) => {
                assert!(length >= head);
                assert_eq!(object.body, &whole[head..length]);
                assert_eq!(object.metadata, entries);
            }
            Err(error) => {
                assert!(length < head);
                assert!(matches!(error, StoreError::Damaged { .. }), "{length}: {error:?}");
            }
        }
    }
}

#[test]
fn garbage_is_damaged_and_can_be_removed() {
    let (fixture, root) = open();
    let store = &fixture.store;
    let etag = "etag: 0123456789abcdef0123456789abcdef\n";
    let upper = etag.to_uppercase().replace("ETAG", "etag");
    let current = Condition::Matches(Etag("0123456789abcdef0123456789abcdef".to_owned()));
    let garbage = [
        "\n\n".to_owned(),
        "garbage".repeat(100_000),
        "\u{e9}\n\n".to_owned(),
        "vault-object/1\n\n".to_owned(),
        "vault-object/1\netag: short\n\n".to_owned(),
        format!("vault-object/2\n{etag}\n"),
        format!("vault-object/1\r\n{etag}\n"),
        format!("vault-object/1\n{upper}\n"),
        format!("vault-object/1\n{etag}no colon\n\n"),
        format!("vault-object/1\n{etag}Name: value\n\n"),
        format!("vault-object/1\n{etag}name: one\nname: two\n\n"),
        format!("vault-object/1\n{etag}name: tab\t\n\n"),
        format!("vault-object/1\n{etag}name: {}\n\n", "v".repeat(2048)),
        format!("vault-object/1\n{etag}name: {}\n\n", "v".repeat(17_000)),
    ];
    for text in garbage {
        fs::write(root.join("k.o"), &text).unwrap();
        let got = wait(store.get("k", 9)).map(|_| ());
        let Err(StoreError::Damaged { etag: Some(etag), .. }) = got else {
            panic!("{text:.60}: {got:?}");
        };
        let put = wait(store.put("k", &Metadata::new(), b"", &current));
        assert!(matches!(put, Err(StoreError::Conflict { .. })), "{put:?}");
        // What it tells of the damaged file lets one writer replace it.
        let matches = Condition::Matches(etag);
        wait(store.put("k", &Metadata::new(), b"", &matches)).unwrap();
        let again = wait(store.put("k", &Metadata::new(), b"", &matches));
        assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    }
    wait(store.delete("k", None)).unwrap();
    assert!(matches!(wait(store.head("k")), Err(StoreError::NotFound { .. })));
}

#[test]
fn links_and_foreign_files_are_no_objects() {
    let (fixture, root) = open();
    let store = &fixture.store;
    wait(fill(store, &["real/k"]));
    symlink("real.d/k.o", root.join("link.o")).unwrap();
    symlink("real.d", root.join("link.d")).unwrap();
    fs::create_dir(root.join("folder.o")).unwrap();
    fs::write(root.join("file.d"), "").unwrap();
    fs::write(root.join("foreign"), "").unwrap();
    fs::write(root.join("real.d/foreign.txt"), "").unwrap();
    fs::write(root.join("tmp/left.o"), "").unwrap();
    fs::create_dir_all(root.join("empty.d/empty.d")).unwrap();
    fs::write(root.join("empty.d/foreign"), "").unwrap();
    fs::write(root.join("empty.d/line\nbreak.o"), "").unwrap();
    assert!(Command::new("mkfifo").arg(root.join("pipe.o")).status().unwrap().success());

    assert_eq!(wait(list_all(store, "")).unwrap(), ["real/k"]);
    assert!(wait(list_all(store, "link/")).unwrap().is_empty());
    let folders = Listing { delimiter: Some('/'), ..Listing::default() };
    assert_eq!(wait(store.list(&folders)).unwrap().prefixes, ["real/"]);
    for key in ["link", "link/k", "folder", "file/k", "pipe"] {
        let got = wait(store.get(key, 99)).map(|_| ());
        assert!(matches!(got, Err(StoreError::Damaged { .. })), "{key}: {got:?}");
    }
    // A write takes the place of the link, and never goes through it.
    let through = wait(store.put("link/k", &Metadata::new(), b"", &Condition::None));
    assert!(matches!(through, Err(StoreError::Damaged { .. })), "{through:?}");
    wait(fill(store, &["link"]));
    assert_eq!(wait(store.get("real/k", 9)).unwrap().body, b"real/k");
    assert_eq!(wait(store.get("link", 9)).unwrap().body, b"link");
}

#[test]
fn segments_too_long_for_a_file_name_are_refused() {
    let (fixture, _root) = open();
    let (fits, long) = ("s".repeat(250), "s".repeat(251));
    wait(fill(&fixture.store, &[&fits, &format!("{fits}/k")]));
    for key in [&long, &format!("{long}/k")] {
        let refused = wait(fixture.store.head(key));
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
}

#[test]
fn old_temporary_files_are_swept() {
    let (fixture, root) = open();
    fs::write(root.join("tmp/left"), "half an obj").unwrap();
    let sweep = |seconds| fixture.store.sweep_temp(Duration::from_secs(seconds)).unwrap();
    assert_eq!(sweep(3600), 0);
    assert_eq!(sweep(0), 1);
    assert_eq!(sweep(0), 0);
    fs::remove_dir(root.join("tmp")).unwrap();
    assert_eq!(sweep(0), 0);
    wait(fill(&fixture.store, &["k"]));
}

#[test]
fn writers_survive_the_pruning_of_their_folder() {
    let (fixture, root) = open();
    let store = &fixture.store;
    std::thread::scope(|scope| {
        for key in ["f/g/a", "f/g/b", "f/g/c", "f/g/d"] {
            scope.spawn(move || {
                for condition in [Condition::Absent, Condition::None].iter().cycle().take(60) {
                    wait(store.put(key, &Metadata::new(), b"", condition)).unwrap();
                    wait(store.delete(key, None)).unwrap();
                }
            });
        }
    });
    assert!(!root.join("f.d").exists());
}

#[test]
fn a_directory_without_permission_is_denied() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: permissions do not hold for root");
        return;
    }
    let (fixture, root) = open();
    wait(fill(&fixture.store, &["a/k"]));
    fs::set_permissions(root.join("a.d"), Permissions::from_mode(0o500)).unwrap();
    let put = wait(fixture.store.put("a/new", &Metadata::new(), b"", &Condition::Absent));
    let delete = wait(fixture.store.delete("a/k", None));
    fs::set_permissions(root.join("a.d"), Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(put, Err(StoreError::Denied { .. })), "{put:?}");
    assert!(matches!(delete, Err(StoreError::Denied { .. })), "{delete:?}");
    assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
}

/// A mounted file system, unmounted in the end.
struct Mount(tempfile::TempDir);

impl Mount {
    /// Mounts it, or says why the test is skipped.
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(dir.path());
        if mount.output().is_ok_and(|done| done.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("skipped: cannot mount a tmpfs here");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_leaves_the_old_object() {
    let Some(mount) = Mount::tmpfs("size=64k") else { return };
    let root = mount.0.path().join("store");
    let store = DirStore::create(&root).unwrap();
    wait(fill(&store, &["k"]));
    for condition in [Condition::None, Condition::Matches(wait(store.head("k")).unwrap().etag)] {
        let full = wait(store.put("k", &Metadata::new(), &[7; 100_000], &condition));
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
    }
    assert_eq!(wait(store.get("k", 9)).unwrap().body, b"k");
    assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
    wait(fill(&store, &["k2"]));
}

#[test]
fn a_read_only_disk_can_be_read_only() {
    let Some(mount) = Mount::tmpfs("size=1m") else { return };
    let root = mount.0.path().join("store");
    wait(fill(&DirStore::create(&root).unwrap(), &["a/k"]));
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(mount.0.path()).status();
    assert!(remount.unwrap().success());
    let store = DirStore::open(&root).unwrap();
    assert_eq!(wait(list_all(&store, "")).unwrap(), ["a/k"]);
    assert_eq!(wait(store.get("a/k", 9)).unwrap().body, b"a/k");
    let refused = [
        wait(store.put("a/k", &Metadata::new(), b"", &Condition::None)).map(|_| ()),
        wait(store.delete("a/k", None)),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Denied { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_directory_that_goes_away_is_not_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("store");
    let store = DirStore::create(&at).unwrap();
    store.put("a", &Vec::new(), b"1", &Condition::None).await.unwrap();
    assert!(matches!(store.get("b", 10).await, Err(StoreError::NotFound { .. })));
    std::fs::remove_dir_all(&at).unwrap();
    assert!(matches!(store.get("a", 10).await, Err(StoreError::Missing { .. })));
    assert!(matches!(store.head("b").await, Err(StoreError::Missing { .. })));
}
