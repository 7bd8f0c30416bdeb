//! Tables of password managers, told apart by their header, and the one that `vault export` writes.

use std::collections::BTreeMap;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use self::tools::{Column, tool};
use super::logins::{Login, Part};
use super::names::{below, split_at};
use super::{ItemContent, ItemField, Parsed};
use crate::core::document::FieldType;
use crate::core::error::{Error, Result};
use crate::core::secret::Secret;
use crate::core::text::b64_decode_secret;

mod tools;

/// Most columns of a table.
const MAX_COLUMNS: usize = 256;

/// The header of [`crate::vault::Export`].
const OWN: [&str; 5] = ["path", "field", "type", "value", "b64"];

/// True if the first line is a header of one of these tables.
pub fn is_header(line: &str) -> bool {
    let names: Vec<String> =
        line.split(',').map(|name| column_name(name.trim_matches('"'))).collect();
    names == OWN || tool(&names).is_some()
}

/// Reads a table.
///
/// # Errors
/// Usage, with the line at which a row begins.
pub fn read(bytes: &Secret) -> Result<Parsed> {
    let mut rows = Rows::new(bytes, false);
    let header = rows.next()?.ok_or_else(|| Error::usage("the table has no header"))?;
    let name = |cell: &Secret| {
        cell.text().map(str::to_owned).ok_or_else(|| Error::usage("the header is not UTF-8"))
    };
    let shown = header.cells.iter().map(name).collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = shown.iter().map(|name| column_name(name)).collect();
    if names == OWN {
        check_quotes(bytes, false)?;
        return own(rows);
    }
    let tool = tool(&names).ok_or_else(|| {
        Error::usage("no table that is known by its header").hint(
            "known are those of 1Password, Bitwarden, LastPass, KeePass, KeePassXC, Chrome, and \
             path,field,type,value,b64",
        )
    })?;
    check_quotes(bytes, tool.backslashes)?;
    if tool.backslashes {
        rows = Rows::new(bytes, true);
        rows.next()?;
    }
    let columns: Vec<Column> = names.iter().map(|name| tool.column(name)).collect();
    let mut parsed = Parsed::default();
    let mut archived = 0;
    while let Some(row) = rows.next()? {
        let Row { line, cells } = row;
        check_width(line, cells.len(), columns.len())?;
        let is_archived = |(cell, column): (&Secret, &Column)| {
            *column == Column::Archived && cell.bytes().eq_ignore_ascii_case(b"true")
        };
        if cells.iter().zip(&columns).any(is_archived) {
            archived += 1;
            continue;
        }
        login(&mut parsed, line, cells, &columns, &shown)?;
    }
    if archived > 0 {
        parsed.leave(format!("what is archived ({archived})"));
    }
    Ok(parsed)
}

fn column_name(name: &str) -> String {
    name.trim_start_matches('\u{feff}').trim().to_lowercase()
}

fn check_width(line: u64, found: usize, columns: usize) -> Result<()> {
    if found == columns {
        return Ok(());
    }
    Err(Error::usage(format!("line {line} of the table: {found} cells in {columns} columns")))
}

fn login(
    parsed: &mut Parsed,
    line: u64,
    cells: Vec<Secret>,
    columns: &[Column],
    names: &[String],
) -> Result<()> {
    let (mut folders, mut title, mut login) = (Vec::new(), String::new(), Login::default());
    for ((cell, column), name) in cells.into_iter().zip(columns).zip(names) {
        let text = || {
            let text = cell.text().map(str::to_owned);
            text.ok_or_else(|| Error::usage(format!("line {line} of the table is not UTF-8")))
        };
        match column {
            Column::Ignored | Column::Archived => {}
            Column::Title => title = text()?,
            Column::Folder(between) => {
                folders.extend(split_at(&text()?, *between)?.into_iter().filter(|f| !f.is_empty()));
            }
            Column::Group => folders.extend(split_at(&text()?, '/')?.into_iter().skip(1)),
            // What LastPass has where a note has no address.
            Column::Part(Part::Url) if cell.bytes() == b"http://sn" => {}
            Column::Urls => addresses(cell.text().unwrap_or_default())
                .for_each(|url| login.part(Part::Url, Some(Secret::copy_of(url.as_bytes())))),
            Column::Part(part) => login.part(*part, Some(cell)),
            Column::Custom => login.custom(name, None, Some(cell)),
            Column::Fields => {
                let text = cell.text().unwrap_or_default();
                for line in text.lines() {
                    // What has no name is a further line of the one before: kept, as a note.
                    let (name, value) = line.split_once(": ").unwrap_or(("notes", line));
                    login.custom(name, None, Some(Secret::copy_of(value.as_bytes())));
                }
            }
        }
    }
    let segments = below(&folders, &title)?;
    match login.fields() {
        Some(fields) => parsed.push(segments, fields),
        None => {
            parsed.leave(format!("line {line}: nothing in it but a title"));
            Ok(())
        }
    }
}

/// Addresses with a comma between them. One that has a comma itself stays whole: what follows a
/// comma is another address if it begins as the first one does, with a scheme or without.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let has_scheme = |text: &str| {
        text.split_once("://").is_some_and(|(scheme, _)| {
            let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            !scheme.is_empty() && scheme.trim_start().chars().all(is_scheme)
        })
    };
    let schemes = has_scheme(text);
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest.take()?;
        let ends = all.match_indices(',').map(|(at, _)| at);
        let end = ends.into_iter().find(|at| !schemes || has_scheme(&all[at + 1..]));
        rest = end.map(|at| &all[at + 1..]);
        Some(all[..end.unwrap_or(all.len())].trim())
    })
}

/// The table that `vault export` writes: a field a row, and raw bytes without field and type.
fn own(mut rows: Rows<'_>) -> Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(Row { line, cells }) = rows.next()? {
        check_width(line, cells.len(), OWN.len())?;
        let wrong = |why: &str| Error::usage(format!("line {line} of the table: {why}"));
        let text = |i: usize| cells[i].text().ok_or_else(|| wrong("not UTF-8"));
        let (path, field, kind) = (text(0)?, text(1)?, text(2)?);
        let value = match (cells[3].is_empty(), cells[4].is_empty()) {
            (_, true) => Secret::copy_of(cells[3].bytes()),
            (true, false) => {
                b64_decode_secret(cells[4].bytes()).ok_or_else(|| wrong("not base64"))?
            }
            (false, false) => return Err(wrong("both a value and base64")),
        };
        if field.is_empty() && kind.is_empty() {
            parsed.push(super::names::split(path)?, ItemContent::Raw(value))?;
            continue;
        }
        let known = FieldType::parse(kind);
        if known.is_none() {
            // With columns in another order, any of them may be a value.
            parsed.leave(format!("the type in line {line}: its field becomes secret"));
        }
        let field = ItemField::new(field, Some(known.unwrap_or(FieldType::Secret)), value);
        match at.get(path).map(|&i| &mut parsed.items[i].content) {
            Some(ItemContent::Fields(fields)) => fields.push(field),
            _ => {
                at.insert(path.to_owned(), parsed.items.len());
                parsed.push(super::names::split(path)?, ItemContent::Fields(vec![field]))?;
            }
        }
    }
    Ok(parsed)
}

/// A row and the line at which it begins.
struct Row {
    line: u64,
    cells: Vec<Secret>,
}

/// The rows of a table, read into zeroed memory.
struct Rows<'b> {
    reader: Reader,
    rest: &'b [u8],
    buffer: Secret,
}

/// The reader would take the rest of the file for the text whose quote is missing.
fn check_quotes(bytes: &Secret, backslashes: bool) -> Result<()> {
    let (mut quotes, mut escaped) = (0, false);
    for &byte in bytes.bytes() {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if backslashes => escaped = true,
            b'"' => quotes += 1,
            _ => {}
        }
    }
    match quotes % 2 {
        0 => Ok(()),
        _ => Err(Error::usage("a quote in the table does not end")),
    }
}

impl<'b> Rows<'b> {
    fn new(bytes: &'b Secret, backslashes: bool) -> Self {
        let mut builder = ReaderBuilder::new();
        if backslashes {
            builder.escape(Some(b'\\')).double_quote(false);
        }
        let buffer = Secret::new(vec![0; bytes.len() + 1]);
        Self { reader: builder.build(), rest: bytes.bytes(), buffer }
    }

    /// The next row that is not empty; `None` at the end.
    fn next(&mut self) -> Result<Option<Row>> {
        let mut row = Row { line: self.reader.line(), cells: Vec::new() };
        let mut filled = 0;
        loop {
            let output = &mut self.buffer.buffer()[filled..];
            let (result, read, written) = self.reader.read_field(self.rest, output);
            self.rest = &self.rest[read..];
            filled += written;
            match result {
                // Asked once more with nothing: that is how it learns of the end.
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => {
                    return Err(Error::usage("a cell of the table is too large"));
                }
                ReadFieldResult::Field { record_end } => {
                    row.cells.push(Secret::copy_of(&self.buffer.bytes()[..filled]));
                    filled = 0;
                    if row.cells.len() > MAX_COLUMNS {
                        return Err(Error::usage(format!(
                            "line {} of the table: more than {MAX_COLUMNS} cells",
                            row.line
                        )));
                    }
                    if record_end {
                        return Ok(Some(row));
                    }
                }
                ReadFieldResult::End => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for (text, expected) in [
            ("https://a", &["https://a"][..]),
            ("https://a,https://b/x,y", &["https://a", "https://b/x,y"]),
            ("a.org,b.org", &["a.org", "b.org"]),
            ("https://a/x,y?z=1, android://b", &["https://a/x,y?z=1", "android://b"]),
            ("", &[""]),
        ] {
            assert_eq!(addresses(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
