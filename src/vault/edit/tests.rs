//! What holds of any text, whatever was changed in it.

use proptest::prelude::*;

use super::*;

fn path() -> SecretPath {
    SecretPath::parse("prod/db").expect("legal")
}

fn opened(n: u64, fields: &[(String, Vec<u8>)]) -> Opened {
    let mut document = Document::default();
    for (name, value) in fields {
        document.set(name, None, Secret::copy_of(value), 1).expect("legal");
    }
    Opened { n, content: Content::Doc(document), since: 0, plaintext_hash: [0; 32] }
}

/// Lines that look like marks, escapes, and what editors and terminals make of lines.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "== ",
        "\\",
        "== a [text]",
        "\n",
        "\r\n",
        " (bytes)",
        " (theirs)",
        "x",
        "ü",
        "",
        "\t",
    ]);
    let text = prop::collection::vec(word, 0..6).prop_map(|w| w.concat().into_bytes());
    prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..8)]
}

fn document() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let names = vec!["value", "user", "a b", "x [y]", "n (bytes)", "m (yours)", "otp"];
    let names = prop::sample::subsequence(names, 1..5);
    (names, prop::collection::vec(value(), 7))
        .prop_map(|(names, values)| names.into_iter().map(str::to_owned).zip(values).collect())
}

fn text_of(sheet: &Sheet) -> Secret {
    Secret::copy_of(sheet.text().bytes())
}

proptest! {
    #[test]
    fn what_was_not_edited_is_unchanged(fields in document()) {
        let Ok(sheet) = Sheet::new(&path(), Some(opened(1, &fields))) else { return Ok(()) };
        prop_assert!(sheet.edits(&text_of(&sheet)).unwrap().is_empty());
    }

    #[test]
    fn one_changed_field_is_one_change(fields in document(), new in value(), at in any::<prop::sample::Index>()) {
        let at = at.index(fields.len());
        let mut after = fields.clone();
        after[at].1 = new;
        let (old, new) = (opened(1, &fields), opened(1, &after));
        let (Ok(old), Ok(new)) = (Sheet::new(&path(), Some(old)), Sheet::new(&path(), Some(new)))
        else { return Ok(()) };
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        if !text(&fields[at].1) || !text(&after[at].1) || old.headed != new.headed {
            return Ok(());
        }
        let edits = match old.edits(&text_of(&new)) {
            Ok(edits) => edits,
            Err(e) => {
                prop_assert_eq!(e.message.as_str(), "the value is empty");
                return Ok(());
            }
        };
        prop_assert!(edits.remove.is_empty() && edits.raw.is_none());
        match fields[at].1 == after[at].1 {
            true => prop_assert!(edits.set.is_empty()),
            false => {
                let [(name, _, value)] = &edits.set[..] else {
                    panic!("{} changes", edits.set.len());
                };
                prop_assert_eq!((name, value.bytes()), (&after[at].0, &after[at].1[..]));
            }
        }
    }

    /// Theirs and ours, of different fields, are both there; of the same one both are shown.
    #[test]
    fn changes_of_two(fields in document(), mine in value(), theirs in value(), which in any::<[prop::sample::Index; 2]>()) {
        let [at, other] = which.map(|which| which.index(fields.len()));
        let change = |at: usize, value: &[u8]| {
            let mut fields = fields.clone();
            fields[at].1 = value.to_vec();
            fields
        };
        let Ok(sheet) = Sheet::new(&path(), Some(opened(1, &fields))) else { return Ok(()) };
        let edits = Edits {
            set: vec![(fields[at].0.clone(), None, Secret::copy_of(&mine))],
            ..Edits::default()
        };
        let newest = opened(2, &change(other, &theirs));
        let clash = at == other && theirs != fields[at].1 && theirs != mine;
        match sheet.rebase(&path(), edits, Some(newest)).unwrap() {
            Rebased::Merged(edits, on) => {
                prop_assert!(!clash);
                prop_assert_eq!((on.base(), edits.set[0].2.bytes()), (2, &mine[..]));
            }
            Rebased::Conflict(both) => {
                prop_assert!(clash);
                let refused = both.edits(&text_of(&both)).map(drop).unwrap_err();
                prop_assert!(refused.message.contains("is there twice"), "{}", refused.message);
            }
        }
    }
}
