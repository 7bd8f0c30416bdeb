//! A home directory of its own for each test, and a way to run the program in it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::support::servers::Server;

/// The program under test: the one that was built with the tests, or `VAULT_TEST_BINARY` (to run
/// them on a release build).
pub fn program() -> PathBuf {
    std::env::var_os("VAULT_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_vault").into(), PathBuf::from)
}

/// What a run of the program left.
pub struct Ran {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// Failed with this code and said this.
    #[track_caller]
    pub fn fails(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert!(self.stderr.contains(says), "{:?} not in: {}", says, self.stderr);
        assert!(self.stdout.is_empty(), "stdout is for data only: {}", self.text());
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("text on stdout")
    }

    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).expect("JSON on stdout")
    }
}

/// A home directory.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    /// With an identity without passphrase, and a vault.
    pub fn with_vault() -> Self {
        let home = Self::new();
        home.init().ok();
        home
    }

    pub fn init(&self) -> Ran {
        let recovery = self.path().join("recovery.txt");
        let mut args = vec!["init".to_owned(), "--no-passphrase".to_owned()];
        args.extend(["--recovery-out".to_owned(), recovery.to_str().unwrap().to_owned()]);
        if let Some(bucket) = Bucket::of_this_run() {
            args.extend([bucket.fresh_location(), "--name".to_owned(), "main".to_owned()]);
            args.extend(bucket.flags);
        }
        self.run(args)
    }

    /// Opens the vault that a join string names.
    #[track_caller]
    pub fn join(&self, join: &str) -> Ran {
        let mut args = vec!["join".to_owned(), join.to_owned(), "--name".into(), "main".into()];
        let single = "--single-writer";
        let flags = Bucket::of_this_run().map_or_else(Vec::new, |bucket| bucket.flags);
        args.extend(flags.into_iter().filter(|flag| flag == single));
        self.run(args).ok()
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn vault_dir(&self) -> PathBuf {
        assert!(Bucket::of_this_run().is_none(), "this vault is in no directory");
        self.path().join(".local/share/vault/vaults/main")
    }

    pub fn identity(&self) -> PathBuf {
        self.path().join(".local/share/vault/identity")
    }

    /// The program with nothing of the caller's environment, and without its terminal.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(program()).args(args);
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.env("USER", "ann").envs(Self::credentials()).current_dir(self.path());
        command
    }

    /// What the program needs in its environment to reach the vault.
    pub fn credentials() -> Vec<(String, String)> {
        Bucket::of_this_run().map_or_else(Vec::new, |bucket| bucket.env)
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.run_with(args, b"")
    }

    pub fn run_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        stdin: &[u8],
    ) -> Ran {
        finish(self.command(args), stdin)
    }

    pub fn put(&self, path: &str, value: &str) {
        self.run_with(["put", path], value.as_bytes()).ok();
    }

    pub fn get(&self, path: &str) -> String {
        self.run(["get", path]).ok().text()
    }
}

/// Where vaults are made instead of in directories: in a bucket that `VAULT_TEST_BUCKET` names,
/// for tests that run again there (see `buckets.rs`).
pub struct Bucket {
    location: String,
    /// Of `init`.
    flags: Vec<String>,
    env: Vec<(String, String)>,
}

impl Bucket {
    /// As `VAULT_TEST_BUCKET` says it: the location, flags of `init`, the environment.
    pub fn variable(location: &str, flags: &[String], server: &Server) -> String {
        let env = Self::env(server).map(|(name, value)| format!("{name}={value}"));
        format!("{location}|{}|{}", flags.join(" "), env.join("|"))
    }

    /// The environment in which a server is reached.
    pub fn env(server: &Server) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", server.endpoint()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", server.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", server.secret_key.clone()),
        ]
    }

    fn of_this_run() -> Option<Self> {
        let text = std::env::var("VAULT_TEST_BUCKET").ok()?;
        let mut parts = text.split('|').map(str::to_owned);
        let location = parts.next()?;
        let flags = parts.next()?.split_whitespace().map(str::to_owned).collect();
        let env = parts.filter_map(|pair| {
            pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        Some(Self { location, flags, env: env.collect() })
    }

    fn fresh_location(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{}/{}-{next}", self.location, std::process::id())
    }
}

/// Runs a command below `strace`: what it left, and each write (with the file), renaming and start of
/// a program, its own and of its children.
pub fn traced(command: &Command) -> (Ran, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let calls = "trace=write,pwrite64,writev,pwritev,sendto,execve,rename,copy_file_range,sendfile";
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "4096", "-e", calls, "-o"]).arg(log.path());
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.current_dir(command.get_current_dir().expect("a directory"));
    let ran = finish(strace, b"");
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("execve("), "the arguments are in the log");
    (ran, text)
}

/// Runs a command with this text on its stdin.
pub fn finish(mut command: Command, stdin: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_vec();
    // The program may end before it has read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
