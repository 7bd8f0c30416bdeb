//! The folders of a list of names.

use super::Row;

/// A folder and how many secrets are below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its full name, empty for all.
    pub name: String,
    /// How deep it is.
    pub depth: u16,
    /// Secrets below it.
    pub count: u32,
}

/// The folders of names in their order, the root first. All names below a folder stand together,
/// so that one pass finds every folder once.
pub(super) fn count(rows: &[Row]) -> Vec<Folder> {
    let mut folders = vec![Folder { name: String::new(), depth: 0, count: 0 }];
    let mut open: Vec<usize> = Vec::new();
    for row in rows {
        let path = row.path.as_str();
        let inside = |at: &usize| {
            path.strip_prefix(folders[*at].name.as_str()).is_some_and(|r| r.starts_with('/'))
        };
        let kept = open.iter().take_while(|at| inside(at)).count();
        open.truncate(kept);
        let start = open.last().map_or(0, |at| folders[*at].name.len() + 1);
        for (slash, _) in path[start..].match_indices('/') {
            let (name, depth) = (path[..start + slash].to_owned(), open.len() as u16 + 1);
            open.push(folders.len());
            folders.push(Folder { name, depth, count: 0 });
        }
        folders[0].count += 1;
        open.iter().for_each(|at| folders[*at].count += 1);
    }
    folders
}
