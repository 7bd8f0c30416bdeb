//! The folder tree: from a group key to the wrapping key of a path.

use serde_json::{Value, json};
use vault::core::cipher::hmac;
use vault::core::header::GroupGen;
use vault::core::secret::Key;
use vault::core::text::{hex, lps};
use vault::keys::local::Tree;

use super::world::{child, group, path, root, seed, vault};
use super::{Cases, Suite, array, changed, number, text};

pub const SUITE: Suite = Suite {
    name: "tree",
    about: "Folder tree: GK -> root -> dir ... -> leaf, the S3EC raw AES key of a path",
    members: &["vault", "group", "gen", "gk", "path", "root", "dirs", "leaf"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let group = GroupGen { group: text(case, "group").into(), generation: number(case, "gen") };
    let tree = Tree::new(array(case, "vault"), group, &Key::new(array(case, "gk")));
    let leaf = hex(tree.leaf(&path(text(case, "path"))).unwrap().bytes());
    if leaf != text(case, "leaf") {
        return Err("another leaf".into());
    }
    let again = describe(text(case, "group"), number(case, "gen"), text(case, "path"));
    for member in ["root", "dirs", "leaf"] {
        assert_eq!(again[member], case[member], "{member}");
    }
    Ok(())
}

fn describe(group: &str, generation: u64, path: &str) -> Value {
    let gk = seed(&format!("gk {group}.{generation}"));
    let root = root(&vault(), group, generation, &gk);
    let segments: Vec<&str> = path.split('/').collect();
    let (last, folders) = segments.split_last().unwrap();
    let (mut key, mut dirs) = (root.duplicate(), Vec::new());
    for folder in folders {
        key = child(&key, "vault/v1/dir", folder);
        dirs.push(hex(key.bytes()));
    }
    json!({
        "name": format!("{group}.{generation} {path}"), "vault": hex(&vault()), "group": group,
        "gen": generation, "gk": hex(&gk), "path": path, "root": hex(root.bytes()), "dirs": dirs,
        "leaf": hex(child(&key, "vault/v1/leaf", last).bytes()),
    })
}

fn make() -> Cases {
    let good: Vec<Value> = [
        ("main", 1, "prod/db/password"),
        ("main", 1, "prod/db"),
        ("main", 1, "prod"),
        ("main", 2, "prod/db/password"),
        ("pay", 1, "prod/db/password"),
        ("main", 1, "größe/日本語/пароль"),
        ("main", 1, "a b/c\\d/\u{1f511}"),
        ("main", 4096, "a/b/c/d/e/f/g/h/i/j/k"),
    ]
    .into_iter()
    .map(|(group, generation, path)| describe(group, generation, path))
    .collect();
    let first = &good[0];
    let wrong = "another leaf";
    let leaf = |case: &Value| case["leaf"].clone();
    let swap = |name: &str, other: &Value| changed(first, name, wrong, &[("leaf", leaf(other))]);
    let g = root(&vault(), "main", 1, &seed("gk main.1"));
    let joined = child(&g, "vault/v1/leaf", "prod/db/password");
    let dirs =
        ["prod", "db", "password"].iter().fold(g.duplicate(), |k, s| child(&k, "vault/v1/dir", s));
    let leaves =
        ["prod", "db", "password"].iter().fold(g.duplicate(), |k, s| child(&k, "vault/v1/leaf", s));
    let short = ["prod", "db", "password"].iter().enumerate().fold(g.duplicate(), |k, (i, s)| {
        let label: &[u8] = if i == 2 { b"vault/v1/leaf" } else { b"vault/v1/dir" };
        hmac(k.bytes(), &[label, &lps(&[s.as_bytes()])])
    });
    let key = |k: &Key| Value::from(hex(k.bytes()));
    let bad = vec![
        swap("the folder's own leaf", &good[1]),
        swap("of another generation", &good[3]),
        swap("of another group", &good[4]),
        changed(first, "of another vault", wrong, &[("vault", hex(&seed("other vault")).into())]),
        changed(first, "of another group key", wrong, &[("gk", hex(&seed("other gk")).into())]),
        changed(first, "the whole path as one segment", wrong, &[("leaf", key(&joined))]),
        changed(first, "dir at the end too", wrong, &[("leaf", key(&dirs))]),
        changed(first, "leaf all the way", wrong, &[("leaf", key(&leaves))]),
        changed(first, "HMAC-SHA256", wrong, &[("leaf", key(&short))]),
        changed(
            first,
            "the group key as root",
            wrong,
            &[(
                "leaf",
                key(&{
                    let gk = Key::new(seed("gk main.1"));
                    child(
                        &child(&child(&gk, "vault/v1/dir", "prod"), "vault/v1/dir", "db"),
                        "vault/v1/leaf",
                        "password",
                    )
                }),
            )],
        ),
    ];
    assert_eq!(group("main.1").generation, 1);
    (good, bad)
}
