//! The KMS encryption context (§4.3). No call is made here: the caller asks KMS.

use super::error::{Class, Result};
use super::v3::Envelope;
use super::wrap::{LABEL_V3, WrapKind};

/// The pair that binds a wrapped key to the content algorithm; never the caller's to set.
const RESERVED: &str = "aws:x-amz-cek-alg";
/// A pair of the legacy `kms` wrap that some writers keep; no part of the caller's context.
const KEY_ID: &str = "kms_cmk_id";

/// The context that is sent to KMS for a V3 object: the caller's pairs and the reserved one,
/// sorted by name. A reserved name or one given twice is refused.
pub fn kms_context(caller: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
    with_reserved(caller, LABEL_V3)
}

/// Checks that an object's stored context is exactly what [`kms_context`] makes of the pairs
/// that the caller expects (§4.3, as strict as Ruby), before KMS is asked.
///
/// Pass `kms_context(caller)` to KMS afterwards, not what is stored.
pub fn check_kms_context(envelope: &Envelope, caller: &[(&str, &str)]) -> Result<()> {
    if envelope.wrap() != WrapKind::Kms {
        return Class::KeyMismatch.refuse("the object's key is not wrapped by KMS");
    }
    let expected = kms_context(caller)?;
    if sorted(envelope.description_map()) == expected { Ok(()) } else { mismatch() }
}

/// The stored context of a foreign object, to be sent to KMS as it is, once it was found to
/// hold the caller's pairs, the reserved pair with `label`, and at most a key id besides.
pub(super) fn foreign_context(
    stored: &[(String, String)],
    caller: &[(&str, &str)],
    label: &str,
) -> Result<Vec<(String, String)>> {
    let expected = with_reserved(caller, label)?;
    let mut found = sorted(stored);
    found.retain(|(name, _)| name != KEY_ID);
    if found == expected { Ok(sorted(stored)) } else { mismatch() }
}

/// The stored context of the legacy `kms` wrap, to be sent to KMS as it is (§4.4). That wrap
/// binds nothing, so an object that claims it must not be a renamed `kms+context` one: a caller
/// who expects a context, or a stored reserved pair, is refused before KMS is asked.
pub(super) fn legacy_context(
    stored: &[(String, String)],
    caller: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    if !caller.is_empty() {
        return Class::ContextMismatch.refuse("the legacy `kms` wrap cannot check a context");
    }
    if stored.iter().any(|(name, _)| name == RESERVED) {
        return Class::ContextMismatch.refuse("a `kms` wrap with the context of `kms+context`");
    }
    Ok(sorted(stored))
}

fn with_reserved(caller: &[(&str, &str)], label: &str) -> Result<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> =
        caller.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    pairs.push((RESERVED.to_owned(), label.to_owned()));
    pairs.sort_unstable();
    // This also catches the reserved name in the caller's pairs: it would be there twice.
    if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
        return Class::ContextMismatch.refuse("a context name that is reserved or given twice");
    }
    Ok(pairs)
}

fn sorted(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    pairs
}

fn mismatch<T>() -> Result<T> {
    Class::ContextMismatch.refuse("the stored encryption context is not the expected one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_reserved_pair_is_ours() {
        let context = kms_context(&[("path", "a"), ("app", "b")]).unwrap();
        assert_eq!(context, owned(&[("app", "b"), (RESERVED, "115"), ("path", "a")]));
        for bad in [&[(RESERVED, "115")][..], &[("a", "b"), ("a", "b")]] {
            assert_eq!(kms_context(bad).unwrap_err().class, Class::ContextMismatch);
        }
    }

    #[test]
    fn the_legacy_wrap_takes_no_context_and_no_reserved_pair() {
        let stored = owned(&[("note", "b"), (KEY_ID, "k")]);
        assert_eq!(legacy_context(&stored, &[]).unwrap(), sorted(&stored));
        let class = |stored: &[(&str, &str)], caller: &[(&str, &str)]| {
            legacy_context(&owned(stored), caller).unwrap_err().class
        };
        assert_eq!(class(&[(KEY_ID, "k")], &[("a", "b")]), Class::ContextMismatch);
        let renamed = [("a", "b"), (RESERVED, "AES/GCM/NoPadding")];
        assert_eq!(class(&renamed, &[("a", "b")]), Class::ContextMismatch);
        assert_eq!(class(&renamed, &[]), Class::ContextMismatch);
    }

    #[test]
    fn a_key_id_is_passed_over_but_sent() {
        let stored = owned(&[(KEY_ID, "k"), (RESERVED, "115"), ("a", "b")]);
        let sent = foreign_context(&stored, &[("a", "b")], "115").unwrap();
        assert_eq!(sent, sorted(&stored));
        for (caller, label) in [
            (&[("a", "b")][..], "AES/GCM/NoPadding"),
            (&[], "115"),
            (&[("a", "c")], "115"),
            (&[("a", "b"), (KEY_ID, "k")], "115"),
        ] {
            let class = foreign_context(&stored, caller, label).unwrap_err().class;
            assert_eq!(class, Class::ContextMismatch);
        }
    }
}
