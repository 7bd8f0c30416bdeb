//! age plugins for tests (`age_plugin.py`), and SSH keys.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bech32::{Bech32, Hrp};
use vault::core::secret::Secret;

const SCRIPT: &str = include_str!("age_plugin.py");

/// A directory with plugins.
pub struct Plugins(tempfile::TempDir);

impl Plugins {
    /// Those of these names, `vtest` for instance.
    pub fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The Python of the tests starts faster than one behind a wrapper.
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".test-tools/venv/bin/python3");
        let python = std::env::var_os("VAULT_TEST_PYTHON").map_or(ours, PathBuf::from);
        let python = match python.exists() {
            true => format!("{} -I", python.display()),
            false => "/usr/bin/env -S python3 -I".to_owned(),
        };
        for name in names {
            let file = dir.path().join(format!("age-plugin-{name}"));
            std::fs::write(&file, format!("#!{python}\n{SCRIPT}")).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self(dir)
    }

    /// A `PATH` on which they are.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap();
        let dirs = std::iter::once(self.0.path().to_owned()).chain(std::env::split_paths(&path));
        std::env::join_paths(dirs).unwrap()
    }
}

/// The recipient of a key of the plugin `name`.
pub fn recipient(name: &str, key: u8) -> String {
    let hrp = Hrp::parse(&format!("age1{name}")).unwrap();
    bech32::encode_lower::<Bech32>(hrp, &[key; 32]).unwrap()
}

/// The identity of the same key.
pub fn identity(name: &str, key: u8) -> String {
    let hrp = Hrp::parse(&format!("age-plugin-{name}-")).unwrap();
    bech32::encode_upper::<Bech32>(hrp, &[key; 32]).unwrap()
}

/// The file that a plugin would make for that key.
pub fn identity_file(name: &str, key: u8) -> String {
    let (recipient, identity) = (recipient(name, key), identity(name, key));
    format!("#       Serial: 1, Slot: 1\n#    Recipient: {recipient}\n{identity}\n")
}

/// Where an SSH key for tests is: `ed25519`, `ed25519-sealed` (under `correct horse`), `rsa`,
/// `rsa-pem`, `ecdsa`, some with `.pub`.
pub fn ssh_key_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/ssh").join(name)
}

/// What is in it.
pub fn ssh_key(name: &str) -> Secret {
    Secret::new(std::fs::read(ssh_key_path(name)).unwrap())
}
