//! What needs no bucket; the rest is in `interop`.

use super::home::Home;

#[test]
fn keys_that_are_none_are_told() {
    let home = Home::with_vault();
    let import = |args: &[&str]| home.run(["import", "s3ec"].iter().chain(args));
    import(&["s3://bucket/key", "a", "--aes-key", "missing"]).fails(2, "there is no file");
    std::fs::write(home.path().join("short"), "short").unwrap();
    import(&["s3://bucket/key", "a", "--aes-key", "short"]).fails(2, "not an AES-256 key");
    import(&["s3://bucket/key", "a", "--rsa-key", "short"]).fails(2, "not an RSA private key");
    import(&["bucket/key", "a", "--kms", "k"]).fails(2, "not a source");
    import(&["s3://bucket/key", "a", "--kms", "k", "--aes-key", "short"])
        .fails(2, "cannot be used");
    import(&["s3://bucket/key", "a", "--aes-key", "short", "--context", "a=b"])
        .fails(2, "cannot be used");
}
