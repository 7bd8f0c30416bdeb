//! Real servers that speak S3, from the pinned packages of `tests/requirements.txt`.
//!
//! Each is started with the first test that asks for it, once for the whole test binary, on free
//! ports of 127.0.0.1, with its state in a temporary directory; it is stopped by its process id
//! when the binary ends, however it ends.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use vault::aws::{Aws, AwsOptions, Credentials};

/// How long a server may take to start on a busy machine.
const START: Duration = Duration::from_secs(90);

/// A running server.
pub struct Server {
    pub port: u16,
    pub access_key: String,
    pub secret_key: String,
}

impl Server {
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its administrator.
    pub fn options(&self) -> AwsOptions {
        self.options_at(self.endpoint())
    }

    /// Its administrator, through another address.
    pub fn options_at(&self, endpoint: String) -> AwsOptions {
        AwsOptions {
            region: Some("us-east-1".to_owned()),
            endpoint_kms: Some(endpoint.clone()),
            endpoint_s3: Some(endpoint),
            credentials: Some(credentials(&self.access_key, &self.secret_key)),
            ..AwsOptions::default()
        }
    }
}

/// A bucket of the server's administrator, made with the first call.
pub fn make_bucket(server: &Server, bucket: &str) {
    static MADE: LazyLock<Mutex<HashSet<(u16, String)>>> = LazyLock::new(Mutex::default);
    // Held while it is made, so that nobody uses it before.
    let mut made = MADE.lock().unwrap();
    if made.insert((server.port, bucket.to_owned())) {
        let client = on(Aws::load(server.options())).unwrap().s3(bucket).unwrap();
        let create = client.create_bucket().bucket(bucket);
        on(async move { create.send().await }).unwrap();
    }
}

/// The ARN of a new KMS key.
pub fn make_key(server: &Server) -> String {
    let client = on(Aws::load(server.options())).unwrap().kms("us-east-1");
    let made = on(async move { client.create_key().send().await }).unwrap();
    made.key_metadata().unwrap().arn().unwrap().to_owned()
}

/// Settings that reach nothing by themselves.
pub fn offline() -> AwsOptions {
    AwsOptions {
        region: Some("us-east-1".to_owned()),
        credentials: Some(credentials("any", "any")),
        ..AwsOptions::default()
    }
}

/// Runs some Python against a server, as its administrator; `client(NAME)` is boto3's. Answers
/// what it prints.
pub fn python(server: &Server, script: &str) -> String {
    let begin = r#"
import boto3, json, os
def client(name):
    return boto3.client(name, endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
"#;
    python_with(server, &format!("{begin}{script}"), b"")
}

/// The same without a beginning, and with something on its stdin.
pub fn python_with(server: &Server, script: &str, stdin: &[u8]) -> String {
    let mut command = command("python3", &WATCHER.root);
    command.env("ENDPOINT", server.endpoint()).env("AWS_ACCESS_KEY_ID", &server.access_key);
    command.env("AWS_SECRET_ACCESS_KEY", &server.secret_key).args(["-c", script]);
    let ran = crate::cli::home::finish(command, stdin);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.text()
}

/// Python with the packages of the tests.
pub fn python_command() -> Command {
    command("python3", &WATCHER.root)
}

/// Stores a recorded object, and its instruction file, as a client would have.
pub fn raw_put(server: &Server, bucket: &str, key: &str, vector: &serde_json::Value) {
    let script = r#"
import base64, boto3, json, os, sys
job = json.load(sys.stdin)
s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
v = job["vector"]
s3.put_object(Bucket=job["bucket"], Key=job["key"], Metadata=v["metadata"],
              Body=base64.b64decode(v["body_b64"]))
if "instruction_file" in v:
    s3.put_object(Bucket=job["bucket"], Key=job["key"] + ".instruction",
                  Body=v["instruction_file"]["body"].encode(),
                  Metadata=v["instruction_file"].get("metadata", {}))
"#;
    let job = serde_json::json!({ "bucket": bucket, "key": key, "vector": vector });
    python_with(server, script, job.to_string().as_bytes());
}

/// A new user of MiniStack, who may do what these statements (JSON, with commas) say.
pub fn user(server: &Server, name: &str, statements: &str) -> Server {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let script = format!(
        "iam = client('iam'); iam.create_user(UserName={name:?})
iam.put_user_policy(UserName={name:?}, PolicyName='it', PolicyDocument={policy:?})
key = iam.create_access_key(UserName={name:?})['AccessKey']
print(key['AccessKeyId'], key['SecretAccessKey'])"
    );
    let made = python(server, &script);
    let (access_key, secret_key) = made.trim().split_once(' ').expect("an access key");
    let (access_key, secret_key) = (access_key.to_owned(), secret_key.to_owned());
    Server { port: server.port, access_key, secret_key }
}

/// A runtime that outlives the tests: an idle connection belongs to the one that it was made on.
pub static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
});

/// Runs a future there.
pub fn on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    RUNTIME.spawn(async move { sender.send(future.await) });
    receiver.recv().expect("the task ends")
}

pub fn credentials(access_key: &str, secret_key: &str) -> Credentials {
    Credentials::new(access_key, secret_key, None, None, "tests")
}

/// S3, KMS, STS and IAM, with signatures and policies enforced.
pub fn ministack() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (port, dir) = (free_port(), state("ministack"));
        let mut command = command("ministack", &dir);
        command.env("AUTH", "true").env("GATEWAY_PORT", port.to_string());
        command.env("BIND_HOST", "127.0.0.1").env("IOT_MTLS_ENABLED", "0");
        command.env("SFTP_ENABLED", "0");
        start(command, &dir, port, "/_ministack/health");
        let (access_key, secret_key) = ministack_admin(port, &dir);
        Server { port, access_key, secret_key }
    })
}

/// The secret of the bootstrap key is not checked, so a user of our own is made with it.
fn ministack_admin(port: u16, dir: &Path) -> (String, String) {
    let script = r#"
import boto3, sys
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="us-east-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
iam.create_user(UserName="admin")
iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
key = iam.create_access_key(UserName="admin")["AccessKey"]
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;
    let endpoint = format!("http://127.0.0.1:{port}");
    let output = command("python3", dir).args(["-c", script, &endpoint]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (access_key, secret_key) = text.trim().split_once(' ').unwrap_or_else(|| {
        panic!("no admin of MiniStack: {}", String::from_utf8_lossy(&output.stderr))
    });
    (access_key.to_owned(), secret_key.to_owned())
}

/// A distributed object store.
pub fn seaweedfs() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let dir = state("weed");
        let (access_key, secret_key) = seaweed_identities(&dir);
        let mut command = command("weed", &dir);
        command.env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1");
        command.args(["server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.args(["-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.args(["-s3.allowDeleteBucketNotEmpty=false", "-master.volumeSizeLimitMB=64"]);
        let port = free_port();
        command.arg(format!("-s3.port={port}"));
        for other in ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port"] {
            command.arg(format!("-{other}={}", free_port()));
        }
        for other in ["volume.port.grpc", "filer.port", "filer.port.grpc"] {
            command.arg(format!("-{other}={}", free_port()));
        }
        start(command, &dir, port, "/status");
        Server { port, access_key, secret_key }
    })
}

/// Writes who may do what; answers the administrator's keys.
fn seaweed_identities(dir: &Path) -> (String, String) {
    let (access_key, secret_key) = ("vaultadmin", "a secret of the tests");
    let identities = format!(
        r#"{{"identities":[{{"name":"admin","credentials":[{{"accessKey":"{access_key}",
        "secretKey":"{secret_key}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
    );
    fs::write(dir.join("s3.json"), identities).unwrap();
    (access_key.to_owned(), secret_key.to_owned())
}

/// SeaweedFS on three volume servers, every object on two of them.
pub struct Cluster {
    server: &'static Server,
    volumes: [(Command, u16); 3],
    stopped: Mutex<Option<Child>>,
    running: Mutex<Vec<Child>>,
    master: u16,
}

impl Cluster {
    pub fn start() -> Self {
        let dir = state("cluster");
        let (access_key, secret_key) = seaweed_identities(&dir);
        let [master, grpc, filer, filer_grpc, port, s3_grpc] = [(); 6].map(|()| free_port());
        let command_of = |args: &[String]| {
            let mut command = command("weed", &dir);
            command.args(args);
            command
        };
        let mut main = command_of(&["master".into(), "-ip=127.0.0.1".into()]);
        main.args(["-ip.bind=127.0.0.1", "-mdir=.", "-defaultReplication=001"]);
        main.args(["-volumeSizeLimitMB=64"]);
        main.args([format!("-port={master}"), format!("-port.grpc={grpc}")]);
        start(main, &dir, master, "/cluster/status");
        let at = format!("127.0.0.1:{master}.{grpc}");
        let volumes = [0, 1, 2].map(|i| {
            let (own, grpc) = (free_port(), free_port());
            let data = format!("volume{i}");
            fs::create_dir(dir.join(&data)).unwrap();
            let mut volume = command_of(&["volume".into(), "-ip=127.0.0.1".into()]);
            volume.args(["-ip.bind=127.0.0.1".into(), format!("-dir={data}"), "-max=30".into()]);
            volume.args([format!("-port={own}"), format!("-port.grpc={grpc}")]);
            volume.arg(format!("-master={at}"));
            (volume, own)
        });
        let mut cluster = Self {
            server: Box::leak(Box::new(Server { port, access_key, secret_key })),
            volumes,
            stopped: Mutex::default(),
            running: Mutex::default(),
            master,
        };
        for i in 0..3 {
            let child = spawn(&mut cluster.volumes[i].0, &dir);
            cluster.running.lock().unwrap().push(child);
        }
        cluster.wait_until_whole();
        let mut names = command_of(&["filer".into(), "-ip=127.0.0.1".into()]);
        names.args(["-ip.bind=127.0.0.1".into(), format!("-master={at}")]);
        names.args([format!("-port={filer}"), format!("-port.grpc={filer_grpc}")]);
        start(names, &dir, filer, "/?limit=1");
        let mut front = command_of(&["s3".into(), "-ip.bind=127.0.0.1".into()]);
        front.args([format!("-filer=127.0.0.1:{filer}.{filer_grpc}"), format!("-port={port}")]);
        front.args([format!("-port.grpc={s3_grpc}"), "-config=s3.json".into()]);
        front.args(["-port.iceberg=0", "-port.lance=0", "-allowDeleteBucketNotEmpty=false"]);
        start(front, &dir, port, "/status");
        cluster
    }

    pub fn server(&self) -> &'static Server {
        self.server
    }

    /// Kills a volume server.
    pub fn stop_one(&self) {
        let mut child = self.running.lock().unwrap().remove(0);
        child.kill().unwrap();
        child.wait().unwrap();
        *self.stopped.lock().unwrap() = Some(child);
    }

    pub fn start_it_again(&self) {
        assert!(self.stopped.lock().unwrap().take().is_some());
        let again = &self.volumes[0].0;
        let mut command = Command::new(again.get_program());
        command.args(again.get_args()).current_dir(again.get_current_dir().unwrap());
        let child = spawn(&mut command, &WATCHER.root.join("cluster"));
        self.running.lock().unwrap().push(child);
    }

    /// Waits until the master knows all volume servers.
    pub fn wait_until_whole(&self) {
        let deadline = Instant::now() + START;
        loop {
            let text = http_get(self.master, "/dir/status").unwrap_or_default();
            if self.volumes.iter().all(|(_, port)| text.contains(&format!("127.0.0.1:{port}"))) {
                return;
            }
            assert!(Instant::now() < deadline, "{text}");
            // Between two looks: a server of its own process tells nobody when it is ready.
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Starts a program whose end is the caller's business, or else the watcher's.
fn spawn(command: &mut Command, dir: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let child = command.process_group(0).spawn().unwrap();
    writeln!(WATCHER.pids.lock().unwrap(), "{}", child.id()).unwrap();
    child
}

fn http_get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// An emulator that checks no signatures.
pub fn moto() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (port, dir) = (free_port(), state("moto"));
        let mut command = command("moto_server", &dir);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        start(command, &dir, port, "/moto-api/");
        Server { port, access_key: "any".to_owned(), secret_key: "any".to_owned() }
    })
}

/// A directory for one server, removed with all the others.
fn state(name: &str) -> PathBuf {
    let dir = WATCHER.root.join(name);
    fs::create_dir(&dir).unwrap();
    dir
}

/// A program of the environment, with nothing of ours in its surroundings.
fn command(program: &str, dir: &Path) -> Command {
    let python = std::env::var("VAULT_TEST_PYTHON").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join(".test-tools/venv/bin/python3"),
        PathBuf::from,
    );
    let bin = python.parent().unwrap();
    let mut command = Command::new(bin.join(program));
    command.env_clear().current_dir(dir).env("HOME", dir).env("TMPDIR", dir);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command
}

/// A port that nobody listens on. Below the range that the system hands out for outgoing
/// connections, so that none takes it before the server does.
fn free_port() -> u16 {
    static NEXT: LazyLock<Mutex<u16>> =
        LazyLock::new(|| Mutex::new(10_000 + (std::process::id() % 200) as u16 * 100));
    let mut next = NEXT.lock().unwrap();
    loop {
        *next = if *next >= 31_000 { 10_000 } else { *next + 1 };
        if TcpListener::bind(("127.0.0.1", *next)).is_ok() {
            return *next;
        }
    }
}

/// Starts a server and waits until it answers.
fn start(mut command: Command, dir: &Path, port: u16, health: &str) {
    let log = fs::File::create(dir.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    // A group of its own: what it starts ends with it.
    let mut child = command.process_group(0).spawn().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `tests/run` installs what the tests need")
    });
    writeln!(WATCHER.pids.lock().unwrap(), "{}", child.id()).unwrap();
    let deadline = Instant::now() + START;
    while !healthy(port, health) {
        let ended = child.try_wait().unwrap();
        if ended.is_some() || Instant::now() > deadline {
            let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
            panic!("{command:?}: {ended:?}, no answer on port {port}: {log}");
        }
        // Between two looks, as above.
        thread::sleep(Duration::from_millis(50));
    }
    // Until the watcher ends it.
    thread::spawn(move || child.wait());
}

fn healthy(port: u16, path: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"200")
}

/// Stops the servers and removes their state when this process is gone, even by a signal: it
/// reads their process ids from a pipe whose other end only this process holds.
struct Watch {
    root: PathBuf,
    pids: Mutex<ChildStdin>,
}

const WATCH: &str = r#"
root=$1; shift
while read -r pid; do set -- "$@" "$pid"; done
for pid do kill -s KILL -- "-$pid"; done
rm -rf -- "$root" || { sleep 1; rm -rf -- "$root"; }
"#;

static WATCHER: LazyLock<Watch> = LazyLock::new(|| {
    let root = tempfile::Builder::new().prefix("vault-servers-").tempdir().unwrap().keep();
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, "sh"]).arg(&root).stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let pids = command.spawn().unwrap().stdin.take().unwrap();
    Watch { root, pids: Mutex::new(pids) }
});
