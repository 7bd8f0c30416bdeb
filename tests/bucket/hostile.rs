//! What a service that is not to be trusted can do with objects: nothing that is not noticed.

use super::{Bucket, Wrapping};
use crate::support::servers::{self, make_key, python};
use crate::support::{get, put};
use vault::vault::{Error, Kind, Prefix, Vault};

async fn world() -> (Bucket, Vault) {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let vault = bucket.device("one", bucket.server.options()).await.unwrap();
    put(&vault, "a", "of a").await.unwrap();
    put(&vault, "b", "of b").await.unwrap();
    (bucket, vault)
}

async fn refused(bucket: &Bucket, path: &str) -> Vec<Error> {
    let mut refused = Vec::new();
    for name in ["one", "fresh"] {
        let vault = bucket.device(name, bucket.server.options()).await.unwrap();
        let read = vault.read(&crate::support::path(path), None).await;
        refused.extend(read.err());
    }
    let reader = bucket.reader(bucket.server.options(), path).await.unwrap();
    refused.extend(reader.read(&crate::support::path(path), None).await.err());
    refused
}

/// Moves objects behind the vault's back; `key` is that of one in the bucket.
fn meddle(bucket: &Bucket, script: &str) {
    let begin = format!(
        "s3 = client('s3')\nkey = lambda name: {:?} + name\n\
         def get(name):\n  o = s3.get_object(Bucket='vaults', Key=key(name))\n  \
         return o['Body'].read(), o['Metadata']\n\
         def put(name, body, metadata):\n  \
         s3.put_object(Bucket='vaults', Key=key(name), Body=body, Metadata=metadata)\n",
        bucket.key("")
    );
    python(bucket.server, &format!("{begin}{script}"));
}

#[tokio::test]
async fn two_objects_that_are_swapped_are_refused() {
    let (bucket, _) = world().await;
    meddle(
        &bucket,
        "for k in ['s/%s', 'h/%s/.vault/0000000000000001']:\n  \
         a, b = get(k % 'a'), get(k % 'b'); put(k % 'a', *b); put(k % 'b', *a)",
    );
    for path in ["a", "b"] {
        let errors = refused(&bucket, path).await;
        assert_eq!(errors.len(), 3, "{path}");
        for error in errors {
            assert_eq!(error.kind, Kind::Integrity, "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_is_rolled_back_is_refused_by_whoever_has_seen_it() {
    let (bucket, vault) = world().await;
    put(&vault, "a", "newer").await.unwrap();
    meddle(
        &bucket,
        "put('s/a', *get('h/a/.vault/0000000000000001'))\n\
         s3.delete_object(Bucket='vaults', Key=key('h/a/.vault/0000000000000002'))",
    );
    let vault = bucket.device("one", bucket.server.options()).await.unwrap();
    let error = vault.read(&crate::support::path("a"), None).await.err().unwrap();
    assert_eq!(error.kind, Kind::Integrity);
    assert!(error.message.contains("rolled back"), "{error}");
    assert_eq!(get(&vault, "b").await.as_deref(), Ok("of b"));
}

/// The wrapped key is not under the signature; what it opens to is.
#[tokio::test]
async fn a_data_key_that_another_kms_key_wrapped_is_refused() {
    let (bucket, _) = world().await;
    let other = make_key(bucket.server);
    meddle(
        &bucket,
        &format!(
            "import base64\n\
             for k in ['s/a', 'h/a/.vault/0000000000000001']:\n  \
             body, m = get(k); context = json.loads(m['x-amz-t'])\n  \
             blob = client('kms').generate_data_key(KeyId={other:?}, KeySpec='AES_256', \
             EncryptionContext=context)['CiphertextBlob']\n  \
             m['x-amz-3'] = base64.b64encode(blob).decode(); put(k, body, m)"
        ),
    );
    let errors = refused(&bucket, "a").await;
    assert_eq!(errors.len(), 3);
    for error in errors {
        assert_eq!(error.kind, Kind::Integrity, "{error:?}");
        assert!(error.message.contains('a'), "{error}");
    }
    let vault = bucket.device("one", bucket.server.options()).await.unwrap();
    assert_eq!(get(&vault, "b").await.as_deref(), Ok("of b"));
}

/// Everything is gone: that is not an empty vault.
#[tokio::test]
async fn an_emptied_vault_is_not_an_empty_one() {
    let (bucket, _) = world().await;
    meddle(
        &bucket,
        "for o in s3.list_objects_v2(Bucket='vaults', Prefix=key(''))['Contents']:\n  \
         s3.delete_object(Bucket='vaults', Key=o['Key'])",
    );
    let vault = bucket.device("one", bucket.server.options()).await.unwrap();
    let error = vault.list(&Prefix::default()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Integrity, "{error:?}");
}

#[tokio::test]
async fn what_kms_does_not_open_was_not_verified() {
    let (bucket, vault) = world().await;
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert_eq!((report.undecrypted, report.findings.len()), (0, 0));
    let arn = bucket.kms.as_deref().unwrap();
    python(bucket.server, &format!("client('kms').disable_key(KeyId={arn:?})"));
    let report = vault.verify(&Prefix::default(), false).await.unwrap();
    assert_eq!((report.undecrypted, report.findings.len()), (2, 2), "{:?}", report.findings);
    assert!(!report.has_errors());
    assert!(report.findings[0].message.contains("only its signatures"));
}

/// Whoever may decrypt could wrap it again where no log of KMS sees it.
#[tokio::test]
async fn an_object_of_a_kms_group_with_a_local_wrap_is_refused() {
    let (bucket, _) = world().await;
    meddle(
        &bucket,
        "for k in ['s/a', 'h/a/.vault/0000000000000001']:\n  \
         body, m = get(k); m['x-amz-w'] = '02'; m['x-amz-m'] = m.pop('x-amz-t')\n  \
         m['x-amz-3'] = 'A' * 80; put(k, body, m)",
    );
    for error in refused(&bucket, "a").await {
        assert_eq!(error.kind, Kind::Integrity, "{error:?}");
        assert!(error.message.contains("wrapped in another way"), "{error}");
    }
}
