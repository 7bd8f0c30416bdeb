//! Where the vault of a story is: what makes commands reach it, and what its owner can do with it
//! behind everybody's back.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::table::On;
use crate::cli::home::{Bucket, Home};
use crate::support::servers::{self, Server, make_bucket, make_key, python, user};

/// The bucket of the stories.
const BUCKET: &str = "story";

/// A statement of a policy: everything in buckets.
const S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;

/// A place of a vault.
pub enum Place {
    Dir(tempfile::TempDir),
    S3 { server: &'static Server, prefix: String, keys: Option<Box<Keys>> },
}

/// The KMS keys of a story, and who may use them.
pub struct Keys {
    main: String,
    pay: String,
    team: Server,
    machine: Server,
    folder: Server,
    gone: Server,
    gone_name: String,
}

impl Place {
    pub fn directory() -> Self {
        Self::Dir(tempfile::tempdir().unwrap())
    }

    pub fn bucket(wrap: On) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = servers::ministack();
        make_bucket(server, BUCKET);
        let prefix = format!("v{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let keys = (wrap == On::Kms).then(|| Box::new(Keys::new(server, &prefix)));
        Self::S3 { server, prefix, keys }
    }

    pub fn wrap(&self) -> On {
        match self {
            Self::S3 { keys: Some(_), .. } => On::Kms,
            _ => On::Local,
        }
    }

    pub fn location(&self) -> String {
        match self {
            Self::Dir(dir) => dir.path().join("main").to_str().unwrap().to_owned(),
            Self::S3 { prefix, .. } => format!("s3://{BUCKET}/{prefix}"),
        }
    }

    /// Of `init`.
    pub fn flags(&self) -> Vec<String> {
        match self {
            Self::S3 { keys: Some(keys), .. } => vec![format!("--kms={}", keys.main)],
            _ => Vec::new(),
        }
    }

    /// Of `group add` for the closed group.
    pub fn group_flag(&self) -> String {
        match self {
            Self::S3 { keys: Some(keys), .. } => format!("--kms={}", keys.pay),
            _ => "--local".to_owned(),
        }
    }

    /// A command in somebody's home, with their credentials.
    pub fn command(&self, home: &Home, who: &str, args: &[String]) -> Command {
        let mut command = home.command(args);
        if let Self::S3 { server, keys, .. } = self {
            let user = keys.as_ref().map_or(*server, |keys| keys.of(who, server));
            command.envs(Bucket::env(user));
        }
        command
    }

    /// A copy of all that is stored; answers where.
    pub fn keep_a_copy(&self) -> String {
        match self {
            Self::Dir(dir) => {
                let (from, to) = (dir.path().join("main"), dir.path().join("kept"));
                let copied = Command::new("cp").arg("-a").args([&from, &to]).status();
                assert!(copied.unwrap().success());
                to.to_str().unwrap().to_owned()
            }
            Self::S3 { server, prefix, .. } => {
                copy(server, &format!("{prefix}/"), &format!("{prefix}-kept/"));
                format!("s3://{BUCKET}/{prefix}-kept")
            }
        }
    }

    /// Puts what is in the copy at this path, head and newest version, into the vault.
    pub fn graft(&self, path: &str) {
        match self {
            Self::Dir(dir) => {
                let file = |store: &str, key: &str| -> PathBuf {
                    let (folders, name) = key.rsplit_once('/').unwrap();
                    let root = dir.path().join(store);
                    let folder = folders.split('/').fold(root, |at, f| at.join(format!("{f}.d")));
                    folder.join(format!("{name}.o"))
                };
                let versions = file("kept", &format!("h/{path}/.vault/0"));
                let versions = versions.parent().unwrap().read_dir().unwrap();
                let newest = versions.map(|e| e.unwrap().file_name()).max().unwrap();
                let newest = newest.to_str().unwrap().trim_end_matches(".o").to_owned();
                for key in [format!("s/{path}"), format!("h/{path}/.vault/{newest}")] {
                    std::fs::copy(file("kept", &key), file("main", &key)).unwrap();
                }
            }
            Self::S3 { server, prefix, .. } => {
                let (from, to) = (format!("{prefix}-kept/"), format!("{prefix}/"));
                copy(server, &format!("{from}s/{path}"), &format!("{to}s/{path}"));
                let versions = format!("h/{path}/.vault/");
                copy(server, &format!("{from}{versions}"), &format!("{to}{versions}"));
            }
        }
    }

    /// Takes the KMS key from somebody.
    pub fn cut(&self, who: &str) {
        let Self::S3 { server, keys: Some(keys), .. } = self else { return };
        assert_eq!(who, "mal");
        let name = &keys.gone_name;
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{S3}]}}"#);
        let script = format!(
            "client('iam').put_user_policy(UserName={name:?}, PolicyName='it',
                PolicyDocument={policy:?})"
        );
        python(server, &script);
    }
}

impl Keys {
    fn new(server: &'static Server, prefix: &str) -> Self {
        let (main, pay) = (make_key(server), make_key(server));
        let kms = |action: &str, key: &str| {
            format!(r#"{{"Effect":"Allow","Action":{action},"Resource":"{key}"}}"#)
        };
        let both = r#"["kms:Decrypt","kms:GenerateDataKey","kms:DescribeKey"]"#;
        let writes = format!("{S3},{}", kms(both, &main));
        let machine = format!("{S3},{}", kms(r#""kms:Decrypt""#, &pay));
        let below = |folder: &str| format!("arn:aws:s3:::{BUCKET}/{prefix}/{folder}/*");
        let folder = format!(
            r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":["{}","{}","{}"]}},
            {{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::{BUCKET}"}},{}"#,
            below("s/dev"),
            below("h/dev"),
            below(".vault"),
            kms(r#""kms:Decrypt""#, &main)
        );
        let name = |of: &str| format!("{of}-{prefix}");
        Self {
            team: user(server, &name("team"), &writes),
            machine: user(server, &name("machine"), &machine),
            folder: user(server, &name("folder"), &folder),
            gone: user(server, &name("gone"), &writes),
            gone_name: name("gone"),
            main,
            pay,
        }
    }

    fn of<'s>(&'s self, who: &str, admin: &'s Server) -> &'s Server {
        match who {
            "ann" => admin,
            "ci" => &self.machine,
            "iam" => &self.folder,
            "mal" | "old-mal" => &self.gone,
            _ => &self.team,
        }
    }
}

/// Copies every object whose key begins like this.
fn copy(server: &Server, from: &str, to: &str) {
    let script = format!(
        "s3 = client('s3')
pages = s3.get_paginator('list_objects_v2').paginate(Bucket={BUCKET:?}, Prefix={from:?})
keys = [o['Key'] for page in pages for o in page.get('Contents', [])]
for key in keys:
    s3.copy_object(Bucket={BUCKET:?}, Key={to:?} + key[len({from:?}):],
                   CopySource=dict(Bucket={BUCKET:?}, Key=key))"
    );
    python(server, &script);
}
