//! What is refused, before anything is written and without a word of what it holds.

use std::fs;

use super::{Importer, SAMPLES, age_key, sample};
use crate::cli::home::{Ran, finish};

/// A file of this name and text; the vault stays empty.
#[track_caller]
fn refused(name: &str, text: &[u8], flags: &[&str], code: i32, says: &str) {
    let importer = Importer::new();
    let file = importer.0.path().join(name);
    fs::write(&file, text).unwrap();
    nothing(&importer, importer.import(&[&[file.to_str().unwrap()], flags].concat()), code, says);
}

#[track_caller]
fn nothing(importer: &Importer, ran: Ran, code: i32, says: &str) {
    let ran = ran.fails(code, says);
    for value in ["made-up-", "geheim", "GEZDGNBV"] {
        assert!(!ran.stderr.contains(value), "a value is shown: {}", ran.stderr);
    }
    assert!(importer.0.run(["ls"]).ok().text().is_empty());
}

#[test]
fn unknown_and_broken_files_are_refused() {
    for (name, text, code, says) in [
        ("empty.json", &b""[..], 2, "the file is empty"),
        ("empty", b" \n", 2, "the file is empty"),
        ("words", b"geheim and more words\n", 2, "--format says which it is: dotenv, "),
        ("bytes", b"\xff\xfd\0geheim", 2, "no format that is known"),
        ("a.csv", b"\xff\xfeg\0e\0h\0e\0i\0m\0", 2, "save it as UTF-8"),
        ("a", b"\xfe\xff\0g\0e\0h\0e\0i\0m", 2, "the file is UTF-16"),
        ("a.json", b"{\"a\": \"geheim", 2, "line 1, column 8 of the JSON"),
        ("a.json", b"{\"a\":\"1\",\n\"a\":\"geheim\"}", 2, "line 2"),
        ("a.json", b"\"geheim\"", 2, "one value, and no names"),
        ("a.json", b"{}", 2, "nothing in it"),
        ("a.yaml", b"a: 'geheim\n", 2, "of the YAML"),
        ("a.yaml", b"a: 1\n---\nb: geheim\n", 2, "a second document"),
        ("a.csv", b"geheim,b\nc,d\n", 2, "no table that is known"),
        ("a.csv", b"name,url,username,password\na,b,c\n", 2, "line 2 of the table: 3 cells in 4"),
        ("a.csv", b"name,url,username,password\na,b,c,\"geheim\n", 2, "a quote in the table"),
        ("a.csv", b"path,field,type,value,b64\na,b,secret,,geheim\n", 2, "not base64"),
        (".env", b"A=1\nB='geheim\n", 2, "line 2"),
        ("a.1pux", b"PK\x03\x04geheim", 2, "the zip is damaged"),
        ("a.1pux", b"geheim", 2, "the zip is damaged"),
        ("a.kdbx", b"geheim", 2, "--source-passphrase-fd"),
    ] {
        refused(name, text, &["--no-input"], code, says);
    }
    let importer = Importer::new();
    importer.import(&["missing.json"]).fails(3, "there is no file missing.json");
    importer.import(&["-", "a//b"]).fails(2, "empty segment");
    importer.import(&[]).fails(2, "<SOURCE>");
    importer.import(&["-", "--format", "xml"]).fails(2, "invalid value 'xml'");
    fs::create_dir(importer.0.path().join("folder")).unwrap();
    importer.import(&["folder"]).fails(3, "no .gpg file");
    importer.import(&["s3://bucket/a/"]).fails(2, "--kms KEY");
    // A flag that has nothing to do is a mistake.
    for (name, flag, says) in [
        ("own.csv", ["--age-identity", "x"], "--age-identity is for files of sops"),
        ("own.csv", ["--key-file", "x"], "--key-file is for databases of KeePass"),
        ("sops.env", ["--kms", "x"], "--kms is for buckets"),
    ] {
        nothing(&importer, importer.sample(name, &flag), 2, says);
    }
}

/// A value without quotes goes on in the next lines: none is taken for a name that is left out.
#[test]
fn lines_without_a_value_are_refused_and_not_shown() {
    for (name, text, flags, says) in [
        ("a.env", "KEY=-----BEGIN\nmade-up-geheim\nEND\n", &[][..], "line 2"),
        ("a.env", "KEY=-----BEGIN\nGEZDGNBV\nEND\n", &[], "line 2: no `=`"),
        ("a.env", "A=1\nexport GEZDGNBV\n", &[], "line 2: no `=`"),
        ("a.env", "A=1\nGEZDGNBV battery staple\n", &[], "line 2"),
        ("a.env", "A=1\nGEZDGNBV='\n", &[], "line 2"),
        ("a.list", "A=1\nGEZDGNBV\n", &["-f", "docker-env"], "line 2: no `=`"),
        ("a.list", "A=1\nGEZDGNBV x\n", &["-f", "docker-env"], "line 2"),
        ("a.list", "A=1\nGEZDGNBV\n", &["-f", "github"], "line 2"),
        ("a", "A=1\nGEZDGNBV\n", &[], "line 2"),
        ("a", "GEZDGNBV\nother\n", &[], "no format that is known"),
        ("shadow", "ann:$apr1$GEZDGNBV:\n", &[], "no format that is known"),
        ("shadow", "ann:$6$GEZDGNBV:19000:0:::\nbob:$6$geheim:1:::\n", &[], "no format"),
        ("a.yaml", "GEZDGNBV:\ngeheim: ''\n", &[], ""),
    ] {
        let importer = Importer::new();
        let file = importer.0.path().join(name);
        fs::write(&file, text).unwrap();
        let ran = importer.import(&[&[file.to_str().unwrap(), "--dry-run"], flags].concat());
        assert!(ran.code == 2 || name == "a.yaml", "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{text}: {}", ran.stderr);
        assert!(!ran.stderr.contains("GEZDGNBV") && !ran.text().contains("GEZDGNBV"), "{text}");
    }
}

/// What is left out of tables and YAML is named by its line.
#[test]
fn what_is_left_out_is_named_by_its_line() {
    let importer = Importer::new();
    for (name, text, says) in [
        ("a.csv", "path,field,type,value,b64\na,b,GEZDGNBV,x,\n", "the type in line 2"),
        ("a.csv", "path,field,type,value,b64\nGEZDGNBV2,GEZDGNBV,y,x,\n", "the type in line 2"),
        ("b.csv", "name,url,username,password\na,,b,c\nGEZDGNBV,,,\n", "line 3: nothing in it"),
        ("a.yaml", "a: 1\nGEZDGNBV:\nb: 2\n", "line 2: there is no value"),
        ("a", "a: 1\nb:\n  - c\n  - x:$1$GEZDGNBV:\nd: 2\n", "line 4: there is no value"),
        ("own.json", OWN_TYPE, "the type of a#b: it becomes secret"),
    ] {
        let file = importer.0.path().join(name);
        fs::write(&file, text).unwrap();
        let ran = importer.import(&[file.to_str().unwrap(), "--dry-run"]).ok();
        assert!(ran.stderr.contains(says), "{text}: {}", ran.stderr);
        assert!(!ran.stderr.contains("GEZDGNBV"), "{text}: {}", ran.stderr);
    }
}

const OWN_TYPE: &str = r#"{"path": "a", "version": 1,
    "fields": [{"name": "b", "type": "GEZDGNBV", "value": "x"}]}"#;

/// What would be lost without a word.
#[test]
fn exports_and_manifests_that_are_not_understood_are_refused() {
    let own =
        r#"{"path": "a", "version": 1, "fields": [{"name": "b", "type": "text", "value": "x"}]}"#;
    let list = r#"{"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "one"}, "stringData": {"A": "1"}},
        {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "two"}, "data": {"A": "MQ=="}}]}"#;
    for (text, says) in [
        (
            own.replace("\"version\"", "\"more\": \"geheim\", \"version\""),
            "a member that is unknown",
        ),
        (own.replace("\"type\"", "\"more\": \"geheim\", \"type\""), "a member that is unknown"),
        (
            own.replace("\"version\"", "\"value\": \"geheim\", \"version\""),
            "both fields and a value",
        ),
        (own.replace("[{", "[3, {"), "a field that is no map"),
        (list.replace("[\n", "[{\"kind\": \"ConfigMap\"},\n"), "item 1 of the list: not a Secret"),
        (list.replace("{\"name\": \"two\"}", "{}"), "item 2 of the list: it has no name"),
        (list.replace("MQ==", "geheim"), "item 2 of the list: data/A: not base64"),
    ] {
        assert_ne!((text.as_str() == own, text.as_str() == list), (true, true));
        refused("a.json", text.as_bytes(), &[], 2, says);
    }
    let importer = Importer::new();
    let yaml = list.replace("\"items\"", "items");
    for (folder, text) in [("json", list), ("yaml", yaml.as_str())] {
        importer.0.run_with(["import", "-", folder], text.as_bytes()).ok();
        assert_eq!(importer.0.run(["ls", folder]).ok().lines().len(), 2);
        assert_eq!(importer.0.get(&format!("{folder}/two/A")), "1");
    }
    // YAML would take the tab for a mistake, and the escape for another one.
    let tabs = list.replace("        ", "\t\t").replace("MQ==", "MQ\\u003d=");
    importer.0.run_with(["import", "-", "tabs"], tabs.as_bytes()).ok();
    assert_eq!(importer.0.get("tabs/two/A"), "1");
    let ran =
        importer.0.run_with(["import", "-", "empty"], br#"{"a": "1", "b": {}, "c": {"d": []}}"#);
    for left in ["not imported: b: an empty map", "not imported: c/d: an empty list"] {
        assert!(ran.stderr.contains(left), "{}", ran.stderr);
    }
    ran.ok();
}

/// What does not fit into one secret is found before anything is written.
#[test]
fn what_is_too_large_is_refused() {
    let importer = Importer::new();
    for (value, code) in [("x".repeat(15 << 20), 0), ("\\u0001".repeat(3 << 20), 2)] {
        let text = format!("{{\"a\": \"small\", \"b\": \"{value}\"}}");
        let ran = importer.0.run_with(["import", "-", "in"], text.as_bytes());
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let says = ran.stderr.contains("in/b is larger than 16 MiB as it is stored");
        assert_eq!(says, code == 2, "{}", ran.stderr);
        assert_eq!(importer.0.run(["ls"]).ok().lines().len(), 2, "those of the first");
    }
}

/// Cut after each of many lengths, every sample is refused or has fewer secrets: nothing panics,
/// and nothing is made up.
#[test]
fn files_that_end_early_do_no_harm() {
    let importer = Importer::new();
    for (name, flags) in SAMPLES {
        let text = fs::read(sample(name)).unwrap();
        let whole = importer.sample(name, &[flags, &["--dry-run"]].concat()).ok().lines().len();
        for cut in [1, text.len() / 3, text.len() / 2, text.len() - 2] {
            let file = importer.0.path().join(name);
            fs::write(&file, &text[..cut]).unwrap();
            let args = [&[file.to_str().unwrap(), name, "--dry-run"], flags].concat();
            let ran = importer.import(&args);
            assert!(ran.code == 2 || ran.code == 0 && ran.lines().len() <= whole, "{name} {cut}");
            assert!(!ran.stderr.contains("made-up-"), "{}", ran.stderr);
        }
    }
}

#[test]
fn names_that_cannot_be_are_listed_with_what_they_would_become() {
    let importer = Importer::new();
    let ran = importer.sample("duplicates.csv", &[]);
    for line in [
        "duplicates.csv/Example: it is there twice; it would become duplicates.csv/Example 2",
        "duplicates.csv/a/b: a `/` in a name begins a folder; it would become duplicates.csv/a-b",
        "it would become duplicates.csv/untitled",
        "duplicates.csv/v@3: a path may not end in `@` and digits",
        "--rename",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    nothing(&importer, ran, 2, "4 names cannot be taken as they are; nothing was written");
    for (text, says) in [
        ("{\"e\\u0301\": \"1\"}", "NFC"),
        ("{\"a/./b\": \"1\"}", "`.`"),
        ("{\"a//b\": \"1\"}", "empty segment"),
        ("{\".vault\": \"1\"}", "reserved"),
        ("{\"a\\u202eb\": \"1\"}", "direction-changing"),
        ("A=1\nA=2\n", "it is there twice"),
    ] {
        let ran = importer.0.run_with(["import", "-"], text.as_bytes());
        nothing(&importer, ran, 2, says);
    }
    let long = format!("{{\"{}\": \"1\"}}", "x".repeat(201));
    nothing(&importer, importer.0.run_with(["import", "-"], long.as_bytes()), 2, "200 bytes");
    let deep = format!("{{\"{}y\": \"1\"}}", "x/".repeat(300));
    let ran = importer.0.run_with(["import", "-", "--rename"], deep.as_bytes());
    nothing(&importer, ran, 2, "change it at its source");
}

#[test]
fn what_is_there_already_is_not_replaced() {
    let importer = Importer::new();
    importer.0.put("in/db_user", "mine");
    let file = sample("chamber.json");
    let args = [file.to_str().unwrap(), "in"];
    importer.import(&args).fails(6, "already there: in/db_user");
    importer.import(&[&args[..], &["--dry-run"]].concat()).fails(6, "already there: in/db_user");
    importer.0.run(["exists", "in/db_password"]).fails(3, "");
    let ran = importer.import(&[&args[..], &["--skip-existing"]].concat()).ok();
    assert!(ran.stderr.contains("in/db_user: it is there already"), "{}", ran.stderr);
    assert_eq!(ran.lines(), ["in/db_password\tvalue"]);
    assert_eq!(importer.0.get("in/db_user"), "mine");
    assert_eq!(importer.0.get("in/db_password"), "made-up-1");
}

#[test]
fn what_is_encrypted_takes_its_key() {
    let importer = Importer::new();
    nothing(&importer, importer.sample("bitwarden-encrypted.json", &[]), 2, "is encrypted");
    for name in ["team.kdbx", "older.kdbx"] {
        let ran = importer.keepass(name, "made-up passphras\n", &[]);
        nothing(&importer, ran, 4, "does not open it");
        for empty in ["\n", ""] {
            let ran = importer.keepass(name, empty, &[]);
            nothing(&importer, ran, 2, "file descriptor 7 has no passphrase");
        }
    }
    let ran = importer.keepass("keyfile.kdbx", "made-up passphrase\n", &[]);
    nothing(&importer, ran, 4, "--key-file");
    let other = ["--key-file", &age_key()];
    nothing(&importer, importer.keepass("keyfile.kdbx", "made-up passphrase\n", &other), 4, "");
    let ran = importer.pass(false);
    assert!(["keys/deploy: ", "plain: ", "web/example: "].iter().all(|n| ran.stderr.contains(n)));
    nothing(&importer, ran, 4, "gpg did not decrypt 3 of 3 files");
    let store = importer.0.path().join("store");
    fs::create_dir(&store).unwrap();
    std::os::unix::fs::symlink("nowhere", store.join("lost.gpg")).unwrap();
    nothing(&importer, importer.import(&[store.to_str().unwrap()]), 2, "store/lost.gpg");
    nothing(&importer, importer.sample("sops.yaml", &[]), 4, "--age-identity");
    let key = sample("sops-other.txt");
    let other = ["--age-identity", key.to_str().unwrap()];
    nothing(&importer, importer.sample("sops.yaml", &other), 4, "no key that is here");
    nothing(&importer, importer.sample("sops.yaml", &["--format", "yaml"]), 2, "--format sops");
    nothing(&importer, importer.sample("sops.env", &["--format", "dotenv"]), 2, "--format sops");
}

#[test]
fn a_file_of_keepass_that_was_cut_or_changed_is_refused() {
    let whole = fs::read(sample("team.kdbx")).unwrap();
    let importer = Importer::new();
    let refused = |bytes: &[u8]| {
        let file = importer.0.path().join("cut.kdbx");
        fs::write(&file, bytes).unwrap();
        let ran = importer.keepass(file.to_str().unwrap(), "made-up passphrase\n", &[]);
        assert!([2, 4, 7].contains(&ran.code), "{}: {}", ran.code, ran.stderr);
        assert!(importer.0.run(["ls"]).ok().text().is_empty());
    };
    for cut in [5, 12, 100, 200, 260, 300, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..cut]);
    }
    for at in [9, 30, 150, 230, whole.len() - 40] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refused(&changed);
    }
}

/// Everything that may be changed in a file of sops without its key.
#[test]
fn a_file_of_sops_that_was_changed_is_refused() {
    let importer = Importer::new();
    let key = age_key();
    let yaml = fs::read_to_string(sample("sops.yaml")).unwrap();
    let value = |name: &str| {
        let at = yaml.find(&format!("{name}: \n")).unwrap();
        let begin = at + yaml[at..].find("ENC[").unwrap();
        yaml[begin..begin + yaml[begin..].find(']').unwrap() + 1].to_owned()
    };
    let (user, password, port) = (value("user"), value("password"), value("port"));
    let mac = value("mac");
    let import = |text: &str| {
        let args = ["import", "-", "--format", "sops", "--age-identity", &key];
        importer.0.run_with(args, text.as_bytes())
    };
    for (changed, says) in [
        (yaml.replace("not sealed", "not Sealed"), "its MAC is another one"),
        // Values swapped, moved, taken away, put in clear, marked as clear.
        (yaml.replace(&user, "@").replace(&port, &user).replace('@', &port), "does not open"),
        (yaml.replace(&password, "''"), "its MAC is another one"),
        (yaml.replace(&user, "app"), "db/user does not open"),
        (yaml.replace("  user: ", "  user_unencrypted: "), "its MAC is another one"),
        (yaml.replace("  password: ", "  other: "), "db/other does not open"),
        (yaml.replace(&mac, "''"), "no MAC"),
        (yaml.replace(&mac, &user), "its MAC does not open"),
        (yaml.replace("type:int", "type:odd"), "db/port does not open"),
        (yaml.replace("  mac: ", "  nomac: "), "no MAC"),
        (yaml.replace("lastmodified: '2", "lastmodified: '3"), "its MAC does not open"),
        (yaml.replace("  pgp: []", "  mac_only_encrypted: true"), "its MAC is another one"),
        (yaml.replace("  pgp: []", "  encrypted_regex: ^none$"), "its MAC is another one"),
    ] {
        assert_ne!(changed, yaml);
        nothing(&importer, import(&changed), 7, says);
    }
    for (changed, says) in [
        (yaml.replace("  pgp: []", "  shamir_threshold: 2"), "several parts"),
        (yaml.replace("  pgp: []", "  encrypted_comment_regex: x"), "comments"),
        (yaml.replace("  pgp: []", "  encrypted_regex: x\n  encrypted_suffix: y"), "more than one"),
    ] {
        nothing(&importer, import(&changed), 2, says);
    }
    // The file as it is opens, also with what sops itself would write beside it.
    import(&yaml.replace("  pgp: []", "  unencrypted_suffix: _unencrypted")).ok();
}

/// Imports with a bounded amount of memory: more than it needs, and far less than a bomb would take.
fn bounded(importer: &Importer, format: &str, text: &[u8]) -> Ran {
    let import = importer.0.command(["import", "-", "--format", format, "--dry-run"]);
    let mut command = std::process::Command::new("prlimit");
    command.args(["--as=3221225472", "--"]).arg(import.get_program()).args(import.get_args());
    command.env_clear().current_dir(import.get_current_dir().unwrap());
    command.envs(import.get_envs().filter_map(|(name, value)| Some((name, value?))));
    finish(command, text)
}

/// Each secret has a copy of all names above it.
#[test]
fn long_names_of_many_secrets_are_refused() {
    let importer = Importer::new();
    let long = "n".repeat(1 << 20);
    let deep = "n/".repeat(1 << 19);
    let (some, parts) = ("n".repeat(4000), "n/".repeat(2000));
    let values = |name: &str, value: &str| {
        let one = |i: usize| format!("\"{i}\":{value}");
        let all: Vec<_> = (0..50_000).map(one).collect();
        format!("{{\"{name}\":{{{}}}}}", all.join(","))
    };
    for (name, says) in [
        (&long, "more than 4096 bytes"),
        (&deep, "more than 4096 bytes"),
        (&some, "more than 64 MiB"),
        (&parts, "more than 64 MiB"),
    ] {
        for value in ["\"x\"", "null", "[]"] {
            let text = values(name, value);
            nothing(&importer, bounded(&importer, "json", text.as_bytes()), 2, says);
        }
    }
    let items = |n: usize, item: &str| vec![item; n].join(",");
    let one = r#"{"name": "x", "folderId": "f", "login": {"password": "x"}}"#;
    for (name, says) in [(&deep, "more than 4096 bytes"), (&some, "more than 64 MiB")] {
        let folders = format!(r#"[{{"id": "f", "name": "{name}"}}]"#);
        let text = format!(
            r#"{{"encrypted": false, "folders": {folders}, "items": [{}]}}"#,
            items(40_000, one)
        );
        nothing(&importer, bounded(&importer, "bitwarden", text.as_bytes()), 2, says);
    }
    // The name of a column comes with every row.
    let rows = "a,,u,p,x\n".repeat(50_000);
    let table = format!("name,url,username,password,{long}\n{rows}");
    nothing(&importer, bounded(&importer, "csv", table.as_bytes()), 2, "at most 128 bytes");
    // What many secrets really have goes in.
    let text = values("prod/eu-west-1/services", "\"x\"");
    assert_eq!(bounded(&importer, "json", text.as_bytes()).ok().lines().len(), 50_000);
}

/// Who made a file of sops chooses what is done before its MAC can be checked.
#[test]
fn a_file_of_sops_takes_a_bounded_amount_of_work() {
    let importer = Importer::new();
    let sops = |values: &str, meta: &str| {
        format!(
            r#"{{{values}"sops": {{"mac": "x", "lastmodified": "x", "version": "3", {meta}}}}}"#
        )
    };
    let wrap = r#"{"arn": "arn:aws:kms:eu-west-1:111122223333:key/x", "enc": "eA=="}"#;
    let wraps = vec![wrap; 65].join(",");
    let lines = "sops_mac=x\nsops_lastmodified=x\nsops_kms__list_64__map_arn=x\nA=x\n".to_owned();
    for (text, says) in [
        (sops("", &format!("\"kms\": [{wraps}]")), "wrapped more than 64 times"),
        (sops("", &format!("\"age\": [{wraps}]")), "wrapped more than 64 times"),
        (lines, "wrapped more than 64 times"),
        (sops("", &format!("\"encrypted_regex\": \"{}\"", "x".repeat(1025))), "by a pattern"),
        (sops("", r#""encrypted_regex": "((((x{99}){99}){99}){99})""#), "by a pattern"),
    ] {
        nothing(&importer, bounded(&importer, "sops", text.as_bytes()), 2, says);
    }
}

/// Small files that become large: refused with a bounded amount of memory.
#[test]
fn bombs_are_refused() {
    let importer = Importer::new();
    nothing(&importer, importer.sample("bomb.1pux", &[]), 2, "larger than 64 MiB");
    let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..20 {
        yaml.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", ")));
    }
    nothing(&importer, bounded(&importer, "yaml", yaml.as_bytes()), 2, "");
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "- ".repeat(100_000)] {
        nothing(&importer, importer.0.run_with(["import", "-"], text.as_bytes()), 2, "");
        nothing(&importer, bounded(&importer, "yaml", text.as_bytes()), 2, "");
    }
}

/// A store of pass may come from others: gpg would open whatever a link leads to.
#[test]
fn links_lead_nowhere_out_of_a_store() {
    use std::os::unix::fs::symlink;
    let importer = Importer::new();
    let (store, other) = (importer.0.path().join("store"), importer.0.path().join("private"));
    fs::create_dir_all(store.join("team")).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join("bank.gpg"), b"x").unwrap();
    symlink("../../private/bank.gpg", store.join("team/notes.gpg")).unwrap();
    let import = || importer.import(&[store.to_str().unwrap()]);
    nothing(&importer, import(), 2, "links to files outside of the store: team/notes");
    fs::remove_file(store.join("team/notes.gpg")).unwrap();
    // A folder that is a link is not gone into; two in each of many would be endless.
    symlink("../private", store.join("all")).unwrap();
    nothing(&importer, import(), 3, "no .gpg file");
    let mut deep = store.clone();
    for _ in 0..28 {
        let next = deep.join("d");
        fs::create_dir(&next).unwrap();
        symlink("d", deep.join("e")).unwrap();
        deep = next;
    }
    nothing(&importer, import(), 3, "no .gpg file");
    // A link within the store is a file of it, which this gpg does not open.
    fs::write(store.join("team/a.gpg"), b"x").unwrap();
    symlink("team/a.gpg", store.join("b.gpg")).unwrap();
    let ran = import();
    assert!(ran.stderr.contains("of 2 files"), "{}", ran.stderr);
    nothing(&importer, ran, 4, "gpg did not decrypt");
}

/// What is in the archive stays there, several addresses are several fields, and what looks like a
/// reference is named.
#[test]
fn what_an_import_does_with_more_than_names() {
    let importer = Importer::new();
    let table = "Title,Url,Username,Password,Archived\na,,u,p,false\nb,,u,p,true\nc,,u,p,TRUE\n";
    let ran = importer.0.run_with(["import", "-", "one", "-f", "csv"], table.as_bytes()).ok();
    assert!(ran.stderr.contains("not imported: what is archived (2)"), "{}", ran.stderr);
    assert_eq!(importer.0.run(["ls", "one"]).ok().lines(), ["one/a"]);
    let table = "folder,name,login_uri,login_username,login_password\n\
                 ,a,\"https://a/x,y,https://b\",u,p\n";
    importer.0.run_with(["import", "-", "two", "-f", "csv"], table.as_bytes()).ok();
    for (field, url) in [("url", "https://a/x,y"), ("url 2", "https://b")] {
        assert_eq!(importer.0.run(["get", "two/a", field]).ok().text(), url);
    }
    let text = "A=vault://dev/api\nB=vaults\nC=x vault://dev/api\n";
    let ran = importer.0.run_with(["import", "-", "three", "-f", "dotenv"], text.as_bytes()).ok();
    assert!(ran.stderr.contains("what they name: three/A#value\n"), "{}", ran.stderr);
    assert_eq!(importer.0.get("three/A"), "vault://dev/api");
    // A name that is not UTF-8.
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"b\xfe.env");
    fs::write(importer.0.path().join(name), "A=1\n").unwrap();
    importer.0.run([std::ffi::OsStr::new("import"), name, "four".as_ref()]).ok();
    assert_eq!(importer.0.get("four/A"), "1");
}
