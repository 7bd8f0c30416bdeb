//! A home directory of its own for each test, and a way to run the program in it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

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
        self.run(["init", "--no-passphrase", "--recovery-out", recovery.to_str().unwrap()])
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn vault_dir(&self) -> PathBuf {
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
        command.env("USER", "ann").current_dir(self.path());
        command
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
