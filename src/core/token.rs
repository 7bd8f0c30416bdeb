//! The strings that people paste: `vault-id1…`, `vault-join1…`. One encoding for all of them:
//! a prefix, then URL-safe base64 of the payload and of a 4-byte checksum (SHA-256 over prefix
//! and payload), so that a cut or mistyped string is noticed before it is used.

use super::cipher::sha256;
use super::secret::Secret;
use super::text::{b64url, b64url_decode, b64url_decode_secret, b64url_secret};

/// Longest payload in bytes.
pub const MAX_PAYLOAD: usize = 16 * 1024;
const CHECK: usize = 4;

/// `prefix` (which ends in `1`) followed by the encoded payload.
pub fn encode(prefix: &str, payload: &[u8]) -> String {
    let check = sha256(&[prefix.as_bytes(), payload]);
    let mut bytes = payload.to_vec();
    bytes.extend_from_slice(&check[..CHECK]);
    format!("{prefix}{}", b64url(&bytes))
}

/// The payload, or `None` if the prefix, the encoding or the checksum is wrong.
pub fn decode(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let mut bytes = b64url_decode(text.strip_prefix(prefix)?, MAX_PAYLOAD + CHECK)?;
    let at = bytes.len().checked_sub(CHECK)?;
    let check = bytes.split_off(at);
    (sha256(&[prefix.as_bytes(), &bytes])[..CHECK] == check[..]).then_some(bytes)
}

/// [`encode`] of a payload that is secret.
pub fn encode_secret(prefix: &str, payload: &Secret) -> Secret {
    let check = sha256(&[prefix.as_bytes(), payload.bytes()]);
    let mut bytes = Secret::copy_of(payload.bytes());
    bytes.extend(&check[..CHECK]);
    let mut text = Secret::copy_of(prefix.as_bytes());
    text.extend(b64url_secret(bytes.bytes()).bytes());
    text
}

/// [`decode`] of a payload that is secret.
pub fn decode_secret(prefix: &str, text: &[u8]) -> Option<Secret> {
    let text = text.strip_prefix(prefix.as_bytes())?;
    let mut bytes = b64url_decode_secret(text, MAX_PAYLOAD + CHECK)?;
    let at = bytes.len().checked_sub(CHECK)?;
    let (payload, check) = bytes.bytes().split_at(at);
    let good = sha256(&[prefix.as_bytes(), payload])[..CHECK] == *check;
    bytes.truncate(at);
    good.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_round_trip_and_errors_are_noticed() {
        let text = encode("vault-x1", b"payload");
        let secret = encode_secret("vault-x1", &Secret::copy_of(b"payload"));
        assert_eq!(secret.text(), Some(text.as_str()));
        let back = decode_secret("vault-x1", text.as_bytes()).unwrap();
        assert_eq!(back.bytes(), b"payload");
        assert!(decode_secret("vault-y1", text.as_bytes()).is_none());
        assert!(decode_secret("vault-x1", &text.as_bytes()[..text.len() - 1]).is_none());
        assert_eq!(decode("vault-x1", &text).as_deref(), Some(&b"payload"[..]));
        assert_eq!(decode("vault-y1", &text), None);
        for cut in 0..text.len() {
            assert_eq!(decode("vault-x1", &text[..cut]), None, "{cut}");
        }
        for at in 8..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(decode("vault-x1", std::str::from_utf8(&other).unwrap()), None, "{at}");
        }
    }
}
