//! Join strings and the words to compare.

use serde_json::{Value, json};
use vault::core::text::{hex, lps};
use vault::core::token;
use vault::team::Pin;
use vault::team::join::Join;

use super::world::{CHAIN, vault};
use super::{Cases, Suite, array, changed, number, text};

pub const SUITE: Suite = Suite {
    name: "join",
    about: "vault-join1 strings, and the 8 words of (V, seq, hash)",
    members: &["string", "location", "region", "vault", "seq", "hash", "words"],
    make,
    read,
};

fn read(case: &Value) -> Result<(), String> {
    let join = Join::parse(text(case, "string")).map_err(|e| e.message)?;
    assert_eq!(join.location, text(case, "location"));
    assert_eq!(join.region, text(case, "region"));
    assert_eq!(join.pin.vault, array(case, "vault"));
    assert_eq!((join.pin.seq, join.pin.hash), (number(case, "seq"), array(case, "hash")));
    assert_eq!(join.pin.words(), text(case, "words"));
    assert_eq!(join.encode(), text(case, "string"));
    Ok(())
}

fn make() -> Cases {
    let case = |name: &str, location: &str, region: &str, seq: u64| {
        let hash = CHAIN[usize::try_from(seq).unwrap()].hash;
        let pin = Pin { vault: vault(), seq, hash };
        let words = pin.words();
        let join = Join { location: location.into(), region: region.into(), pin };
        json!({
            "name": name, "string": join.encode(), "location": location, "region": region,
            "vault": hex(&vault()), "seq": seq, "hash": hex(&hash), "words": words,
        })
    };
    let good = vec![
        case("a directory, note 0", "/srv/team vault/ü", "", 0),
        case("a directory, note 1", "/srv/v", "", 1),
        case("a bucket", "s3://team-secrets/vault", "eu-central-1", 1),
    ];
    let payload = |location: &[u8], region: &[u8], seq: u64, rest: &[u8]| {
        let mut payload = lps(&[location, region]);
        payload.extend(vault());
        payload.extend(seq.to_be_bytes());
        payload.extend(rest);
        token::encode("vault-join1", &payload)
    };
    let hash = CHAIN[1].hash;
    let string = text(&good[1], "string");
    let last = if string.ends_with('A') { "B" } else { "A" };
    let bad = [
        ("cut off", string[..string.len() - 1].to_owned()),
        ("one letter", format!("{}{last}", &string[..string.len() - 1])),
        ("upper case", string.to_uppercase()),
        ("the prefix of an id", string.replacen("join1", "id1", 1)),
        ("padded", format!("{string}=")),
        ("no location", payload(b"", b"", 1, &hash)),
        ("a line break in the location", payload(b"/srv\n/v", b"", 1, &hash)),
        ("a location that is not UTF-8", payload(&[0xff], b"", 1, &hash)),
        ("note 0 with another hash", payload(b"/srv/v", b"", 0, &hash)),
        ("a seq of 17 digits", payload(b"/srv/v", b"", 10_000_000_000_000_000, &hash)),
        ("a byte short", payload(b"/srv/v", b"", 1, &hash[..31])),
        ("a byte long", payload(b"/srv/v", b"", 1, &[&hash[..], &[0]].concat())),
    ];
    let reason = "not a vault-join1… string, or cut off when it was copied";
    let bad =
        bad.into_iter().map(|(name, s)| changed(&good[1], name, reason, &[("string", s.into())]));
    let bad = bad.collect();
    (good, bad)
}
