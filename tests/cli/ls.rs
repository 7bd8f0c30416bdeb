use super::home::Home;

fn vault() -> Home {
    let home = Home::with_vault();
    for path in ["prod/db", "prod/db/password", "prod-x/a", "b", "ü/ö"] {
        home.put(path, "x");
    }
    home
}

#[test]
fn names_one_a_line_in_byte_order() {
    let home = vault();
    let all = ["b", "prod-x/a", "prod/db", "prod/db/password", "ü/ö"];
    assert_eq!(home.run(["ls"]).ok().lines(), all);
    assert_eq!(home.run(["ls", "prod"]).ok().lines(), ["prod/db", "prod/db/password"]);
    assert_eq!(home.run(["ls", "prod/"]).ok().lines(), ["prod/db", "prod/db/password"]);
    assert_eq!(home.run(["ls", "prod/db"]).ok().lines(), ["prod/db/password"]);
    assert!(home.run(["ls", "pro"]).ok().lines().is_empty());
    home.run(["ls", "/"]).fails(2, "begin");
    let json = home.run(["ls", "b", "--json"]).ok().json();
    assert_eq!(json, serde_json::json!([]));
    assert_eq!(home.run(["ls", "ü", "--json"]).ok().json(), serde_json::json!([{ "path": "ü/ö" }]));
}

#[test]
fn long_lines_come_from_signed_headers() {
    let home = vault();
    home.put("b", "y");
    let line = home.run(["ls", "-l"]).ok().lines()[0].clone();
    let cells: Vec<&str> = line.split('\t').collect();
    assert_eq!((cells[0], cells[2], cells[4]), ("2", "ann", "b"));
    let json = home.run(["ls", "-l", "--json"]).ok().json();
    assert_eq!((json[0]["version"].as_u64(), json[0]["op"].as_str()), (Some(2), Some("write")));
}

#[test]
fn a_tree_shows_each_folder_once() {
    let tree = vault().run(["ls", "--tree"]).ok().text();
    assert_eq!(tree, "b\nprod/\n  db\n  db/\n    password\nprod-x/\n  a\nü/\n  ö\n");
}

#[test]
fn deleted_ones_are_listed_apart() {
    let home = vault();
    home.run(["rm", "b"]).ok();
    home.run(["rm", "prod/db"]).ok();
    home.run(["purge", "ü/ö", "--yes"]).ok();
    assert_eq!(home.run(["ls"]).ok().lines(), ["prod-x/a", "prod/db/password"]);
    assert_eq!(home.run(["ls", "--deleted"]).ok().lines(), ["b", "prod/db"]);
    assert_eq!(home.run(["ls", "--deleted", "prod", "-l"]).ok().lines().len(), 1);
}
