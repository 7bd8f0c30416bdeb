//! Which path each secret of an import gets. What breaks a rule, and what comes twice, is listed
//! all at once; on request it gets the name that the list shows.

use std::collections::{BTreeSet, HashMap};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

use super::{ItemContent, ItemField, Parsed};
use crate::core::document::{
    Document, MAX_FIELD_NAME, MAX_FIELDS, MAX_PLAINTEXT, check_field_name,
};
use crate::core::error::{Error, Result, listed};
use crate::core::path::{MAX_SEGMENT, Prefix, SecretPath, escape, is_hidden};
use crate::core::secret::Secret;

/// Most characters that are shown of a name that cannot be taken.
const MAX_SHOWN: usize = 300;

/// Secrets with their paths, ready to be written.
pub struct Plan {
    /// In the order of the source.
    pub secrets: Vec<Planned>,
    /// What is left out. For people to read, and not escaped.
    pub left: Vec<String>,
    /// Names that were changed: what it was, and what it is.
    pub renamed: Vec<(String, String)>,
}

/// A secret with its path.
pub struct Planned {
    /// Where it goes.
    pub path: SecretPath,
    /// What it holds; the names of its fields are legal.
    pub content: ItemContent,
}

impl Planned {
    /// Path and field as a reference names them, for each of its fields.
    pub fn names(&self) -> Vec<String> {
        match &self.content {
            ItemContent::Raw(_) => vec![self.path.to_string()],
            ItemContent::Fields(fields) => {
                fields.iter().map(|f| format!("{}#{}", self.path, escape(&f.name))).collect()
            }
        }
    }
}

/// A name that cannot be taken as it is.
struct Problem {
    what: String,
    why: String,
    becomes: Option<String>,
}

/// Gives each secret its path below `folder`. With `rename`, illegal names and repeated ones are
/// changed instead of refused.
///
/// # Errors
/// Usage, with everything that is wrong and what it would become.
pub fn plan(parsed: Parsed, folder: &Prefix, rename: bool) -> Result<Plan> {
    parsed.check_names()?;
    if parsed.items.is_empty() {
        return Err(nothing(&parsed.left));
    }
    let mut plan = Plan { secrets: Vec::new(), left: parsed.left, renamed: Vec::new() };
    let mut problems = Vec::new();
    // Also names that come later: what is renamed must not take one of those.
    let mut taken: BTreeSet<String> =
        parsed.items.iter().map(|item| joined(folder, &item.segments)).collect();
    let mut used = BTreeSet::new();
    let mut numbers = HashMap::new();
    for item in parsed.items {
        let text = joined(folder, &item.segments);
        let mut renamed = || renamed(folder, &item.segments, &taken, &mut numbers);
        let (path, why) = match (legal(folder, &item.segments), used.contains(&text)) {
            (Ok(path), false) => (Ok(path), None),
            (Ok(_), true) => (renamed(), Some("it is there twice".to_owned())),
            (Err(why), _) => (renamed(), Some(why)),
        };
        used.insert(text.clone());
        if let Some(why) = why {
            let becomes = path.as_ref().ok().map(ToString::to_string);
            if let Some(becomes) = &becomes {
                plan.renamed.push((text.clone(), becomes.clone()));
            }
            problems.push(Problem { what: shortened(&text), why, becomes });
        }
        let Ok(path) = path else { continue };
        used.insert(path.to_string());
        taken.insert(path.to_string());
        let content = fields(&path, item.content, &mut problems, &mut plan.renamed)?;
        plan.secrets.push(Planned { path, content });
    }
    let hopeless = problems.iter().any(|problem| problem.becomes.is_none());
    match problems.is_empty() || rename && !hopeless {
        true => Ok(plan),
        false => Err(refused(&problems)),
    }
}

fn nothing(left: &[String]) -> Error {
    let mut message = "there is nothing in it to import".to_owned();
    if !left.is_empty() {
        let left: Vec<_> = left.iter().map(|what| escape(what)).collect();
        message.push_str(&format!("\n  not imported: {}", listed(&left, "\n  not imported: ")));
    }
    Error::usage(message)
}

fn joined(folder: &Prefix, segments: &[String]) -> String {
    let below = segments.join("/");
    match folder.as_str() {
        "" => below,
        folder => format!("{folder}/{below}"),
    }
}

fn legal(folder: &Prefix, segments: &[String]) -> std::result::Result<SecretPath, String> {
    if segments.iter().any(|segment| segment.contains('/')) {
        return Err("a `/` in a name begins a folder".to_owned());
    }
    let rule = |e: Error| e.hint.unwrap_or(e.message);
    SecretPath::parse(&joined(folder, segments)).map_err(rule)
}

/// A legal path that nothing else has. `numbers` has the last one of each that came twice: there are
/// lists in which thousands have one title.
fn renamed(
    folder: &Prefix,
    segments: &[String],
    taken: &BTreeSet<String>,
    numbers: &mut HashMap<String, usize>,
) -> std::result::Result<SecretPath, String> {
    let mut clean: Vec<String> = segments.iter().map(|segment| legal_segment(segment)).collect();
    let last = clean.len() - 1;
    clean[last] = legal_end(&clean[last]);
    let base = clean[last].clone();
    let number = numbers.entry(joined(folder, &clean)).or_insert(0);
    while *number < 2 * super::MAX_ITEMS {
        *number += 1;
        if *number > 1 {
            clean[last] = cut(&base, &format!(" {number}"));
        }
        if !taken.contains(&joined(folder, &clean)) {
            return legal(folder, &clean);
        }
    }
    Err("too many of one name".to_owned())
}

/// What a segment becomes.
fn legal_segment(segment: &str) -> String {
    let char = |c: char| match c {
        '/' => '-',
        c if is_hidden(c) || !is_public_assigned(c) => '_',
        c => c,
    };
    let text: String = segment.chars().map(char).nfc().collect();
    let text = match text.as_str() {
        "" => "untitled".to_owned(),
        "." => "_".to_owned(),
        ".." => "__".to_owned(),
        text if text.starts_with(".vault") => format!("_{}", &text[1..]),
        text => text.to_owned(),
    };
    cut(&text, "")
}

/// What the end of the last segment becomes.
fn legal_end(segment: &str) -> String {
    if let Some(base) = segment.strip_suffix(".instruction") {
        return format!("{base}_instruction");
    }
    match segment.rsplit_once('@') {
        Some((base, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{base}_{n}")
        }
        _ => segment.to_owned(),
    }
}

/// `text` and `end`, cut between them to what a segment may have.
fn cut(text: &str, end: &str) -> String {
    let mut len = text.len().min(MAX_SEGMENT - end.len());
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    // A character in front that the cut separates from the one that it was made of.
    let text: String = text[..len].nfc().collect();
    format!("{text}{end}")
}

/// The fields of a secret under legal names.
fn fields(
    path: &SecretPath,
    content: ItemContent,
    problems: &mut Vec<Problem>,
    renamed: &mut Vec<(String, String)>,
) -> Result<ItemContent> {
    let mut fields = match content {
        ItemContent::Fields(fields) => fields,
        ItemContent::Raw(value) if value.len() > MAX_PLAINTEXT => return Err(too_large(path)),
        raw @ ItemContent::Raw(_) => return Ok(raw),
    };
    if fields.len() > MAX_FIELDS {
        return Err(Error::usage(format!("{path} has more than {MAX_FIELDS} fields")));
    }
    check_size(path, &fields)?;
    let mut names: BTreeSet<String> = fields.iter().map(|field| field.name.clone()).collect();
    let mut used = BTreeSet::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for field in &mut fields {
        let why = match check_field_name(&field.name) {
            Err(e) => e.hint.unwrap_or_default(),
            Ok(()) if used.contains(&field.name) => "it is there twice".to_owned(),
            Ok(()) => {
                used.insert(field.name.clone());
                continue;
            }
        };
        let base = legal_field(&field.name);
        let number = numbers.entry(base.clone()).or_insert(1);
        let mut free = base.clone();
        while names.contains(&free) {
            *number += 1;
            free = format!("{base} {number}");
        }
        let what = format!("{path}#{}", field.name);
        let becomes = format!("{path}#{free}");
        renamed.push((what.clone(), becomes.clone()));
        problems.push(Problem { what: shortened(&what), why, becomes: Some(becomes) });
        names.insert(free.clone());
        used.insert(free.clone());
        field.name = free;
    }
    Ok(ItemContent::Fields(fields))
}

/// Whether they fit into one secret, as they are stored: escaped, or in base64.
fn check_size(path: &SecretPath, fields: &[ItemField]) -> Result<()> {
    let plain: usize = fields.iter().map(|field| field.value.len() + 512).sum();
    // A control character becomes six.
    if plain < MAX_PLAINTEXT / 6 {
        return Ok(());
    }
    let mut document = Document::default();
    for (i, field) in fields.iter().enumerate() {
        let value = Secret::copy_of(field.value.bytes());
        document.set(&format!("field {i}"), field.kind, value, 0)?;
    }
    let fits = document.encode().map(|stored| stored.len() + fields.len() * MAX_FIELD_NAME);
    match fits {
        Ok(len) if len <= MAX_PLAINTEXT => Ok(()),
        _ => Err(too_large(path)),
    }
}

fn too_large(path: &SecretPath) -> Error {
    Error::usage(format!("{path} is larger than 16 MiB as it is stored"))
}

/// As much of a name as a list shows.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn legal_field(name: &str) -> String {
    let char = |c: char| if c == '=' || is_hidden(c) { '_' } else { c };
    let text: String = name.chars().map(char).nfc().collect();
    // Room for a number behind it.
    let mut len = text.len().min(MAX_FIELD_NAME - 6);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    match &text[..len] {
        "" => "field".to_owned(),
        text => text.nfc().collect(),
    }
}

fn refused(problems: &[Problem]) -> Error {
    let mut message = match problems.len() {
        1 => "a name cannot be taken as it is; nothing was written".to_owned(),
        n => format!("{n} names cannot be taken as they are; nothing was written"),
    };
    // Those first that --rename does not help.
    let (hopeless, others): (Vec<_>, Vec<_>) = problems.iter().partition(|p| p.becomes.is_none());
    let line = |problem: &&Problem| {
        let Problem { what, why, becomes } = problem;
        let becomes = match becomes {
            Some(becomes) => format!("it would become {}", escape(becomes)),
            None => "no name can be made of it: change it at its source".to_owned(),
        };
        format!("{}: {why}; {becomes}", escape(what))
    };
    let lines: Vec<_> = hopeless.iter().chain(&others).map(line).collect();
    message.push_str(&format!("\n  {}", listed(&lines, "\n  ")));
    Error::usage(message).hint("--rename takes them under the names that they would become")
}

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::*;

    fn parsed(names: &[&[&str]]) -> Parsed {
        let item = |names: &&[&str]| Item {
            segments: names.iter().map(|n| (*n).to_owned()).collect(),
            content: ItemContent::Raw(Secret::copy_of(b"x")),
        };
        Parsed { items: names.iter().map(item).collect(), ..Parsed::default() }
    }

    fn paths(names: &[&[&str]], folder: &str) -> Vec<String> {
        let plan = plan(parsed(names), &Prefix::parse(folder).unwrap(), true).unwrap();
        plan.secrets.iter().map(|s| s.path.to_string()).collect()
    }

    #[test]
    fn illegal_names_get_legal_ones_of_their_own() {
        let long = "é".repeat(150);
        let names: [&[&str]; 13] = [
            &["a", "b"],
            &["a/b"],
            &[""],
            &["."],
            &["a", "..", "c"],
            &["user@3"],
            &["user@3"],
            &[".vaulted"],
            &["x.instruction"],
            &["e\u{301}"],
            &["a\u{202e}b\n"],
            &[&long],
            &["user_3"],
        ];
        let got = paths(&names, "in");
        assert_eq!(
            got[..11],
            [
                "in/a/b",
                "in/a-b",
                "in/untitled",
                "in/_",
                "in/a/__/c",
                // The last of all has that name already.
                "in/user_3 2",
                "in/user_3 3",
                "in/_vaulted",
                "in/x_instruction",
                "in/é",
                "in/a_b_",
            ]
        );
        assert_eq!(got[11], format!("in/{}", "é".repeat(100)));
        assert_eq!(got[12], "in/user_3");
        let all: BTreeSet<_> = got.iter().collect();
        assert_eq!(all.len(), got.len());
    }

    #[test]
    fn everything_wrong_is_listed_with_what_it_would_become() {
        let names: [&[&str]; 5] = [&["a"], &["b/c"], &["a"], &["d@1"], &["a"]];
        let error = plan(parsed(&names), &Prefix::default(), false).err().unwrap();
        for part in [
            "4 names",
            "b/c: a `/` in a name begins a folder; it would become b-c",
            "a: it is there twice; it would become a 2",
            "a: it is there twice; it would become a 3",
            "it would become d_1",
        ] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }

    /// Lists of thousands with one title take no longer than others. With a step for each pair, this
    /// would take minutes.
    #[test]
    fn many_of_one_name_take_no_longer() {
        let begin = std::time::Instant::now();
        let names: Vec<&[&str]> = vec![&["same"]; 20_000];
        let got = paths(&names, "in");
        assert_eq!((got[1].as_str(), got[19_999].as_str()), ("in/same 2", "in/same 20000"));
        let mut all = String::from("name,url,username,password\n");
        all.push_str(&"Example,,,x\n".repeat(20_000));
        let format = super::super::FileFormat::Csv;
        let parsed = super::super::parse(format, &Secret::copy_of(all.as_bytes())).unwrap();
        let error = plan(parsed, &Prefix::default(), false).err().unwrap();
        assert!(error.message.starts_with("19999 names"), "{error}");
        assert!(error.message.ends_with("\n  … and 19979 more"), "{error}");
        let mut login = super::super::logins::Login::default();
        for _ in 0..200_000 {
            login.custom("same", None, Some(Secret::copy_of(b"x")));
        }
        let content = login.fields().unwrap();
        let item = Item { segments: vec!["p".into()], content };
        let parsed = Parsed { items: vec![item], ..Parsed::default() };
        let error = plan(parsed, &Prefix::default(), true).err().unwrap();
        assert!(error.message.contains("more than 1024 fields"), "{error}");
        assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    }

    #[test]
    fn what_no_name_can_be_made_of_is_refused_all_the_same() {
        let segment = "x".repeat(190);
        let deep: [&[&str]; 1] = [&[&segment, &segment, &segment]];
        let error = plan(parsed(&deep), &Prefix::default(), true).err().unwrap();
        assert!(error.message.contains("change it at its source"), "{error}");
    }

    #[test]
    fn fields_keep_to_their_rules_too() {
        let field = |name: &str| ItemField::new(name, None, Secret::copy_of(b"x"));
        let all = ["a", "b=c", "", "a", "a 2", "z\u{200b}"].map(field).into();
        let item = Item { segments: vec!["p".into()], content: ItemContent::Fields(all) };
        let parsed = Parsed { items: vec![item], ..Parsed::default() };
        let plan = plan(parsed, &Prefix::default(), true).unwrap();
        let names = plan.secrets[0].names();
        assert_eq!(names, ["p#a", "p#b_c", "p#field", "p#a 3", "p#a 2", "p#z_"]);
        assert_eq!(plan.renamed.len(), 4);
    }
}
