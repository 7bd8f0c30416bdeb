//! What every fuzz target does with its bytes: each parser of the crate that reads what others
//! wrote. None may panic, and what is read and written again must be the same.

use std::sync::Arc;

use vault::core::document::Document;
use vault::core::error::{Error, Result};
use vault::core::header::{Header, SignedHeader};
use vault::core::json::{Reader, read_ascii_string, read_string_map};
use vault::core::path::{Prefix, SecretPath};
use vault::core::s3ec::{Envelope, import};
use vault::core::secret::{Key, Secret};
use vault::keys::identity::{Identity, LockedIdentity, PublicIdentity, with_plugin, with_ssh_key};
use vault::keys::keyring::Keyring;
use vault::keys::plugin::Ask;
use vault::keys::recipient::{Recipient, is_canonical};
use vault::store::dir::parse_head;
use vault::team::capability::Capability;
use vault::team::join::Join;
use vault::team::note::{Note, SignedNote};
use vault::team::{Cut, Op, State, rules};
use vault::vault::agent::{Agent, Answer, Locked, Moment, Request};
use vault::vault::{
    FileFormat, Parsed, Reference, SopsFile, Template, open_nitor, parse_env, parse_import,
    parse_pass, plan_import, read_keepass, split_envelope, write_env,
};

/// A target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// The SSH key of the corpus of identities.
const SSH_KEY: &[u8] = include_bytes!("../corpus/ssh_key/ed25519");

/// All of them.
pub const TARGETS: [Target; 32] = [
    ("metadata", metadata),
    ("instruction_file", instruction_file),
    ("header", header),
    ("document", document),
    ("json", json),
    ("path", path),
    ("op", op),
    ("note", note),
    ("state", state),
    ("cut", cut),
    ("keyring", keyring),
    ("identity", identity),
    ("recipient", recipient),
    ("ssh_key", ssh_key),
    ("plugin_file", plugin_file),
    ("strings", strings),
    ("dir_object", dir_object),
    ("reference", reference),
    ("env_file", env_file),
    ("template", template),
    ("agent", agent),
    ("import_env", import_env),
    ("import_json", import_json),
    ("import_yaml", import_yaml),
    ("import_tfvars", import_tfvars),
    ("import_csv", import_csv),
    ("import_bitwarden", import_bitwarden),
    ("import_onepassword", import_onepassword),
    ("import_keepass", import_keepass),
    ("import_pass", import_pass),
    ("import_sops", import_sops),
    ("import_bucket", import_bucket),
];

/// `name: value` lines as metadata, through both readers of S3EC objects and the signed header.
pub fn metadata(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let pairs: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let _ = Envelope::parse(&pairs);
    foreign(&pairs, None);
    let path = SecretPath::parse("a/b").expect("legal");
    let _ = SignedHeader::parse(&[7; 32], &path, &pairs);
}

/// The reader for foreign objects, strict and as lenient as it can be.
fn foreign(pairs: &[(String, String)], file: Option<&[u8]>) {
    let lenient = import::Options {
        commitment: import::Commitment::Allow,
        legacy_wrapping: true,
        legacy_unauthenticated: true,
    };
    for options in [import::Options::default(), lenient] {
        let Ok(foreign) = import::Foreign::parse(pairs, file, &options) else { continue };
        let _ = foreign.kms_request(&[]);
        let _ = foreign.unwrap(&import::MasterKey::Aes(&Key::new([1; 32])));
        let _ = foreign.open(Key::new([1; 32]), vec![0; 48]);
    }
}

/// An instruction file beside an object that needs one: V3, and older.
pub fn instruction_file(bytes: &[u8]) {
    let id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==".to_owned();
    let pairs =
        [("x-amz-c".into(), "115".into()), ("x-amz-d".into(), id.clone()), ("x-amz-i".into(), id)];
    foreign(&pairs, Some(bytes));
    foreign(&[], Some(bytes));
}

/// `vault-h`.
pub fn header(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(header) = Header::parse(text) {
        assert_eq!(header.to_string(), text);
    }
}

/// A decrypted document.
pub fn document(bytes: &[u8]) {
    if let Ok(document) = Document::decode(&Secret::copy_of(bytes))
        && let Ok(again) = document.encode()
    {
        let again = Document::decode(&again).ok().map(|d| d.fields.len());
        assert_eq!(again, Some(document.fields.len()));
    }
}

/// The JSON reader.
pub fn json(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let _ = reader.raw().and_then(|_| reader.end());
    let _ = read_string_map(bytes, 16);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = read_ascii_string(text);
    }
}

/// Paths and prefixes.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(path) = SecretPath::parse(text) {
        assert_eq!(path.as_str(), text);
        assert!(Prefix::parse(text).is_ok());
    }
    let _ = Prefix::parse(text);
}

/// One op line.
pub fn op(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(op) = Op::parse(text) {
        assert_eq!(op.to_string(), text);
    }
}

/// A stored note, as first and as later one.
pub fn note(bytes: &[u8]) {
    let _ = rules::first(bytes);
    let _ = rules::next(&[0; 32], 0, &[0; 32], &State::default(), bytes);
    if let Some(signed) = SignedNote::split(bytes)
        && let Some(note) = Note::parse(signed.unverified())
    {
        assert_eq!(note.text(), signed.unverified());
    }
}

/// A team state.
pub fn state(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(state) = State::parse(text) {
        assert_eq!(state.to_string(), text);
    }
}

/// A cut.
pub fn cut(bytes: &[u8]) {
    if let Some(cut) = Cut::decode(bytes) {
        assert_eq!(cut.encode(), bytes);
    }
}

/// A keyring: the age file around it, and what is in it.
pub fn keyring(bytes: &[u8]) {
    let _ = Keyring::decode(bytes);
    let identity = Identity::from_seed(Key::new([1; 32]));
    let _ = Keyring::open(bytes, "main", 1, identity.age());
}

/// An identity file that asks for no passphrase (Argon2 would only slow the search down).
pub fn identity(bytes: &[u8]) {
    let file = Secret::copy_of(bytes);
    if !Identity::needs_passphrase(&file) {
        let _ = Identity::from_file(&file, || unreachable!("it has no passphrase"));
    }
    // Not where a plugin keeps the key: that is a program to run.
    if let Ok(locked) = LockedIdentity::parse(&file)
        && locked.ssh_key_path().is_some()
    {
        let key = Secret::copy_of(SSH_KEY);
        let _ = locked.with_ssh_key("/key".into(), key).open(Arc::new(Nobody));
    }
    let _ = Identity::from_words(&file);
}

/// A recipient, as typed and in its one form. What a member is added with, a note can hold.
pub fn recipient(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(recipient) = Recipient::read(text) {
        let canonical = recipient.to_string();
        assert!(is_canonical(&canonical));
        assert!(Recipient::parse(&canonical).is_ok_and(|again| again.to_string() == canonical));
    }
    assert!(Recipient::parse(text).is_err() || is_canonical(text));
}

/// The file of an SSH key, which nobody has the passphrase of (bcrypt, and the file says how much).
pub fn ssh_key(bytes: &[u8]) {
    let _ = with_ssh_key("/key".as_ref(), &Secret::copy_of(bytes), &Nobody);
}

/// The identity file of a plugin that is not there.
pub fn plugin_file(bytes: &[u8]) {
    let _ = with_plugin(&Secret::copy_of(bytes), None, Arc::new(Nobody));
}

/// Answers nothing.
struct Nobody;

impl Ask for Nobody {
    fn passphrase(&self, _: &str) -> Result<Secret> {
        Err(Error::usage("nobody"))
    }

    fn tell(&self, _: &str) {}

    fn hidden(&self, _: &str) -> Result<Secret> {
        Err(Error::usage("nobody"))
    }

    fn line(&self, _: &str) -> Result<String> {
        Err(Error::usage("nobody"))
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Result<bool> {
        Err(Error::usage("nobody"))
    }
}

/// The strings that people paste.
pub fn strings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = PublicIdentity::parse(text);
    if let Ok(join) = Join::parse(text) {
        assert_eq!(Join::parse(&join.encode()).ok(), Some(join));
    }
    let secret = Secret::copy_of(bytes);
    if let Ok(capability) = Capability::parse(&secret) {
        assert_eq!(capability.encode().bytes(), secret.bytes().trim_ascii());
    }
}

/// A file of a directory store.
pub fn dir_object(bytes: &[u8]) {
    let _ = parse_head(bytes);
}

/// A reference, which is written in one form.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = Reference::parse(text) {
        let written = reference.to_string();
        assert_eq!(Reference::parse(&written).ok().as_ref(), Some(&reference), "{written}");
    }
}

/// An env file, written and read again.
pub fn env_file(bytes: &[u8]) {
    let Ok(declared) = parse_env(&Secret::copy_of(bytes)) else { return };
    let mut written = Secret::with_capacity(bytes.len());
    let with_value = || declared.iter().filter_map(|d| Some((d, d.value.as_ref()?)));
    with_value().for_each(|(d, value)| write_env(&mut written, &d.name, value));
    // Carriage returns before line ends do not come back.
    if bytes.contains(&b'\r') || declared.iter().any(|d| d.value.as_ref().is_some_and(has_return)) {
        return;
    }
    let again = parse_env(&written).expect("what was written is legal");
    assert_eq!(again.len(), with_value().count());
    for ((was, value), is) in with_value().zip(&again) {
        let same = is.value.as_ref().is_some_and(|v| v.bytes() == value.bytes());
        assert!(same && is.name == was.name, "{}", was.name);
    }
}

fn has_return(value: &Secret) -> bool {
    value.bytes().contains(&b'\r')
}

/// A template; without references nothing changes.
pub fn template(bytes: &[u8]) {
    let Ok(template) = Template::parse(Secret::copy_of(bytes)) else { return };
    let value = Secret::copy_of(b"value");
    let out = template.render(&vec![&value; template.spots.len()]);
    assert!(!template.spots.is_empty() || out.bytes() == bytes);
}

/// What is said to the agent and what it answers; an agent that holds nothing answers anything.
pub fn agent(bytes: &[u8]) {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode().bytes(), bytes);
    }
    if let Ok(answer) = Answer::decode(bytes) {
        assert_eq!(answer.encode().bytes(), bytes);
    }
    let mut agent = Agent::new(Box::new(Moment::default), Locked::All, |_| true);
    let answer = agent.answer_bytes(bytes);
    assert!(Answer::decode(answer.bytes()).is_ok());
}

/// Whatever was read gets legal names, each of them once.
fn planned(parsed: Result<Parsed>) {
    let Ok(parsed) = parsed else { return };
    let folder = Prefix::parse("in").expect("legal");
    let Ok(plan) = plan_import(parsed, &folder, true) else { return };
    let mut paths: Vec<_> = plan.secrets.iter().map(|secret| &secret.path).collect();
    paths.sort();
    let count = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), count);
    for secret in &plan.secrets {
        assert!(SecretPath::parse(secret.path.as_str()).is_ok() && folder.covers(&secret.path));
    }
}

fn imported(format: FileFormat, bytes: &[u8]) {
    planned(parse_import(format, &Secret::copy_of(bytes)));
}

/// Files of variables.
pub fn import_env(bytes: &[u8]) {
    let _ = FileFormat::detect(None, &Secret::copy_of(bytes));
    imported(FileFormat::Dotenv, bytes);
    imported(FileFormat::DockerEnv, bytes);
    imported(FileFormat::Github, bytes);
    imported(FileFormat::JavaProperties, bytes);
}

/// Values of Terraform.
pub fn import_tfvars(bytes: &[u8]) {
    imported(FileFormat::Tfvars, bytes);
}

/// JSON, also as `vault export` writes it.
pub fn import_json(bytes: &[u8]) {
    imported(FileFormat::Json, bytes);
}

/// YAML, also the manifest of a Kubernetes Secret.
pub fn import_yaml(bytes: &[u8]) {
    imported(FileFormat::Yaml, bytes);
    imported(FileFormat::K8sSecret, bytes);
}

/// Tables.
pub fn import_csv(bytes: &[u8]) {
    imported(FileFormat::Csv, bytes);
}

/// Bitwarden's JSON.
pub fn import_bitwarden(bytes: &[u8]) {
    imported(FileFormat::Bitwarden, bytes);
}

/// 1Password's zip.
pub fn import_onepassword(bytes: &[u8]) {
    imported(FileFormat::OnePassword, bytes);
}

/// The header of a database of KeePass; what is behind it is authenticated.
pub fn import_keepass(bytes: &[u8]) {
    planned(read_keepass(&Secret::copy_of(bytes), Some(&Secret::copy_of(b"a")), None));
}

/// A file of `pass`.
pub fn import_pass(bytes: &[u8]) {
    let _ = parse_pass(&Secret::copy_of(bytes));
}

/// A file of sops, with the data key of the samples.
pub fn import_sops(bytes: &[u8]) {
    let key = Key::fill_with(|key| key.iter_mut().zip(100..).for_each(|(to, from)| *to = from));
    if let Ok(file) = SopsFile::parse(&Secret::copy_of(bytes)) {
        planned(file.open_with(&key));
    }
}

/// The small objects of nitor-vault and sneaker.
pub fn import_bucket(bytes: &[u8]) {
    let _ = open_nitor(&Key::new([1; 32]), bytes, vec![0; 32]);
    let _ = split_envelope(bytes);
}
