//! The encodings of the format: lower-case hex, canonical base64, and length-prefixed bytes.
//!
//! base64 and hex are the constant-time kind, since keys pass through them.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

use super::secret::{Key, Secret};

/// Standard base64, padded.
pub fn b64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Decodes canonical padded base64 (anything else is refused) of at most `max` decoded bytes.
pub fn b64_decode(text: &str, max: usize) -> Option<Vec<u8>> {
    if text.len() > max.div_ceil(3) * 4 {
        return None;
    }
    let bytes = Base64::decode_vec(text).ok()?;
    (bytes.len() <= max).then_some(bytes)
}

/// Decodes canonical padded base64 of exactly `N` bytes.
pub fn b64_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    b64_decode(text, N)?.try_into().ok()
}

/// base64 of secret bytes, into a secret.
pub fn b64_secret(bytes: &[u8]) -> Secret {
    let mut out = Secret::new(vec![0; Base64::encoded_len(bytes)]);
    Base64::encode(bytes, out.buffer()).expect("the buffer has the encoded length");
    out
}

/// Decodes canonical padded base64 into a secret.
pub fn b64_decode_secret(text: &[u8]) -> Option<Secret> {
    let mut out = Secret::new(vec![0; text.len() / 4 * 3]);
    let len = Base64::decode(text, out.buffer()).ok()?.len();
    out.truncate(len);
    Some(out)
}

/// Decodes canonical padded base64 of a 32-byte key.
pub fn b64_key(text: &[u8]) -> Option<Key> {
    Key::from_slice(b64_decode_secret(text)?.bytes())
}

/// URL-safe base64 without padding, for strings that people paste.
pub fn b64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Decodes canonical URL-safe base64 without padding, of at most `max` decoded bytes.
pub fn b64url_decode(text: &str, max: usize) -> Option<Vec<u8>> {
    if text.len() > max.div_ceil(3) * 4 {
        return None;
    }
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    (bytes.len() <= max).then_some(bytes)
}

/// URL-safe base64 of secret bytes, into a secret.
pub fn b64url_secret(bytes: &[u8]) -> Secret {
    let mut out = Secret::new(vec![0; Base64UrlUnpadded::encoded_len(bytes)]);
    Base64UrlUnpadded::encode(bytes, out.buffer()).expect("the buffer has the encoded length");
    out
}

/// Decodes canonical URL-safe base64 without padding into a secret of at most `max` bytes.
pub fn b64url_decode_secret(text: &[u8], max: usize) -> Option<Secret> {
    if text.len() > max.div_ceil(3) * 4 {
        return None;
    }
    let mut out = Secret::new(vec![0; text.len().div_ceil(4) * 3]);
    let len = Base64UrlUnpadded::decode(text, out.buffer()).ok()?.len();
    out.truncate(len);
    (len <= max).then_some(out)
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Decodes lower-case hex of exactly `N` bytes.
pub fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    base16ct::lower::decode(text, &mut out).ok()?;
    Some(out)
}

/// A decimal number as the format writes it: digits only, no leading zero, below 10^16.
pub fn decimal(text: &str) -> Option<u64> {
    let canonical = matches!(text.len(), 1..=16)
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// The largest number that [`decimal`] reads.
pub const DECIMAL_MAX: u64 = 9_999_999_999_999_999;

/// `lp(x) = u32be(len x) || x`, appended to `out`.
pub fn lp(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("length-prefixed parts are far below 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The concatenation of `lp(x)` of all parts.
pub fn lps(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.len() + 4).sum());
    for part in parts {
        lp(&mut out, part);
    }
    out
}

/// Takes one `lp(x)` off the front of `bytes`.
pub fn take_lp<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    if len > rest.len() {
        return None;
    }
    let (part, rest) = rest.split_at(len);
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_canonical() {
        assert_eq!(b64_decode("AA==", 1), Some(vec![0]));
        for bad in ["AB==", "AA=", "AA", "AA==\n", " AA==", "A-==", "AAAA===", "====", "AA=A"] {
            assert_eq!(b64_decode(bad, 100), None, "{bad}");
            assert!(b64_decode_secret(bad.as_bytes()).is_none(), "{bad}");
        }
        assert_eq!(b64_decode("AAAA", 2), None);
        assert_eq!(b64url_decode("_-8", 2), Some(vec![0xff, 0xef]));
        assert_eq!(b64url_decode("_-9", 2), None);
    }

    #[test]
    fn hex_is_lower_case_and_exact() {
        assert_eq!(hex_array::<2>("0aff"), Some([0x0a, 0xff]));
        for bad in ["0AFF", "0af", "0aff0", "0agf", ""] {
            assert_eq!(hex_array::<2>(bad), None, "{bad}");
        }
    }

    #[test]
    fn decimals_have_one_form() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("9999999999999999"), Some(DECIMAL_MAX));
        for bad in ["", "00", "01", "+1", "-1", "1 ", "10000000000000000", "1e3", "١"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn length_prefixes_round_trip() {
        let bytes = lps(&[b"ab", b"", b"c"]);
        let mut rest = bytes.as_slice();
        assert_eq!(take_lp(&mut rest), Some(&b"ab"[..]));
        assert_eq!(take_lp(&mut rest), Some(&b""[..]));
        assert_eq!(take_lp(&mut rest), Some(&b"c"[..]));
        assert_eq!(take_lp(&mut rest), None);
        assert_eq!(take_lp(&mut &[0, 0, 0, 2, 1][..]), None);
    }
}
