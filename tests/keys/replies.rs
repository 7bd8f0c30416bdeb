//! Replies as AWS gives them, where no server that runs here does.

use super::{envelope, unwrap, wrap};
use crate::support::doubles::{Act, Double, answer};
use crate::support::servers;
use vault::aws::AwsOptions;
use vault::core::error::{Error, Kind};
use vault::core::s3ec::WrapKind;
use vault::core::text::b64;
use vault::keys::Wrapped;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1234-ab";
const MANY: &str = "arn:aws:kms:eu-west-1:123456789012:key/mrk-12";
const JSON: &str = "Content-Type: application/x-amz-json-1.1\r\n";

fn refusal(status: u16, code: &str, message: &str) -> String {
    answer(status, JSON, &format!(r#"{{"__type":"{code}","message":"{message}"}}"#))
}

fn data_key(key: &str, plaintext: &[u8]) -> String {
    let (blob, plaintext) = (b64(b"wrapped"), b64(plaintext));
    let body =
        format!(r#"{{"CiphertextBlob":"{blob}","KeyId":"{key}","Plaintext":"{plaintext}"}}"#);
    answer(200, JSON, &body)
}

fn options(double: &Double) -> AwsOptions {
    AwsOptions { endpoint_kms: Some(double.endpoint.clone()), ..servers::offline() }
}

fn always(reply: String) -> Double {
    Double::new(0, move |_, _| Act::Answer(reply.clone()))
}

/// A wrap that was not made by any service.
fn made_up(key: &str) -> Wrapped {
    wrap(options(&always(data_key(key, &[1; 32]))), key, "a").unwrap()
}

fn open(double: &Double, key: &str) -> Error {
    let wrapped = made_up(key);
    let object = envelope(&wrapped, &wrapped.description);
    unwrap(options(double), key, "a", object).err().expect("a refusal")
}

#[test]
fn refusals_have_their_meaning() {
    let skew = "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z";
    let replies = [
        (400, "AccessDeniedException", "no", Kind::Denied, "kms:Decrypt"),
        (400, "DisabledException", "off", Kind::Denied, "Disabled"),
        (400, "KMSInvalidStateException", "pending deletion", Kind::Denied, "pending deletion"),
        (400, "NotFoundException", "none", Kind::NotFound, "no KMS key"),
        (400, "InvalidCiphertextException", "", Kind::Integrity, "not of this path"),
        (400, "IncorrectKeyException", "", Kind::Integrity, "another KMS key"),
        (400, "InvalidKeyUsageException", "sign", Kind::Usage, "cannot be used for this"),
        (400, "ExpiredTokenException", "over", Kind::Credentials, "over"),
        (400, "UnrecognizedClientException", "who", Kind::Credentials, "who"),
        (400, "InvalidSignatureException", "wrong", Kind::Credentials, "wrong"),
        (400, "InvalidSignatureException", skew, Kind::Credentials, "clocks"),
        (400, "ThrottlingException", "slow down", Kind::Network, "slow down"),
        (500, "KMSInternalException", "later", Kind::Network, "later"),
        (400, "SomethingNew", "says so", Kind::General, "says so"),
    ];
    for (status, code, message, kind, says) in replies {
        let error = open(&always(refusal(status, code, message)), KEY);
        assert_eq!(error.kind, kind, "{code}: {error:?}");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error} {}", cause.unwrap_or_default());
        assert!(text.contains(says), "{code}: {text}");
    }
}

#[test]
fn the_key_that_was_used_must_be_the_pinned_one() {
    let others =
        [KEY.replace("1234-ab", "1234-ac"), KEY.replace("us-east-1", "us-west-1"), "".into()];
    for other in others {
        let reply = data_key(&other, &[1; 32]);
        assert_eq!(open(&always(reply.clone()), KEY).kind, Kind::Integrity, "{other}");
        let made = wrap(options(&always(reply)), KEY, "a").err().unwrap();
        assert_eq!(made.kind, Kind::Integrity, "{other}");
    }
}

#[test]
fn a_data_key_has_32_bytes() {
    for length in [0, 16, 31, 33] {
        let reply = || always(data_key(KEY, &vec![1; length]));
        assert_eq!(open(&reply(), KEY).kind, Kind::General, "{length}");
        assert!(wrap(options(&reply()), KEY, "a").is_err(), "{length}");
    }
}

#[test]
fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint_kms = Some(format!("http://127.0.0.1:{port}"));
    let error = wrap(AwsOptions { endpoint_kms, ..servers::offline() }, KEY, "a").err().unwrap();
    assert_eq!(error.kind, Kind::Network);
    assert!(error.message.contains(&port.to_string()), "{error}");
}

/// The replica in the region of the bucket is asked first, and the pinned one if there is none.
#[test]
fn a_multi_region_key_is_asked_for_nearby() {
    let near = MANY.replace("eu-west-1", "us-east-1");
    let double = always(data_key(&near, &[1; 32]));
    assert_eq!(wrap(options(&double), MANY, "a").unwrap().kind, WrapKind::Kms);
    assert!(double.seen()[0].body().contains(&near));
    assert_eq!(double.seen().len(), 1);

    let double = Double::new(0, move |n, _| {
        Act::Answer(match n {
            0 => refusal(400, "NotFoundException", "no replica"),
            _ => data_key(MANY, &[1; 32]),
        })
    });
    assert_eq!(wrap(options(&double), MANY, "a").unwrap().kind, WrapKind::Kms);
    assert!(double.seen()[1].body().contains(MANY));
    // A key of the same id in another account is another key.
    let stranger = MANY.replace("123456789012", "999999999999");
    let error = wrap(options(&always(data_key(&stranger, &[1; 32]))), MANY, "a").err().unwrap();
    assert_eq!(error.kind, Kind::Integrity);
}
