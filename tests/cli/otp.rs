use std::time::{SystemTime, UNIX_EPOCH};

use vault::core::otp;
use vault::core::secret::Secret;

use super::home::Home;

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// What is right before or after a call; it may be at a border.
fn around<T>(seed: &str, call: impl FnOnce() -> T) -> (T, [String; 2]) {
    let code = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let code = otp::code(&Secret::copy_of(seed.as_bytes()), now).unwrap();
        code.digits.text().unwrap().to_owned()
    };
    let before = code();
    let called = call();
    (called, [before, code()])
}

#[test]
fn the_present_code() {
    let home = Home::with_vault();
    home.run_with(["put", "web", "otp=-", "user=ann"], SEED.as_bytes()).ok();
    home.run_with(["put", "web", "password=-"], b"s3cret").ok();
    let uri = format!("otpauth://totp/a?secret={SEED}");
    home.run_with(["put", "raw", "--raw"], uri.as_bytes()).ok();
    home.put("value", &uri);
    home.put("bare", SEED);
    for args in [
        &["otp", "web"][..],
        &["otp", "web", "otp"],
        &["otp", "web@1"],
        &["otp", "raw"],
        &["otp", "value"],
        &["otp", "bare", "value"],
    ] {
        let (ran, right) = around(SEED, || home.run(args).ok());
        assert!(right.contains(&ran.text()), "{args:?}: {} {right:?}", ran.text());
        assert!(ran.stderr.starts_with("good for ") && ran.stderr.contains(" second"));
    }
    let (ran, right) = around(SEED, || home.run(["otp", "web", "--json"]).ok());
    let json = ran.json();
    assert!(right.contains(&json["code"].as_str().unwrap().to_owned()), "{json}");
    assert_eq!((json["path"].as_str(), json["period"].as_u64()), (Some("web"), Some(30)));
    assert!((1..=30).contains(&json["left"].as_u64().unwrap()) && ran.stderr.is_empty());
}

#[test]
fn two_seeds_take_a_name() {
    let home = Home::with_vault();
    home.run_with(["put", "web", "otp=-"], SEED.as_bytes()).ok();
    let other = "otpauth://totp/x?secret=GEZDGNBV&digits=8&period=60";
    home.run_with(["put", "web", "second[otp]=-"], other.as_bytes()).ok();
    home.run(["otp", "web"]).fails(2, "name one of: otp, second");
    let (ran, right) = around(other, || home.run(["otp", "web", "second"]).ok());
    assert!(right.contains(&ran.text()) && ran.text().len() == 8, "{}", ran.text());
}

#[test]
fn what_is_no_seed_is_refused_and_not_shown() {
    let home = Home::with_vault();
    home.put("a", "s3cret!");
    home.run_with(["put", "raw", "--raw"], &[0xff]).ok();
    let ran = home.run(["otp", "a", "value"]).fails(2, "not the seed");
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    // Nor is a password taken for one, which this could be.
    home.put("b", "ABCDEFGHIJKLMNOP");
    home.run_with(["put", "bare", "--raw"], SEED.as_bytes()).ok();
    for path in ["a", "raw", "b", "bare"] {
        let ran = home.run(["otp", path]).fails(3, "has no field of type otp");
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
    home.run(["otp", "a", "none"]).fails(3, "a has no field none");
    home.run(["otp", "raw", "value"]).fails(3, "raw bytes");
    home.run(["otp", "gone"]).fails(3, "gone");
}
