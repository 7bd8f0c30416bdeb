//! One-time passwords (RFC 6238) from the seeds that services hand out: `otpauth://totp/…` or
//! the bare base32 text.

use percent_encoding::percent_decode_str;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use super::error::{Error, Result};
use super::secret::Secret;

/// A code and how long it is good for.
pub struct Code {
    /// The digits.
    pub digits: Secret,
    /// Seconds until the next one.
    pub left: u64,
    /// Seconds that each one is good for.
    pub period: u64,
}

/// The code of a seed at `time`, in seconds since 1970.
///
/// # Errors
/// [`Kind::Usage`](super::error::Kind::Usage) if it is not a seed.
pub fn code(seed: &Secret, time: u64) -> Result<Code> {
    let text = seed.text().ok_or_else(wrong)?;
    let (totp, period) = match uri(text) {
        Some(rest) => from_uri(rest)?,
        None => (build(text, Algorithm::SHA1, 6, 30)?, 30),
    };
    let token = totp.generate(time);
    let digits = Zeroizing::new(token.to_string());
    Ok(Code { digits: Secret::copy_of(digits.as_bytes()), left: period - time % period, period })
}

/// What follows the scheme, if this is an address of a seed.
fn uri(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim().split_at_checked("otpauth://".len())?;
    scheme.eq_ignore_ascii_case("otpauth://").then_some(rest)
}

/// True for a seed that nobody takes for a password: `otpauth://…`.
pub fn is_uri(seed: &Secret) -> bool {
    seed.text().is_some_and(|text| uri(text).is_some())
}

fn from_uri(rest: &str) -> Result<(Totp, u64)> {
    let query = rest.strip_prefix("totp/").and_then(|rest| rest.split_once('?'));
    let (_, query) = query.ok_or_else(wrong)?;
    let (mut secret, mut algorithm, mut digits, mut period) = (None, Algorithm::SHA1, 6, 30);
    let query = query.split('#').next().unwrap_or_default();
    for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
        match name.to_ascii_lowercase().as_str() {
            "secret" => secret = Some(value),
            "algorithm" => {
                let name = value.to_ascii_uppercase().replace('-', "");
                algorithm = match name.strip_prefix("HMAC").unwrap_or(&name) {
                    "SHA1" => Algorithm::SHA1,
                    "SHA256" => Algorithm::SHA256,
                    "SHA512" => Algorithm::SHA512,
                    _ => return Err(wrong()),
                }
            }
            "digits" => digits = value.parse().map_err(|_| wrong())?,
            "period" => period = value.parse().map_err(|_| wrong())?,
            // Names of the account and the like.
            _ => {}
        }
    }
    let secret = percent_decode_str(secret.ok_or_else(wrong)?);
    let secret = Secret::new(secret.collect());
    let secret = secret.text().ok_or_else(wrong)?;
    Ok((build(secret, algorithm, digits, period)?, period))
}

fn build(base32: &str, algorithm: Algorithm, digits: u8, period: u64) -> Result<Totp> {
    if !(6..=8).contains(&digits) || !(1..=3600).contains(&period) {
        return Err(wrong());
    }
    // People copy seeds in groups of four, in either case, with or without the padding.
    let mut text = Secret::with_capacity(base32.len());
    let plain = base32.bytes().filter(|b| !b.is_ascii_whitespace() && !b"-=".contains(b));
    plain.for_each(|b| text.push(b.to_ascii_uppercase()));
    // No bytes end after these: a piece is missing.
    let whole = |text: &&str| !text.is_empty() && !matches!(text.len() % 8, 1 | 3 | 6);
    let text = text.text().filter(whole).ok_or_else(wrong)?;
    let seed = totp_rs::Secret::try_from_base32(text).map_err(|_| wrong())?;
    let builder = Builder::new().with_algorithm(algorithm).with_digits(digits);
    // Services hand out seeds that are shorter than the RFC wants.
    Ok(builder.with_step_duration(period).with_secret(seed).build_noncompliant())
}

fn wrong() -> Error {
    Error::usage("this is not the seed of one-time passwords")
        .hint("otpauth://totp/… or the base32 text that the service shows beside its QR code")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seed: &str, time: u64) -> Option<(String, u64)> {
        let code = code(&Secret::copy_of(seed.as_bytes()), time).ok()?;
        Some((code.digits.text().unwrap().to_owned(), code.left))
    }

    /// RFC 6238, appendix B: the ASCII digits 1 to 0 as the seed.
    #[test]
    fn codes_of_the_rfc() {
        let sha1 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let sha256 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====";
        let uri = |secret: &str, more| format!("otpauth://totp/a:b?secret={secret}&digits=8{more}");
        for (seed, time, code) in [
            (uri(sha1, ""), 59, "94287082"),
            (uri(sha1, "&issuer=x%20y"), 1_111_111_109, "07081804"),
            (uri(sha1, ""), 20_000_000_000, "65353130"),
            (uri(sha256, "&algorithm=SHA256"), 59, "46119246"),
            (uri(sha256, "&ALGORITHM=HMAC-SHA256#x").replace("otpauth", "OTPAUTH"), 59, "46119246"),
            ("gezd gnbv gy3t qojq gezd gnbv gy3t qojq".to_owned(), 59, "287082"),
        ] {
            assert_eq!(at(&seed, time).map(|c| c.0).as_deref(), Some(code), "{seed} at {time}");
        }
        assert_eq!(at(sha1, 59).unwrap().1, 1);
        assert_eq!(at(sha1, 60).unwrap().1, 30);
    }

    #[test]
    fn what_is_no_seed_is_refused() {
        for bad in [
            "",
            "not base32!",
            "A",
            "GEZDGNBVGY3TQOJQG",
            "otpauth://hotp/a?secret=GEZDGNBV",
            "otpauth://totp/a?issuer=x",
            "otpauth://totp/a?secret=GEZDGNBV&period=0",
            "otpauth://totp/a?secret=GEZDGNBV&digits=99",
            "otpauth://totp/a?secret=GEZDGNBV&algorithm=MD5",
        ] {
            assert!(at(bad, 59).is_none(), "{bad}");
        }
    }
}
