//! What is sealed opens again, and only with what it was sealed with.

use vault::core::json;
use vault::core::random;
use vault::core::s3ec::{
    Class, Envelope, Sealed, WrapKind, check_kms_context, kms_context, seal, unwrap_aes, wrap_aes,
};
use vault::core::secret::Secret;

const SIZES: [usize; 7] = [0, 1, 15, 16, 17, 1000, (1 << 20) + 3];

fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|i| (31 * i + 17 * (i >> 8)) as u8).collect()
}

fn names(sealed: &Sealed) -> Vec<&str> {
    sealed.metadata.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn aes_round_trips() {
    let wrapping = random::key();
    for len in SIZES {
        let data_key = random::key();
        let wrapped = wrap_aes(&wrapping, &data_key);
        assert_eq!(wrapped.len(), 60);
        let plain = plaintext(len);
        let description = if len == 0 { "" } else { r#"{"path":"prod/db"}"# };
        let sealed =
            seal(Secret::copy_of(&plain), &data_key, WrapKind::Aes, &wrapped, description).unwrap();
        assert_eq!(sealed.body.len(), len + 16);
        let expected = ["x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w", "x-amz-m"];
        assert_eq!(names(&sealed), expected[..if len == 0 { 5 } else { 6 }]);

        let envelope = Envelope::parse(&sealed.metadata).unwrap();
        assert_eq!((envelope.wrap(), envelope.description()), (WrapKind::Aes, description));
        let opened = unwrap_aes(&wrapping, envelope.wrapped()).unwrap();
        let key = envelope.content_key(opened).unwrap();
        assert!(key.open(sealed.body).unwrap().bytes() == plain, "{len}");
        let class = unwrap_aes(&random::key(), envelope.wrapped()).err().unwrap().class;
        assert_eq!(class, Class::UnwrapFailed);
    }
}

#[test]
fn kms_round_trips() {
    let caller = [("vault", "v"), ("path", "prod/é")];
    let context = kms_context(&caller).unwrap();
    let pairs: Vec<(&str, &str)> = context.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let description = json::ascii_object(&pairs);
    for len in SIZES {
        let (data_key, blob) = (random::key(), vec![7; 1 + len % 6144]);
        let plain = plaintext(len);
        let sealed =
            seal(Secret::copy_of(&plain), &data_key, WrapKind::Kms, &blob, &description).unwrap();
        assert!(names(&sealed).contains(&"x-amz-t") && !names(&sealed).contains(&"x-amz-m"));
        let envelope = Envelope::parse(&sealed.metadata).unwrap();
        assert_eq!(envelope.wrapped(), blob);
        check_kms_context(&envelope, &caller).unwrap();
        let other = check_kms_context(&envelope, &caller[..1]).unwrap_err();
        assert_eq!(other.class, Class::ContextMismatch);
        assert!(
            envelope.content_key(data_key).unwrap().open(sealed.body).unwrap().bytes() == plain
        );
    }
}

#[test]
fn what_could_not_be_read_is_not_sealed() {
    let data_key = random::key();
    for (wrap, wrapped, description) in [
        (WrapKind::Aes, vec![0; 59], ""),
        (WrapKind::Aes, vec![0; 61], ""),
        (WrapKind::Kms, vec![], "{}"),
        (WrapKind::Kms, vec![0; 6145], "{}"),
        (WrapKind::Aes, vec![0; 60], "not JSON"),
        (WrapKind::Aes, vec![0; 60], "{\"a\":\"é\"}"),
        (WrapKind::Aes, vec![0; 60], "{\n}"),
    ] {
        let sealed = seal(Secret::copy_of(b"x"), &data_key, wrap, &wrapped, description);
        assert_eq!(sealed.err().unwrap().class, Class::BadEncoding, "{description}");
    }
}
