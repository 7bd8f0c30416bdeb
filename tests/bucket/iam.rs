//! What policies allow, on a server that enforces them.

use super::{Bucket, Wrapping};
use crate::support::servers::{self, user};
use crate::support::{path, put};
use vault::vault::Kind;

#[tokio::test]
async fn a_reader_of_one_folder_reads_there_and_nowhere_else() {
    let bucket = Bucket::new(servers::ministack(), Wrapping::Kms).await;
    let admin = bucket.device("one", bucket.server.options()).await.unwrap();
    put(&admin, "prod/a", "1").await.unwrap();
    put(&admin, "dev/a", "2").await.unwrap();
    let arn = |key: &str| format!("arn:aws:s3:::vaults/{}", bucket.key(key));
    let statements = [
        format!(
            r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":["{}","{}","{}"]}}"#,
            arn("s/prod/*"),
            arn("h/prod/*"),
            arn(".vault/*")
        ),
        r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::vaults"}"#.into(),
        r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}"#.into(),
    ];
    let reader = user(bucket.server, "prod-reader", &statements.join(","));
    let vault = bucket.reader(reader.options(), "prod/a").await.unwrap();
    let opened = vault.read(&path("prod/a"), None).await.unwrap();
    assert_eq!(crate::support::text(opened), "1");

    let denied = vault.read(&path("dev/a"), None).await.err().unwrap();
    assert_eq!(denied.kind, Kind::Denied, "{denied:?}");
    assert!(denied.message.contains("s3:GetObject"), "{denied}");
    assert!(denied.message.contains(&arn("s/dev/a")), "{denied}");
    let hint = denied.hint.unwrap();
    let missing =
        format!(r#"{{"Action":"s3:GetObject","Effect":"Allow","Resource":"{}"}}"#, arn("s/dev/a"));
    assert!(hint.contains(&missing), "{hint}");

    // With an identity that may write, but with credentials that may not.
    let writer = bucket.device("two", reader.options()).await.unwrap();
    let denied = put(&writer, "prod/a", "3").await.unwrap_err();
    assert_eq!(denied.kind, Kind::Denied, "{denied:?}");
    assert!(denied.message.contains("kms:GenerateDataKey"), "{denied}");
    assert!(denied.hint.unwrap().contains(r#""Action":"kms:GenerateDataKey""#));
    let opened = admin.read(&path("prod/a"), None).await.unwrap();
    assert_eq!((opened.n, crate::support::text(opened).as_str()), (1, "1"));
}
