//! `PATH` and `PATH@N` as arguments.

use crate::vault::{Error, Path, Result, escape};

/// A path, as clap reads it. The rules are checked when the command runs, so that a broken one
/// is reported like every other error.
pub fn path(text: &str) -> Result<Path> {
    Path::parse(text)
}

/// `PATH` or `PATH@N`.
pub fn versioned(text: &str) -> Result<(Path, Option<u64>)> {
    let split = text
        .rsplit_once('@')
        .filter(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let Some((path, n)) = split else { return Ok((Path::parse(text)?, None)) };
    let n = n.parse().ok().filter(|&n| n > 0);
    let n = n.ok_or_else(|| Error::usage(format!("not a version: {}", escape(text))))?;
    Ok((Path::parse(path)?, Some(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_split_off() {
        let parsed = |text| versioned(text).map(|(p, n)| (p.to_string(), n)).map_err(|e| e.kind);
        assert_eq!(parsed("a/b"), Ok(("a/b".into(), None)));
        assert_eq!(parsed("a/b@12"), Ok(("a/b".into(), Some(12))));
        assert_eq!(parsed("a@b/c"), Ok(("a@b/c".into(), None)));
        assert_eq!(parsed("a@b"), Ok(("a@b".into(), None)));
        for bad in ["a@0", "@1", "a@99999999999999999999", "a@1@2"] {
            assert_eq!(parsed(bad), Err(crate::vault::Kind::Usage), "{bad}");
        }
    }
}
