//! Buckets of nitor-vault and sneaker, and files of sops, on a server with S3 and KMS. The objects
//! are written in Python, as those programs write them.

use std::fs;

use serde_json::{Value, json};
use vault::core::text::b64;

use super::{Importer, sample};
use crate::cli::home::{Bucket as Surroundings, Ran, finish};
use crate::support::servers::{self, make_bucket, make_key, python_with};

fn foreign(job: &Value) -> String {
    let script = include_str!("foreign.py");
    python_with(servers::ministack(), script, job.to_string().as_bytes())
}

fn import(importer: &Importer, args: &[&str]) -> Ran {
    let mut command = importer.0.command(["import"].iter().chain(args));
    command.envs(Surroundings::env(servers::ministack()));
    finish(command, b"")
}

#[test]
fn a_bucket_of_nitor_vault() {
    let (importer, server) = (Importer::new(), servers::ministack());
    let kms = make_key(server);
    make_bucket(server, "nitor");
    foreign(&json!({
        "bucket": "nitor", "kms": kms,
        "nitor": { "new/db/password": "made-up-1", "new/token": "ü\n", "old/legacy": "made-up-3" },
        "ctr": ["old/legacy"],
    }));
    let dry = import(&importer, &["s3://nitor/new/", "in", "--kms", &kms, "--dry-run"]).ok();
    assert_eq!(dry.lines(), ["in/db/password\tvalue", "in/token\tvalue"]);
    import(&importer, &["s3://nitor/new/", "in", "--kms", &kms]).ok();
    assert_eq!(importer.0.get("in/db/password"), "made-up-1");
    assert_eq!(importer.0.get("in/token"), "ü\n");
    // The old form, which anybody can change.
    let all = ["s3://nitor/", "all", "--kms", &kms];
    let refused = import(&importer, &all).fails(2, "--unauthenticated");
    assert!(refused.stderr.contains("old/legacy") && !refused.stderr.contains("new/token"));
    import(&importer, &[&all[..], &["--unauthenticated"]].concat()).ok();
    assert_eq!(importer.0.get("all/old/legacy"), "made-up-3");
    // Another key, another name, another description.
    let other = make_key(server);
    let ran = import(&importer, &["s3://nitor/new/", "x", "--kms", &other]);
    assert!([5, 7].contains(&ran.code), "{}", ran.stderr);
    import(&importer, &["s3://nitor/none/", "x", "--kms", &kms]).fails(3, "below this prefix");
    import(&importer, &["s3://nitor/new/", "x"]).fails(2, "--kms KEY");
    let swap = r#"
import boto3, json, os, sys
job = json.load(sys.stdin)
s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
body = s3.get_object(Bucket="nitor", Key=job["from"])["Body"].read()
s3.put_object(Bucket="nitor", Key=job["to"], Body=body + job["more"].encode())
"#;
    let spoil = |from: &str, to: &str, more: &str| {
        let job = json!({ "from": from, "to": to, "more": more });
        python_with(server, swap, job.to_string().as_bytes());
        let ran = import(&importer, &["s3://nitor/new/", "x", "--kms", &kms]);
        ran.fails(7, "new/token cannot be decrypted");
    };
    spoil("new/token.meta", "new/token.meta", " ");
    spoil("new/db/password.meta", "new/token.meta", "");
    spoil("new/db/password.aesgcm.encrypted", "new/token.aesgcm.encrypted", "");
    importer.0.run(["exists", "x/db/password"]).fails(3, "");
}

#[test]
fn a_bucket_of_sneaker() {
    let (importer, server) = (Importer::new(), servers::ministack());
    let kms = make_key(server);
    make_bucket(server, "sneaker");
    foreign(&json!({
        "bucket": "sneaker", "kms": kms, "context": { "team": "a" },
        "sneaker": {
            "p/split-one": "made-up-1", "p/old-two": "made-up-2", "p/envelope-three": "made-up-3",
        },
    }));
    let args = ["s3://sneaker/p/", "in", "--kms", &kms];
    // Without the context that it was written with KMS opens nothing.
    let ran = import(&importer, &args);
    assert!(ran.code != 0 && importer.0.run(["ls"]).ok().text().is_empty(), "{}", ran.stderr);
    import(&importer, &[&args[..], &["--context", "team"]].concat()).fails(2, "not a pair");
    import(&importer, &[&args[..], &["--context", "team=a"]].concat()).ok();
    for (name, value) in
        [("split-one", "made-up-1"), ("old-two", "made-up-2"), ("envelope-three", "made-up-3")]
    {
        assert_eq!(importer.0.get(&format!("in/{name}")), value);
    }
    let kind = ["--context", "team=a", "--format", "nitor-vault"];
    import(&importer, &[&args[..], &kind].concat()).fails(3, "nothing to import");
    import(&importer, &[&args[..], &["--format", "json"]].concat())
        .fails(2, "no format of a bucket");
}

/// The samples, with the data key wrapped by KMS instead of age: the MAC does not cover that.
#[test]
fn a_file_of_sops_whose_key_is_in_kms() {
    let (importer, server) = (Importer::new(), servers::ministack());
    let kms = make_key(server);
    let key: Vec<u8> = (100..132).collect();
    let context = json!({ "app": "x" });
    let wrapped = foreign(&json!({ "kms": kms, "wrap": b64(&key), "context": context }));
    let mut file: Value = serde_json::from_slice(&fs::read(sample("sops.json")).unwrap()).unwrap();
    file["sops"]["age"] = json!([]);
    file["sops"]["kms"] = json!([{
        "arn": kms, "context": context, "created_at": "2026-01-01T00:00:00Z",
        "enc": wrapped.trim(), "aws_profile": "",
    }]);
    // serde_json sorts names, and the order counts for the MAC: back into the order of the file.
    let text = fs::read_to_string(sample("sops.json")).unwrap();
    let at = text.find("\t\"sops\": ").unwrap();
    let whole = format!("{}\t\"sops\": {}\n}}\n", &text[..at], file["sops"]);
    let path = importer.0.path().join("kms.json");
    fs::write(&path, &whole).unwrap();
    let args = [path.to_str().unwrap(), "in"];
    import(&importer, &args).ok();
    assert_eq!(importer.0.get("in/db/password"), "made-up \"1\"\nsecond line");
    let lines = |text: &str| {
        let meta = text.lines().filter(|line| !line.starts_with("sops_age"));
        meta.map(|line| format!("{line}\n")).collect::<String>()
    };
    let env = fs::read_to_string(sample("sops.env")).unwrap();
    let env = format!(
        "{}sops_kms__list_0__map_arn={kms}\nsops_kms__list_0__map_context__map_app=x\n\
         sops_kms__list_0__map_enc={}\n",
        lines(&env),
        wrapped.trim()
    );
    fs::write(importer.0.path().join("kms.env"), env).unwrap();
    import(&importer, &["kms.env", "env"]).ok();
    assert_eq!(importer.0.get("env/DB_PASSWORD"), "made-up-1");
    // Another context, and another data key.
    fs::write(&path, whole.replace("\"x\"", "\"y\"")).unwrap();
    let ran = import(&importer, &[args[0], "other"]);
    assert!(ran.code != 0, "{}", ran.stderr);
    let other = foreign(&json!({ "kms": kms, "wrap": b64(&[7; 32]), "context": context }));
    fs::write(&path, whole.replace(wrapped.trim(), other.trim())).unwrap();
    import(&importer, &[args[0], "other"]).fails(7, "does not open");
    importer.0.run(["exists", "other/db/user"]).fails(3, "");
}
