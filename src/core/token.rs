//! The strings that people paste: `vault-id1…`, `vault-join1…`. One encoding for all of them:
//! a prefix, then URL-safe base64 of the payload and of a 4-byte checksum (SHA-256 over prefix
//! and payload), so that a cut or mistyped string is noticed before it is used.

use super::cipher::sha256;
use super::text::{b64url, b64url_decode};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_round_trip_and_errors_are_noticed() {
        let text = encode("vault-x1", b"payload");
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
