//! A group's keyring: the keys of its newest and of all older generations, as age files
//! (`docs/FORMAT.md`, "Keyring").

use super::recipient;
use crate::core::error::{Error, Result};
use crate::core::header::is_group_name;
use crate::core::json::{JsonError, Reader};
use crate::core::random;
use crate::core::secret::{Key, Secret};
use crate::core::text::{b64_key, b64_secret};

/// Largest age file that is read: 1,000 X25519 recipients, or 400 post-quantum ones, and 1,000
/// generations stay below.
pub const MAX_KEYRING: u64 = 1024 * 1024;
const MAX_GENERATIONS: usize = 4096;

/// The keys of one generation.
pub struct Generation {
    /// GK: the root of the folder tree.
    pub gk: Key,
    /// BK: names and wraps attachments.
    pub bk: Key,
    /// NK: reserved for sealed names.
    pub nk: Key,
}

impl Generation {
    fn random() -> Self {
        Self { gk: random::key(), bk: random::key(), nk: random::key() }
    }
}

/// A group's keys, generation 1 first.
pub struct Keyring {
    /// Name of the group.
    pub group: String,
    /// Each in a place of its own: a list that grows would leave copies behind.
    #[allow(clippy::vec_box)]
    generations: Vec<Box<Generation>>,
}

impl Keyring {
    /// A keyring with a first, random generation.
    pub fn first(group: &str) -> Self {
        Self { group: group.to_owned(), generations: vec![Box::new(Generation::random())] }
    }

    /// The same with one more, random generation.
    pub fn next(&self) -> Self {
        let copy = |keys: &Generation| Generation {
            gk: keys.gk.duplicate(),
            bk: keys.bk.duplicate(),
            nk: keys.nk.duplicate(),
        };
        let copies = self.generations.iter().map(|keys| Box::new(copy(keys)));
        let mut generations: Vec<_> = copies.collect();
        generations.push(Box::new(Generation::random()));
        Self { group: self.group.clone(), generations }
    }

    /// The newest generation's number.
    pub fn newest(&self) -> u64 {
        self.generations.len() as u64
    }

    /// The keys of a generation, counted from 1.
    pub fn generation(&self, number: u64) -> Option<&Generation> {
        self.generations.get(usize::try_from(number).ok()?.checked_sub(1)?).map(|keys| &**keys)
    }

    /// All keys of it.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.generations.iter().flat_map(|keys| [&keys.gk, &keys.bk, &keys.nk])
    }

    /// The keyring as age files for `recipients`: one, or more where some may not share a file.
    /// That of the X25519 recipients is the first.
    ///
    /// # Errors
    /// If a recipient cannot be encrypted to, or there are more than a file can hold.
    pub fn seal(&self, recipients: &[&str]) -> Result<Vec<Vec<u8>>> {
        let files = recipient::encrypt_apart(recipients, &self.encode())?;
        // What nobody would read is not written.
        match files.iter().all(|file| file.len() as u64 <= MAX_KEYRING) {
            true => Ok(files),
            false => Err(Error::usage(format!(
                "the keyring of group {} has too many recipients: an age file of it would be \
                 larger than 1 MiB",
                self.group
            ))),
        }
    }

    /// Opens an age file that the chain pins as keyring of `group`; `None` if it is not for
    /// `identity`.
    ///
    /// # Errors
    /// [`Kind::Integrity`](crate::core::error::Kind::Integrity) if it is damaged or of another
    /// group; credentials or usage if what keeps the key of `identity` fails.
    pub fn open(
        file: &[u8],
        group: &str,
        newest: u64,
        identity: &dyn age::Identity,
    ) -> Result<Option<Self>> {
        let damaged = || Error::integrity(format!("the keyring of group {group} is damaged"));
        let Some(plaintext) =
            recipient::decrypt(file, identity).map_err(|e| recipient::not_opened(e, damaged))?
        else {
            return Ok(None);
        };
        let keyring = Self::decode(plaintext.bytes()).map_err(|e| damaged().because(e))?;
        if keyring.group != group || keyring.newest() != newest {
            return Err(Error::integrity(format!(
                "the keyring stored for {group}.{newest} is of another group or generation"
            )));
        }
        Ok(Some(keyring))
    }

    /// Canonical JSON: names sorted, no white space.
    fn encode(&self) -> Secret {
        let mut out = Secret::with_capacity(64 + self.generations.len() * 220);
        out.extend(format!("{{\"group\":\"{}\",\"keys\":[", self.group).as_bytes());
        for (i, keys) in self.generations.iter().enumerate() {
            out.extend(if i == 0 { b"{\"bk\":\"" } else { b",{\"bk\":\"" });
            out.extend(b64_secret(keys.bk.bytes()).bytes());
            out.extend(format!("\",\"gen\":{},\"gk\":\"", i + 1).as_bytes());
            out.extend(b64_secret(keys.gk.bytes()).bytes());
            out.extend(b"\",\"nk\":\"");
            out.extend(b64_secret(keys.nk.bytes()).bytes());
            out.extend(b"\"}");
        }
        out.extend(b"],\"v\":1}");
        out
    }

    /// Reads what is inside the age file.
    ///
    /// # Errors
    /// What is wrong with it, without any of it.
    pub fn decode(text: &[u8]) -> std::result::Result<Self, JsonError> {
        let mut reader = Reader::new(text);
        let (mut group, mut generations, mut version) = (None, Vec::new(), None);
        reader.object(|name, reader| {
            match name {
                "group" => {
                    let text = reader.string()?;
                    let text = text.text().filter(|t| is_group_name(t));
                    group = Some(text.ok_or(reader.error("not a group"))?.to_owned());
                }
                "keys" => reader.array(|reader| {
                    let number = generations.len() as u64 + 1;
                    generations.push(Box::new(decode_generation(reader, number)?));
                    let few = generations.len() <= MAX_GENERATIONS;
                    if few { Ok(()) } else { Err(reader.error("too many generations")) }
                })?,
                "v" => version = Some(reader.number()?),
                _ => return Err(reader.error("an unknown member")),
            }
            Ok(())
        })?;
        let incomplete = reader.error("an incomplete keyring");
        reader.end()?;
        match group {
            Some(group) if version == Some(1) && !generations.is_empty() => {
                Ok(Self { group, generations })
            }
            _ => Err(incomplete),
        }
    }
}

fn decode_generation(
    reader: &mut Reader<'_>,
    number: u64,
) -> std::result::Result<Generation, JsonError> {
    let (mut gk, mut bk, mut nk, mut generation) = (None, None, None, None);
    reader.object(|name, reader| {
        let mut key = |slot: &mut Option<Key>| {
            *slot = b64_key(reader.string()?.bytes());
            if slot.is_some() { Ok(()) } else { Err(reader.error("not a key")) }
        };
        match name {
            "gk" => key(&mut gk),
            "bk" => key(&mut bk),
            "nk" => key(&mut nk),
            "gen" => reader.number().map(|n| generation = Some(n)),
            _ => Err(reader.error("an unknown member")),
        }
    })?;
    match (gk, bk, nk) {
        (Some(gk), Some(bk), Some(nk)) if generation == Some(number) => {
            Ok(Generation { gk, bk, nk })
        }
        _ => Err(reader.error("an incomplete generation")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::identity::Identity;

    #[test]
    fn a_keyring_opens_for_its_recipients_only() {
        let (ann, bob) = (Identity::random(), Identity::random());
        let keyring = Keyring::first("main");
        let file = keyring.seal(&[&ann.public().recipient]).ok().unwrap().remove(0);
        let open = |who: &Identity, group| Keyring::open(&file, group, 1, who.age());
        let back = open(&ann, "main").ok().flatten().expect("is for ann");
        assert_eq!(
            back.generation(1).unwrap().gk.bytes(),
            keyring.generation(1).unwrap().gk.bytes()
        );
        assert!(back.generation(0).is_none() && back.generation(2).is_none());
        assert!(matches!(open(&bob, "main"), Ok(None)));
        assert!(open(&ann, "pay").is_err());
        assert!(Keyring::open(&file, "main", 2, ann.age()).is_err());
        for cut in 0..file.len() {
            let opened = Keyring::open(&file[..cut], "main", 1, ann.age());
            assert!(!matches!(opened, Ok(Some(_))), "{cut}");
        }
    }

    #[test]
    fn malformed_keyrings_are_refused() {
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let good = format!(
            r#"{{"group":"main","keys":[{{"bk":"{key}","gen":1,"gk":"{key}","nk":"{key}"}}],"v":1}}"#
        );
        let decoded = Keyring::decode(good.as_bytes()).expect("well-formed");
        assert_eq!(decoded.encode().text(), Some(good.as_str()));
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"gen\":1", "\"gen\":2"),
            ("main", "Main"),
            ("\"gk\"", "\"xk\""),
            ("AA=", "A=="),
            (",\"v\":1", ""),
            ("\"v\":1", "\"v\":1,\"v\":1"),
            ("}]", "},]"),
        ] {
            assert!(Keyring::decode(good.replacen(from, to, 1).as_bytes()).is_err(), "{from}");
        }
    }
}
