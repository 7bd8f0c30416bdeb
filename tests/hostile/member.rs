//! A removed member who goes on writing, with a storage that helps.

use std::sync::Arc;

use vault::core::cipher::{self, sha256};
use vault::core::header::{GroupGen, SignedHeader};
use vault::core::s3ec::{Envelope, unwrap_aes};
use vault::core::secret::Secret;
use vault::core::text::{b64, b64_key, hex};
use vault::keys::local::Tree;
use vault::keys::recipient;
use vault::store::{Condition, Metadata, Store, list_all};
use vault::team::Cut;
use vault::team::cut::CutEntry;
use vault::vault::{Kind, Prefix, Vault};

use super::liar::{Liar, image};
use crate::support::team::Chain;
use crate::support::{ANN, World, get, get_at, h, identity, path, put, s};

const BOB: u8 = 2;

/// Ann and bob, who may write everywhere; keyring files in hex of their hashes.
struct Team {
    world: World,
    chain: Chain,
    keyring: String,
}

impl Team {
    async fn new() -> Self {
        let world = World::new().await;
        let note = image(&world.store, ".vault/team/0000000000000000").await.1;
        let chain = Chain::from_first(&note);
        let file = chain.state.groups["main"].keyring[0];
        let file = image(&world.store, &format!(".vault/obj/{}", hex(&file))).await.1;
        let plain = recipient::decrypt(&file, identity(ANN).age()).unwrap().unwrap();
        let keyring = plain.text().unwrap().to_owned();
        let mut team = Self { world, chain, keyring };
        let bob = identity(BOB);
        let key = format!("key-add bob {{k2}} {}", bob.public().recipient);
        let keyring = format!("keyring main 1 {}", team.seal(&[ANN, BOB]).await);
        let lines =
            ["member-add bob", &key, "role bob +read main", "role bob +write \"\"", &keyring];
        team.add(&lines).await;
        team
    }

    async fn object(&self, bytes: &[u8]) -> String {
        let hash = hex(&sha256(&[bytes]));
        let key = format!(".vault/obj/{hash}");
        self.world.store.put(&key, &Metadata::new(), bytes, &Condition::None).await.unwrap();
        hash
    }

    /// Stores the keyring for these people; answers its hash.
    async fn seal(&self, people: &[u8]) -> String {
        let people: Vec<String> =
            people.iter().map(|who| identity(*who).public().recipient.clone()).collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        let plain = Secret::copy_of(self.keyring.as_bytes());
        self.object(&recipient::encrypt(&people, &plain).unwrap()).await
    }

    async fn add(&mut self, lines: &[&str]) {
        let bytes = self.chain.add(lines);
        self.object(self.chain.state.to_string().as_bytes()).await;
        let key = format!(".vault/team/{:016}", self.chain.seq);
        self.world.store.put(&key, &Metadata::new(), &bytes, &Condition::None).await.unwrap();
    }

    /// Removes bob; the cut has these versions.
    async fn remove_bob(&mut self, cut: &[(&str, u64)]) {
        let mut entries = Cut::default();
        for (name, n) in cut {
            let metadata = image(&self.world.store, &h(name, *n)).await.0;
            let signed =
                SignedHeader::parse(&self.world.pin.vault, &path(name), &metadata).unwrap();
            let entry = CutEntry { n: *n, record: signed.record_hash };
            entries.insert(&self.world.pin.vault, &path(name), entry);
        }
        let key = |n: u8| b64(&[n; 32]);
        let (bk, gk, nk) = (key(31), key(32), key(33));
        let newer =
            format!(",{{\"bk\":\"{bk}\",\"gen\":2,\"gk\":\"{gk}\",\"nk\":\"{nk}\"}}],\"v\":1}}");
        self.keyring = self.keyring.replace("],\"v\":1}", &newer);
        let keyring = format!("keyring main 2 {}", self.seal(&[ANN]).await);
        let cut = format!("cut main {}", self.object(&entries.encode()).await);
        self.add(&["member-remove bob", &keyring, &cut]).await;
    }

    /// Bob, to whom a storage shows the chain only up to note 1.
    async fn bob(&self) -> Vault {
        let liar = Liar::new(&self.world.store);
        liar.lies().hidden.push(".vault/team/0000000000000002".into());
        self.world.open(liar, "bob", BOB).await.unwrap()
    }

    async fn ann(&self, device: &str) -> Vault {
        self.world.open(Arc::new(self.world.store.clone()), device, ANN).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_written_before_stays() {
    let mut team = Team::new().await;
    let (ann, bob) = (team.ann("ann").await, team.bob().await);
    put(&bob, "a", "bob").await.unwrap();
    put(&ann, "b", "ann").await.unwrap();
    put(&bob, "b", "bob").await.unwrap();
    assert_eq!(get(&ann, "b").await.as_deref(), Ok("bob"));
    team.remove_bob(&[("a", 1), ("b", 2)]).await;
    for device in ["ann", "new"] {
        let ann = team.ann(device).await;
        assert_eq!(get(&ann, "a").await.as_deref(), Ok("bob"));
        assert_eq!(get(&ann, "b").await.as_deref(), Ok("bob"));
        assert_eq!(get_at(&ann, "b", 1).await.as_deref(), Ok("ann"));
        let report = ann.verify(&Prefix::default(), false).await.unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
    put(&ann, "a", "new").await.unwrap();
    assert_eq!(get_at(&ann, "a", 1).await.as_deref(), Ok("bob"));
}

#[tokio::test]
async fn what_is_written_after_is_void_and_kept_as_evidence() {
    let mut team = Team::new().await;
    let (ann, bob) = (team.ann("ann").await, team.bob().await);
    put(&ann, "a", "1").await.unwrap();
    team.remove_bob(&[("a", 1)]).await;
    assert_eq!(put(&bob, "a", "forged").await.unwrap(), 2);
    assert_eq!(put(&bob, "new", "forged").await.unwrap(), 1);
    let forged = image(&team.world.store, &h("a", 2)).await;
    for device in ["ann", "new"] {
        let ann = team.ann(device).await;
        assert_eq!(get(&ann, "a").await.as_deref(), Ok("1"));
        assert_eq!(get_at(&ann, "a", 2).await, Err(Kind::Integrity));
        assert_eq!(get(&ann, "new").await, Err(Kind::Integrity));
        assert!(ann.take_warnings().iter().any(|w| w.contains("may not write")));
    }
    assert_eq!(put(&ann, "a", "2").await.unwrap(), 2);
    assert_eq!(put(&ann, "new", "1").await.unwrap(), 1);
    let kept = list_all(&team.world.store, ".vault/void/").await.unwrap();
    assert_eq!(kept.len(), 2);
    let mut images = Vec::new();
    for key in &kept {
        images.push(image(&team.world.store, key).await);
    }
    assert!(images.contains(&forged));
    let report = ann.verify(&Prefix::default(), false).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    // A device without the newest note cannot read what bob could read no more.
    assert!(bob.read(&path("a"), None).await.is_err());
}

#[tokio::test]
async fn a_straggler_of_somebody_who_stays_is_read_and_built_upon() {
    let mut team = Team::new().await;
    let ann = team.ann("ann").await;
    put(&ann, "a", "1").await.unwrap();
    let liar = Liar::new(&team.world.store);
    liar.lies().hidden.push(".vault/team/0000000000000002".into());
    let late = team.world.open(liar.clone(), "late", ANN).await.unwrap();
    get(&late, "a").await.unwrap();
    team.remove_bob(&[("a", 1)]).await;
    assert_eq!(put(&late, "a", "2").await.unwrap(), 2);
    assert_eq!(put(&late, "new", "1").await.unwrap(), 1);
    for device in ["ann", "new"] {
        let ann = team.ann(device).await;
        assert_eq!(get(&ann, "a").await.as_deref(), Ok("2"));
        assert_eq!(get(&ann, "new").await.as_deref(), Ok("1"));
    }
    assert_eq!(put(&ann, "a", "3").await.unwrap(), 3);
    liar.honest();
    assert_eq!(get(&late, "a").await.as_deref(), Ok("3"));
    assert_eq!(get_at(&late, "a", 2).await.as_deref(), Ok("2"));
}

#[tokio::test]
async fn a_mark_on_what_was_dropped_moves_with_a_warning() {
    let mut team = Team::new().await;
    let (ann, bob) = (team.ann("ann").await, team.bob().await);
    put(&ann, "a", "1").await.unwrap();
    put(&bob, "a", "dropped").await.unwrap();
    let seen = team.ann("other").await;
    assert_eq!(get(&seen, "a").await.as_deref(), Ok("dropped"));
    // The remover had not seen version 2.
    team.remove_bob(&[("a", 1)]).await;
    // Nobody has said yet what comes in its place.
    assert_eq!(get(&seen, "a").await, Err(Kind::Integrity));
    let remover = team.ann("remover").await;
    assert_eq!(put(&remover, "a", "2").await.unwrap(), 2);
    assert_eq!(get(&seen, "a").await.as_deref(), Ok("2"));
    assert!(seen.take_warnings().iter().any(|w| w.contains("dropped")));
    // But never for what somebody wrote who still may.
    put(&ann, "a", "3").await.unwrap();
    assert_eq!(get(&seen, "a").await.as_deref(), Ok("3"));
    Liar::new(&team.world.store).plant(&h("a", 2), &s("a")).await;
    team.world.store.delete(&h("a", 3), None).await.unwrap();
    assert_eq!(get(&seen, "a").await, Err(Kind::Integrity));
}

#[tokio::test]
async fn a_removed_member_reads_nothing_new() {
    let mut team = Team::new().await;
    let (ann, bob) = (team.ann("ann").await, team.bob().await);
    put(&ann, "a", "1").await.unwrap();
    assert_eq!(get(&bob, "a").await.as_deref(), Ok("1"));
    team.remove_bob(&[("a", 1)]).await;
    put(&ann, "a", "2").await.unwrap();
    let honest = Arc::new(team.world.store.clone());
    let bob = team.world.open(honest, "bob", BOB).await.unwrap();
    assert_eq!(get(&bob, "a").await, Err(Kind::Denied));
    assert_eq!(put(&bob, "a", "3").await.unwrap_err().kind, Kind::Denied);
    assert_eq!(bob.delete(&path("a"), None).await.unwrap_err().kind, Kind::Denied);
    assert_eq!(bob.check_membership().await.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn whoever_can_read_cannot_change_a_body() {
    let team = Team::new().await;
    let ann = team.ann("ann").await;
    put(&ann, "a", "1000").await.unwrap();
    // A reader has the group's key, so also the data key and the key of the body: a right tag
    // and commitment prove nothing.
    let at = team.keyring.find("\"gk\":\"").unwrap() + 6;
    let gk = b64_key(&team.keyring.as_bytes()[at..at + 44]).unwrap();
    let group = GroupGen::parse("main.1").unwrap();
    let leaf = Tree::new(team.world.pin.vault, group, &gk).leaf(&path("a")).unwrap();
    let (metadata, _) = image(&team.world.store, &s("a")).await;
    let envelope = Envelope::parse(&metadata).unwrap();
    let data_key = unwrap_aes(&leaf, envelope.wrapped()).unwrap();
    let key = cipher::hkdf(data_key.bytes(), envelope.message_id(), b"\x00\x73DERIVEKEY");
    let body = cipher::seal(&key, &[1; 12], &[0x00, 0x73], Secret::copy_of(b"9999"));
    let opened = envelope.content_key(data_key).unwrap().open(body.clone()).unwrap();
    assert_eq!(opened.text(), Some("9999"), "without its signature it would be read");
    for key in [s("a"), h("a", 1)] {
        team.world.store.put(&key, &metadata, &body, &Condition::None).await.unwrap();
    }
    for device in ["ann", "new"] {
        assert_eq!(get(&team.ann(device).await, "a").await, Err(Kind::Integrity));
    }
}
