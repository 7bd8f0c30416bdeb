//! How a bucket and KMS are reached: settings of a vault, beside its location.

use toml_edit::{Item, Table, Value, value};

use crate::vault::{AwsOptions, Error, Result, Sse, escape};

/// Storage classes whose objects cannot be read at once.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// Takes a setting, if it is one of these.
///
/// # Errors
/// Usage for a value that does not fit.
pub(super) fn read(options: &mut AwsOptions, key: &str, item: &Item) -> Result<bool> {
    let wrong = |what: &str| Error::usage(format!("`{key}` is not {what}"));
    let text = || match item.as_str() {
        Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
        _ => Err(wrong("a text")),
    };
    let flag = || item.as_bool().ok_or_else(|| wrong("true or false"));
    match key {
        "region" => options.region = text()?,
        "profile" => options.profile = text()?,
        "endpoint_s3" => options.endpoint_s3 = text()?,
        "endpoint_kms" => options.endpoint_kms = text()?,
        "path_style" => options.path_style = Some(flag()?),
        "dual_stack" => options.dual_stack = flag()?,
        "fips" => options.fips = flag()?,
        "accelerate" => options.accelerate = flag()?,
        "requester_pays" => options.requester_pays = flag()?,
        "expected_owner" => match text()? {
            Some(id) if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) => {
                options.expected_owner = Some(id);
            }
            _ => return Err(wrong("the 12 digits of an account")),
        },
        "storage_class" => match text()? {
            Some(class) if ARCHIVES.contains(&class.as_str()) => {
                return Err(wrong("a class whose objects can be read at once"));
            }
            class => options.storage_class = class,
        },
        "sse" => match sse(item) {
            Some(sse) => options.sse = sse,
            None => {
                return Err(wrong(
                    "\"s3\", \"kms\", \"kms-twice\" or a table { kms = \"KEY\", bucket_key = true }",
                ));
            }
        },
        _ => return Ok(false),
    }
    Ok(true)
}

fn sse(item: &Item) -> Option<Sse> {
    match item.as_str() {
        Some("s3") => return Some(Sse::S3),
        Some("kms") => return Some(Sse::Kms { key: None, bucket_key: false }),
        Some("kms-twice") => return Some(Sse::KmsTwice { key: None }),
        Some(_) => return None,
        None => {}
    }
    let table = item.as_table_like()?;
    let (mut key, mut twice, mut bucket_key) = (None, false, false);
    for (name, item) in table.iter() {
        match name {
            "kms" | "kms-twice" if key.is_none() => {
                key = Some(item.as_str()?.to_owned());
                twice = name == "kms-twice";
            }
            "bucket_key" => bucket_key = item.as_bool()?,
            _ => return None,
        }
    }
    key.as_ref()?;
    match (twice, bucket_key) {
        (true, true) => None,
        (true, false) => Some(Sse::KmsTwice { key }),
        (false, bucket_key) => Some(Sse::Kms { key, bucket_key }),
    }
}

/// Writes what can be given on the command line.
pub(super) fn write(options: &AwsOptions, table: &mut Table) {
    let texts = [
        ("region", &options.region),
        ("profile", &options.profile),
        ("endpoint_s3", &options.endpoint_s3),
        ("endpoint_kms", &options.endpoint_kms),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            table.insert(key, value(text));
        }
    }
    if let Some(path_style) = options.path_style {
        table.insert("path_style", value(path_style));
    }
}

/// A value as people read it in a list.
pub(super) fn shown(item: &Item) -> String {
    match item.as_value() {
        Some(Value::String(text)) => text.value().clone(),
        Some(other) => other.to_string().trim().to_owned(),
        None => escape(item.to_string().trim()),
    }
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::*;

    fn parsed(text: &str) -> Result<AwsOptions> {
        let document: DocumentMut = text.parse().unwrap();
        let mut options = AwsOptions::default();
        for (key, item) in document.iter() {
            assert!(read(&mut options, key, item)?, "{key}");
        }
        Ok(options)
    }

    #[test]
    fn settings_are_typed() {
        let options = parsed(
            "region = \"eu-west-1\"\npath_style = false\nfips = true\nexpected_owner = \"123456789012\"\n\
             storage_class = \"STANDARD_IA\"\nsse = { kms = \"k\", bucket_key = true }",
        )
        .unwrap();
        assert_eq!(options.region.as_deref(), Some("eu-west-1"));
        assert_eq!(
            (options.path_style, options.fips, options.dual_stack),
            (Some(false), true, false)
        );
        assert_eq!(options.sse, Sse::Kms { key: Some("k".into()), bucket_key: true });
        assert_eq!(parsed("sse = \"s3\"").unwrap().sse, Sse::S3);
        for bad in [
            "region = 1",
            "region = \"\"",
            "path_style = \"yes\"",
            "expected_owner = \"12\"",
            "storage_class = \"GLACIER\"",
            "sse = \"aes\"",
            "sse = { bucket_key = true }",
            "sse = { kms = \"a\", kms-twice = \"b\" }",
            "sse = { kms-twice = \"b\", bucket_key = true }",
        ] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
