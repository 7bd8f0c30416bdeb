//! Who may ask, and whom: one user, in a directory that is this user's alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use vault::vault::Kind;
use vault::vault::agent::{AgentClient, Listening, Request, check_directory};

use super::{Served, private_dir};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs a script as somebody else. Only root can; `None` if it was said that nobody here is.
fn as_nobody(script: &str, arg: &Path) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        let without = std::env::var_os("VAULT_TESTS_WITHOUT_ROOT");
        assert!(without.is_some(), "not root; VAULT_TESTS_WITHOUT_ROOT=1 leaves this test out");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(arg);
    Some(command)
}

const ASK: &str = r"
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
try:
    s.sendall(bytes(b for b in bytes.fromhex('000000020100')))
    got = s.recv(100)
except (BrokenPipeError, ConnectionResetError):
    got = b''
print(len(got))
";

/// The directory keeps others away; where it did not, the agent looks who asks.
#[test]
fn another_user_gets_no_answer() {
    let served = Served::new();
    let socket = served.path().join("agent.sock");
    let Some(mut closed) = as_nobody(ASK, &socket) else { return };
    let output = closed.stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success(), "the directory is open");
    chmod(served.path(), 0o711);
    chmod(&socket, 0o666);
    let output = as_nobody(ASK, &socket).unwrap().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"0\n");
    // The same bytes from us are answered.
    let status = Request::Status.encode();
    assert_eq!(status.bytes(), [1, 0]);
    chmod(served.path(), 0o700);
    assert!(served.client().status().is_ok());
}

const LISTEN: &str = r"
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
s.listen()
print('ready', flush=True)
s.settimeout(20)
c, _ = s.accept()
print(len(c.recv(100)), flush=True)
";

/// An agent that is another user's is told nothing.
#[test]
fn an_agent_of_another_user_is_not_asked() {
    use std::io::{BufRead, BufReader};
    let dir = private_dir();
    let Some(mut command) = as_nobody(LISTEN, &dir.path().join("agent.sock")) else { return };
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let error = AgentClient::connect(dir.path()).err().expect("it is refused");
    assert_eq!(error.kind, Kind::Denied);
    assert!(error.message.contains("another user"), "{error}");
    assert_eq!(lines.next().unwrap().unwrap(), "0", "nothing was sent");
    child.wait().unwrap();
}

#[test]
fn a_directory_that_others_made_or_can_change_is_refused() {
    let dir = private_dir();
    let inside = dir.path().join("vault");
    assert!(!check_directory(&inside).unwrap());
    fs::create_dir(&inside).unwrap();
    chmod(&inside, 0o700);
    assert!(check_directory(&inside).unwrap());
    let refused = |says: &str| {
        let error = check_directory(&inside).unwrap_err();
        assert!(error.kind == Kind::Denied && error.message.contains(says), "{error}");
        assert!(AgentClient::connect(&inside).is_err());
        assert!(Listening::start(&inside).is_err());
    };
    for mode in [0o750, 0o701, 0o777] {
        chmod(&inside, mode);
        refused("open to other users");
    }
    chmod(&inside, 0o700);
    chmod(dir.path(), 0o777);
    refused("other users can change");
    chmod(dir.path(), 0o1777);
    assert!(check_directory(&inside).unwrap(), "as /tmp is");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&inside, Some(65534), None).unwrap();
        refused("belongs to another user");
    }
    fs::remove_dir(&inside).unwrap();
    std::os::unix::fs::symlink("/tmp", &inside).unwrap();
    refused("no directory");
}

/// A socket that a killed agent left, one that nothing listens at, and a file in its place.
#[test]
fn a_dead_socket_is_no_agent() {
    let dir = private_dir();
    let socket = dir.path().join("agent.sock");
    assert!(AgentClient::connect(dir.path()).unwrap().is_none());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    assert!(AgentClient::connect(dir.path()).unwrap().is_none());
    // The next agent takes its place.
    let served = Served::in_dir(dir);
    assert!(served.client().status().is_ok());
    let dir = served.end();
    assert!(!dir.path().join("agent.sock").exists(), "it takes its socket along");
}

#[test]
fn there_is_one_agent() {
    let served = Served::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert!(Listening::start(served.path()).unwrap().is_none());
    });
    assert!(served.client().status().is_ok());
    let mode = fs::metadata(served.path().join("agent.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// What answers, but not as an agent of this version.
#[test]
fn an_agent_of_another_version_is_named() {
    use std::io::{Read, Write};
    let dir = private_dir();
    let listener = std::os::unix::net::UnixListener::bind(dir.path().join("agent.sock")).unwrap();
    let answers: [&[u8]; 4] = [&[2, 0], &[1, 99], &[1, 0], &[]];
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 6]).unwrap();
            let len = u32::try_from(answer.len()).unwrap();
            stream.write_all(&[&len.to_be_bytes(), answer].concat()).unwrap();
        }
    });
    for says in ["another version", "does not answer as one", "something else", "as one"] {
        let client = AgentClient::connect(dir.path()).unwrap().unwrap();
        let error = client.status().unwrap_err();
        assert!(error.message.contains(says), "{error}");
    }
    server.join().unwrap();
}
