//! Vaults in buckets, with data keys wrapped by KMS, through the library: what is asked for, what
//! happens when requests fail, and what a hostile service can do.

mod cluster;
mod counts;
mod faults;
mod hostile;
mod iam;
mod race;
mod run;
mod wrap;

use std::sync::atomic::{AtomicUsize, Ordering};

use vault::aws::AwsOptions;
use vault::vault::{DeviceIdentity, Error, Init, Location, Pin, Places, Storage, Vault};

use crate::support::servers::{Server, make_bucket, make_key};
use crate::support::{ANN, RECOVERY, identity};

/// A vault below a prefix of its own in a server's bucket, and the devices that use it.
pub struct Bucket {
    pub server: &'static Server,
    pub prefix: String,
    pub pin: Pin,
    pub kms: Option<String>,
    dir: tempfile::TempDir,
}

/// How its data keys are wrapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wrapping {
    Local,
    Kms,
}

impl Bucket {
    pub async fn new(server: &'static Server, wrapping: Wrapping) -> Self {
        Self::through(server, wrapping, server.options()).await.unwrap()
    }

    /// A vault that is made through another address.
    pub async fn through(
        server: &'static Server,
        wrapping: Wrapping,
        options: AwsOptions,
    ) -> Result<Self, Error> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        make_bucket(server, "vaults");
        let prefix = format!("v{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::tempdir().unwrap();
        let kms = (wrapping == Wrapping::Kms).then(|| make_key(server));
        let recovery = identity(RECOVERY);
        let init = Init {
            kms: kms.as_deref(),
            member: "ann",
            identity: identity(ANN),
            recovery: &recovery,
        };
        let storage = storage(&prefix, options).await;
        let places = places(&dir, "init");
        let made = Vault::init(storage, init, &places).await?;
        Ok(Self { server, prefix, pin: made.join().pin, kms, dir })
    }

    /// Ann on a device, which reaches the server as the options say.
    pub async fn device(&self, name: &str, options: AwsOptions) -> Result<Vault, Error> {
        self.device_of(name, ANN, options).await
    }

    /// Somebody on a device.
    pub async fn device_of(
        &self,
        name: &str,
        seed: u8,
        options: AwsOptions,
    ) -> Result<Vault, Error> {
        let storage = storage(&self.prefix, options).await;
        let places = places(&self.dir, name);
        Vault::open_in(storage, &self.pin, &places, Some(identity(seed))).await
    }

    /// Somebody without an identity, who is about to read at `path`.
    pub async fn reader(&self, options: AwsOptions, path: &str) -> Result<Vault, Error> {
        let storage = storage(&self.prefix, options).await.reading(&[crate::support::path(path)]);
        Vault::open_in(storage, &self.pin, &places(&self.dir, "none"), None::<DeviceIdentity>).await
    }

    /// The key in the bucket of a key of the vault.
    pub fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.prefix)
    }
}

async fn storage(prefix: &str, options: AwsOptions) -> Storage {
    let location = Location::parse(&format!("s3://vaults/{prefix}")).unwrap();
    Storage::open(location, options).await.unwrap()
}

fn places(dir: &tempfile::TempDir, name: &str) -> Places {
    let dir = dir.path().join(name);
    Places { state: dir.join("state"), cache: dir.join("cache") }
}
