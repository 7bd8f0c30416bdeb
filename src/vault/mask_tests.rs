use proptest::prelude::*;

use super::*;

fn masks(values: &[&str]) -> Arc<Masks> {
    let values: Vec<Secret> = values.iter().map(|v| Secret::copy_of(v.as_bytes())).collect();
    Arc::new(Masks::new(&values).unwrap())
}

/// What comes out when these pieces go in, with the end of the stream after them.
fn through(masks: &Arc<Masks>, pieces: &[&[u8]]) -> String {
    let (mut stream, mut out) = (Masked::new(masks.clone()), Secret::with_capacity(64));
    for piece in pieces {
        stream.read(piece, &mut out);
    }
    stream.flush(&mut out);
    String::from_utf8(out.bytes().to_vec()).unwrap()
}

fn whole(masks: &Arc<Masks>, text: &str) -> String {
    through(masks, &[text.as_bytes()])
}

#[test]
fn every_split_of_a_value_is_masked() {
    let value = "s3cr3t-Pa$$w0rd";
    let masks = masks(&[value]);
    let text = format!("\x1b[31mpassword: {value}\x1b[0m\n");
    for size in 1..=text.len() {
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        assert_eq!(through(&masks, &pieces), "\x1b[31mpassword: ***\x1b[0m\n", "{size}");
    }
    for at in 0..=text.len() {
        let (a, b) = text.as_bytes().split_at(at);
        assert_eq!(through(&masks, &[a, b]), "\x1b[31mpassword: ***\x1b[0m\n", "{at}");
    }
}

#[test]
fn values_within_and_over_each_other() {
    let masks = masks(&["secret", "secret-long", "long-tail", "abab"]);
    for (text, out) in [
        ("secret", "***"),
        ("secret-long", "***"),
        ("secret-lon.", "***-lon."),
        ("secret-long-tail!", "***!"),
        ("secretsecret", "******"),
        ("xsecresecret", "xsecre***"),
        ("ababab", "***"),
        ("aabab", "a***"),
        ("secre", "secre"),
        ("", ""),
    ] {
        assert_eq!(whole(&masks, text), out, "{text}");
    }
}

#[test]
fn only_what_could_become_a_value_is_held() {
    let masks = masks(&["pass-word", "password-2"]);
    let (mut stream, mut out) = (Masked::new(masks), Secret::with_capacity(64));
    stream.read(b"Name: ", &mut out);
    assert_eq!((out.bytes(), stream.held()), (&b"Name: "[..], 0));
    stream.read(b"p", &mut out);
    assert_eq!(stream.held(), 1);
    stream.read(b"ap", &mut out);
    assert_eq!((out.bytes(), stream.held()), (&b"Name: pa"[..], 1));
    stream.read(b"ass", &mut out);
    assert_eq!(stream.held(), 4);
    // A prompt: nothing more comes. If it does, the rest is still masked.
    stream.flush(&mut out);
    assert_eq!((out.bytes(), stream.held()), (&b"Name: papass"[..], 0));
    stream.read(b"-word.", &mut out);
    assert_eq!(out.bytes(), b"Name: papass***.");
}

#[test]
fn a_value_that_begins_another_does_not_wait() {
    let (mut stream, mut out) =
        (Masked::new(masks(&["secret", "secret-long"])), Secret::new(vec![]));
    stream.read(b"secret", &mut out);
    assert_eq!((out.bytes(), stream.held()), (&b"***"[..], 0));
    stream.read(b"-l", &mut out);
    assert_eq!((out.bytes(), stream.held()), (&b"***"[..], 2));
    stream.read(b"ong.", &mut out);
    assert_eq!(out.bytes(), b"***.");
}

#[test]
fn lines_of_one_value_are_one_mask() {
    let masks = masks(&["first line\nsecond line\n}"]);
    for (text, out) in [
        ("first line\nsecond line\n}\n", "***\n"),
        ("first line\nsecond line\n)", "***\n***\n)"),
        ("first line\nother line", "***\nother line"),
        ("second line\nfirst line\n", "***\n***\n"),
    ] {
        assert_eq!(whole(&masks, text), out, "{text}");
    }
}

#[test]
fn values_too_large_are_refused() {
    let large = Secret::new(vec![b'x'; MOST]);
    assert!(Masks::new([&large]).is_err());
    let many: Vec<Secret> = (0..64).map(|i| Secret::new(vec![i; 64 * 1024])).collect();
    assert!(Masks::new(&many).is_err());
}

/// Every place of every form, found without the automaton, taken together and masked.
fn slowly(values: &[String], text: &[u8]) -> Vec<u8> {
    let mut hidden = vec![0usize; text.len() + 1];
    let forms: Vec<Secret> = values.iter().flat_map(|v| forms(v.as_bytes())).collect();
    for form in &forms {
        for begin in 0..text.len() {
            if text[begin..].starts_with(form.bytes()) {
                hidden[begin] = hidden[begin].max(begin + form.len());
            }
        }
    }
    let (mut out, mut end) = (Vec::new(), 0);
    for (at, byte) in text.iter().enumerate() {
        if hidden[at] > at && hidden[at] > end {
            // Those that end later, but overlap, belong to the same mask.
            if at >= end {
                out.extend_from_slice(MASK);
            }
            end = hidden[at];
        }
        if at >= end {
            out.push(*byte);
        }
    }
    out
}

proptest! {
    #[test]
    fn the_automaton_finds_what_a_slow_search_finds(
        values in proptest::collection::vec("[ab\"/=\n]{4,12}", 1..4),
        text in "[ab\"/=\n\\\\%u0]{0,40}",
        quoted in proptest::collection::vec((0usize..4, "[ab\n]{0,3}"), 0..4),
        sizes in proptest::collection::vec(1usize..9, 1..20),
    ) {
        // Chance alone would hardly ever write a value.
        let quoted = quoted.iter().map(|(i, rest)| format!("{}{rest}", values[i % values.len()]));
        let text = format!("{text}{}", quoted.collect::<String>());
        let lent: Vec<&str> = values.iter().map(String::as_str).collect();
        let masks = masks(&lent);
        let (mut pieces, mut rest, mut sizes) = (Vec::new(), text.as_bytes(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, left) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        let out = through(&masks, &pieces);
        prop_assert_eq!(out.as_bytes(), slowly(&values, text.as_bytes()));
    }
}

/// What a server has, with keys and certificates, goes into one tree.
#[test]
fn many_values_of_some_size_are_masked() {
    // Text with all that each form has to write otherwise, and a line end.
    let value = |i: usize| {
        let text: String = (0..64).map(|n| format!("{i:02} {n:02}+/\"'&{:041}\n", i * n)).collect();
        Secret::copy_of(text.as_bytes())
    };
    let values: Vec<Secret> = (0..60).map(value).collect();
    assert!(values.iter().map(Secret::len).sum::<usize>() > 60 * 3_200);
    assert!(Masks::new(&values).is_ok());
}
