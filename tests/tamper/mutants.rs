//! Every way in which an object is changed.

use vault::store::Metadata;

/// Metadata and body.
pub type Mutant = (Metadata, Vec<u8>);

/// All mutants with what was done. `thorough`: every bit of the body, not one of each byte.
pub fn all<'a>(
    (metadata, body): &'a Mutant,
    other: &'a Mutant,
    thorough: bool,
) -> impl Iterator<Item = (String, Mutant)> + 'a {
    let with_metadata = move |(what, metadata)| (what, (metadata, body.clone()));
    let with_body = |(what, body)| (what, (metadata.clone(), body));
    values(metadata)
        .chain(keys(metadata))
        .chain(mixed(metadata, &other.0))
        .map(with_metadata)
        .chain(bodies(body, &other.1, thorough).map(with_body))
        .chain([("the whole other object".to_owned(), other.clone())])
}

fn with(metadata: &Metadata, at: usize, value: String) -> Metadata {
    let mut out = metadata.clone();
    out[at].1 = value;
    out
}

/// Every value in every other form.
fn values(metadata: &Metadata) -> impl Iterator<Item = (String, Metadata)> {
    metadata.iter().enumerate().flat_map(move |(at, (name, value))| {
        let forms = bits(value).chain(edits(value)).chain(encodings(value));
        let forms = forms.chain(json(value)).chain(header(name, value));
        let changed = forms.filter(move |(_, other)| other != value);
        changed.map(move |(what, other)| (format!("{name}: {what}"), with(metadata, at, other)))
    })
}

/// A byte above 0x7f becomes the character with that number, as HTTP clients read it.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

fn bits(value: &str) -> impl Iterator<Item = (String, String)> {
    (0..value.len() * 8).map(move |bit| {
        let mut bytes = value.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit}"), latin1(&bytes))
    })
}

/// Characters removed, doubled, put in; cut off; grown.
fn edits(value: &str) -> impl Iterator<Item = (String, String)> {
    let around = (0..=value.len()).flat_map(move |at| {
        let (before, after) = value.split_at(at);
        let mut out = vec![(format!("cut at {at}"), before.to_owned())];
        for c in [" ", "0", "=", "\0", "\u{e9}"] {
            out.push((format!("{c:?} put in at {at}"), format!("{before}{c}{after}")));
        }
        if let Some(c) = after.chars().next() {
            out.push((format!("without {at}"), format!("{before}{}", &after[1..])));
            out.push((format!("{at} twice"), format!("{before}{c}{after}")));
        }
        out
    });
    let long = [1, 2, 4, 16, 64, 256, 1024, 2048, 3072].into_iter().flat_map(move |more| {
        ["A", "=", " ", ";", "x=1;", "\u{e9}"]
            .map(|c| (format!("{more} times {c:?} more"), format!("{value}{}", c.repeat(more))))
    });
    around.chain(long)
}

/// base64 in other forms.
fn encodings(value: &str) -> impl Iterator<Item = (String, String)> {
    let mut out = vec![
        ("url-safe", value.replace('+', "-").replace('/', "_")),
        ("no padding", value.trim_end_matches('=').to_owned()),
        ("more padding", format!("{value}=")),
        ("upper case", value.to_ascii_uppercase()),
        ("lower case", value.to_ascii_lowercase()),
        ("a line break", format!("{value}\n")),
        ("CRLF", format!("{value}\r\n")),
        ("folded", value.as_bytes().chunks(64).map(latin1).collect::<Vec<_>>().join("\r\n ")),
        ("tabs around", format!("\t{value}\t")),
        ("encoded-word", format!("=?UTF-8?Q?{value}?=")),
        ("percent", value.replace('=', "%3D").replace('/', "%2F")),
        ("quoted", format!("\"{value}\"")),
        ("twice, as HTTP joins", format!("{value},{value}")),
        ("twice", format!("{value}, {value}")),
        ("empty", String::new()),
        ("zero", "0".to_owned()),
    ];
    // The unused bits of the last character.
    let base = value.trim_end_matches('=');
    if base.len() < value.len() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let last = alphabet.find(&base[base.len() - 1..]).unwrap();
        for bit in 1..if value.ends_with("==") { 16 } else { 4 } {
            let other = &alphabet[last ^ bit..=last ^ bit];
            let padding = &value[base.len()..];
            out.push(("unused bits", format!("{}{other}{padding}", &base[..base.len() - 1])));
        }
    }
    out.into_iter().map(|(what, value)| (what.to_owned(), value))
}

/// A description that means the same in another form, and others that do not.
fn json(value: &str) -> impl Iterator<Item = (String, String)> {
    let mut out = Vec::new();
    if let Some(inner) = value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
        let members: Vec<&str> = inner.split(',').collect();
        for at in 0..members.len() {
            let mut order = members.clone();
            order.rotate_left(at);
            out.push(("re-ordered", format!("{{{}}}", order.join(","))));
            order.reverse();
            out.push(("re-ordered", format!("{{{}}}", order.join(","))));
            let mut less = members.clone();
            let gone = less.remove(at);
            out.push(("a member less", format!("{{{}}}", less.join(","))));
            out.push(("a member twice", format!("{{{inner},{gone}}}")));
        }
        for (from, to) in [(",", ", "), (":", ": "), ("{", "{ "), ("}", " }"), ("{", "{\n")] {
            out.push(("re-spaced", value.replace(from, to)));
        }
        for (at, c) in value.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
            let escape = format!("\\u{:04x}", u32::from(c));
            out.push(("escaped", format!("{}{escape}{}", &value[..at], &value[at + 1..])));
        }
        out.push(("a member more", format!("{{{inner},\"x\":\"y\"}}")));
        out.push(("escaped slash", value.replace('/', "\\/")));
        out.push(("another group", value.replace("main.1", "main.2")));
        out.push(("an array", format!("[{value}]")));
    }
    out.into_iter().map(|(what, value)| (what.to_owned(), value))
}

/// The signed header with its fields in another order or form.
fn header(name: &str, value: &str) -> impl Iterator<Item = (String, String)> {
    let mut out = Vec::new();
    if name == "vault-h" {
        let fields: Vec<&str> = value.split(';').collect();
        for a in 0..fields.len() {
            for b in 0..fields.len() {
                let mut order = fields.clone();
                order.swap(a, b);
                out.push((format!("fields {a} and {b} swapped"), order.join(";")));
                let mut twice = fields.clone();
                twice.insert(b, fields[a]);
                out.push((format!("field {a} again at {b}"), twice.join(";")));
            }
            let mut less = fields.clone();
            less.remove(a);
            out.push((format!("without field {a}"), less.join(";")));
            if let Some((key, text)) = fields[a].split_once('=') {
                for other in ["0", "1", "2", "999", "+1", "-1", "w", "d", "r", "p", "raw", "doc"] {
                    let mut changed = fields.clone();
                    let field = format!("{key}={other}");
                    changed[a] = &field;
                    out.push((format!("{key} is {other}"), changed.join(";")));
                }
                for other in [format!("{key}=0{text}"), format!("{key}={}", text.to_uppercase())] {
                    let mut changed = fields.clone();
                    changed[a] = &other;
                    out.push((format!("{key} in another form"), changed.join(";")));
                }
            }
        }
    }
    out.into_iter()
}

/// Keys removed, doubled, renamed; keys of older formats.
fn keys(metadata: &Metadata) -> impl Iterator<Item = (String, Metadata)> {
    let mut out = Vec::new();
    for (at, (name, value)) in metadata.iter().enumerate() {
        let mut less = metadata.clone();
        less.remove(at);
        out.push((format!("without {name}"), less));
        for other in [name.clone(), name.to_uppercase(), name.replace("amz", "Amz")] {
            for second in [value.clone(), String::new(), "0".to_owned()] {
                let mut end = metadata.clone();
                end.push((other.clone(), second.clone()));
                out.push((format!("{other} added: {second}"), end));
                let mut front = metadata.clone();
                front.insert(0, (other.clone(), second));
                out.push((format!("{other} put in front"), front));
            }
        }
        for other in [format!("{name}x"), format!(" {name}"), format!("x-amz-meta-{name}")] {
            let mut renamed = metadata.clone();
            renamed[at].0 = other.clone();
            out.push((format!("{name} is called {other}"), renamed));
        }
    }
    let old = ["key", "key-v2", "iv", "cek-alg", "wrap-alg", "tag-len", "matdesc"];
    for name in old.map(|name| format!("x-amz-{name}")) {
        for value in ["0", "AES/GCM/NoPadding", "kms", "{}", "AAAAAAAAAAAAAAAAAAAAAA==", "128"] {
            for name in [name.clone(), name.to_uppercase()] {
                let mut more = metadata.clone();
                more.push((name.clone(), value.to_owned()));
                out.push((format!("{name} added"), more));
            }
        }
    }
    out.push(("nothing".to_owned(), Metadata::new()));
    out.into_iter()
}

/// Every subset of values taken from another object (but all of them, with the other's body).
fn mixed<'a>(
    metadata: &'a Metadata,
    other: &'a Metadata,
) -> impl Iterator<Item = (String, Metadata)> + 'a {
    (1u32..1 << metadata.len()).filter_map(move |set| {
        let mut out = metadata.clone();
        for (_, (name, value)) in out.iter_mut().enumerate().filter(|(i, _)| set & 1 << i != 0) {
            let (_, theirs) = other.iter().find(|(n, _)| n == name)?;
            value.clone_from(theirs);
        }
        // Some values are equal in both.
        (out != *metadata).then(|| (format!("values {set:b} of another object"), out))
    })
}

fn bodies<'a>(
    body: &'a [u8],
    other: &'a [u8],
    thorough: bool,
) -> impl Iterator<Item = (String, Vec<u8>)> + 'a {
    let bits = (0..body.len() * 8).filter(move |bit| thorough || bit % 8 == bit / 8 % 8);
    let flipped = bits.map(|bit| {
        let mut changed = body.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit} of the body"), changed)
    });
    let cut = (0..body.len()).flat_map(|len| {
        let front = (format!("body cut to {len}"), body[..len].to_vec());
        [front, (format!("body from {}", body.len() - len), body[body.len() - len..].to_vec())]
    });
    let grown = [1usize, 15, 16, 256, 4096].into_iter().flat_map(move |more| {
        let (zeros, copy) = (vec![0; more], body.iter().copied().cycle().take(more).collect());
        [zeros, copy].into_iter().flat_map(move |extra: Vec<u8>| {
            let behind = (format!("{more} more bytes"), [body, &extra].concat());
            [behind, (format!("{more} bytes in front"), [&extra, body].concat())]
        })
    });
    let swapped = [("the other body".to_owned(), other.to_vec())];
    flipped.chain(cut).chain(grown).chain(swapped)
}
