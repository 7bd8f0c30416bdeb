//! Real key services.

use super::{envelope, unwrap, wrap};
use crate::support::servers::{self, Server, make_key, on, python};
use vault::aws::Aws;
use vault::core::error::{Kind, Result};
use vault::keys::kms::{KeyArn, is_unusable, resolve};

fn both() -> [&'static Server; 2] {
    [servers::ministack(), servers::moto()]
}

#[test]
fn a_data_key_comes_back_for_its_path_only() {
    for server in both() {
        let arn = make_key(server);
        let wrapped = wrap(server.options(), &arn, "a/b").unwrap();
        let object = || envelope(&wrapped, &wrapped.description);
        let key = unwrap(server.options(), &arn, "a/b", object()).unwrap().unwrap();
        assert_eq!(key.bytes(), wrapped.data_key.bytes());
        let again = wrap(server.options(), &arn, "a/b").unwrap();
        assert_ne!(again.data_key.bytes(), wrapped.data_key.bytes());
        // Stored at another path: what it says of itself is not what was asked for.
        let error = unwrap(server.options(), &arn, "a/c", object()).err().unwrap();
        assert_eq!(error.kind, Kind::Integrity);
        assert!(error.message.contains("bound to another path"), "{error}");
        // And where it says so too, KMS does not believe it.
        let moved = wrapped.description.replace("a/b", "a/c");
        let error = unwrap(server.options(), &arn, "a/c", envelope(&wrapped, &moved)).err();
        let error = error.expect("KMS refuses");
        assert_eq!(error.kind, Kind::Integrity, "{error:?}");
        assert!(error.message.contains("not of this path"), "{error}");
    }
}

/// As AWS says it: see `replies`. MiniStack opens it all the same; then the object's commitment
/// is the barrier, see `hostile::bucket`.
#[test]
fn a_data_key_of_another_key_is_refused() {
    let server = servers::moto();
    let (pinned, other) = (make_key(server), make_key(server));
    let wrapped = wrap(server.options(), &other, "a").unwrap();
    let object = || envelope(&wrapped, &wrapped.description);
    assert!(unwrap(server.options(), &pinned, "a", object()).is_err());
    assert!(unwrap(server.options(), &other, "a", object()).is_ok());
}

#[test]
fn changed_bytes_of_a_wrapped_key_are_refused() {
    let server = servers::moto();
    let arn = make_key(server);
    let mut wrapped = wrap(server.options(), &arn, "a").unwrap();
    let last = wrapped.wrapped.len() - 1;
    wrapped.wrapped[last] ^= 1;
    let object = envelope(&wrapped, &wrapped.description);
    let error = unwrap(server.options(), &arn, "a", object).err().unwrap();
    assert_eq!(error.kind, Kind::Integrity, "{error:?}");
}

#[test]
fn a_key_that_is_off_is_told_apart() {
    let server = servers::ministack();
    for (call, says) in
        [("disable_key(KeyId=key)", "isabled"), ("schedule_key_deletion(KeyId=key)", "eletion")]
    {
        let arn = make_key(server);
        let wrapped = wrap(server.options(), &arn, "a").unwrap();
        python(server, &format!("key = {arn:?}; client('kms').{call}"));
        let object = envelope(&wrapped, &wrapped.description);
        for error in [
            wrap(server.options(), &arn, "a").err().unwrap(),
            unwrap(server.options(), &arn, "a", object).err().unwrap(),
            resolved(server, &arn).unwrap_err(),
        ] {
            assert_eq!(error.kind, Kind::Denied, "{error:?}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(says) && error.message.contains(&arn), "{error}: {cause}");
            assert!(is_unusable(&error), "{error}");
            assert!(error.hint.unwrap().contains("aws kms "));
        }
    }
}

#[test]
fn who_may_not_is_told_the_statement() {
    let server = servers::ministack();
    let arn = make_key(server);
    let wrapped = wrap(server.options(), &arn, "a/b").unwrap();
    let s3_only = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    let stranger = servers::user(server, "no-kms", s3_only);
    let object = envelope(&wrapped, &wrapped.description);
    let error = unwrap(stranger.options(), &arn, "a/b", object).err().unwrap();
    assert_eq!(error.kind, Kind::Denied, "{error:?}");
    assert!(error.message.contains("kms:Decrypt") && error.message.contains(&arn), "{error}");
    assert!(!is_unusable(&error));
    let hint = error.hint.unwrap();
    let statement: serde_json::Value =
        serde_json::from_str(hint.split_once(": ").unwrap().1).expect("a statement");
    assert_eq!(statement["Action"], "kms:Decrypt");
    assert_eq!(statement["Resource"], arn.as_str());
    assert_eq!(statement["Condition"]["StringEquals"]["kms:EncryptionContext:path"], "a/b");
    let error = wrap(stranger.options(), &arn, "a/b").err().unwrap();
    assert!(error.message.contains("kms:GenerateDataKey"), "{error}");
    let access_key = server.access_key.clone();
    let wrong = Server { secret_key: "wrong".into(), access_key, port: server.port };
    assert_eq!(wrap(wrong.options(), &arn, "a").err().unwrap().kind, Kind::Credentials);
}

fn resolved(server: &Server, given: &str) -> Result<KeyArn> {
    let (options, given) = (server.options(), given.to_owned());
    on(async move { resolve(&Aws::load(options).await.unwrap(), &given).await })
}

#[test]
fn a_key_is_found_by_any_of_its_names() {
    for server in both() {
        let arn = make_key(server);
        let id = arn.rsplit('/').next().unwrap().to_owned();
        let alias = format!("alias/of-{id}");
        let make = format!("client('kms').create_alias(AliasName={alias:?}, TargetKeyId={id:?})");
        python(server, &make);
        for given in [arn.as_str(), &id, &alias] {
            assert_eq!(resolved(server, given).unwrap().to_string(), arn, "{given}");
        }
        for missing in ["alias/none", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(resolved(server, missing).unwrap_err().kind, Kind::NotFound, "{missing}");
        }
        let sign = "create_key(KeyUsage='SIGN_VERIFY', KeySpec='ECC_NIST_P256')";
        let other = python(server, &format!("print(client('kms').{sign}['KeyMetadata']['Arn'])"));
        let error = resolved(server, other.trim()).unwrap_err();
        assert_eq!(error.kind, Kind::Usage, "{error:?}");
    }
}
