//! No plaintext in any file, argument or error.

use std::path::Path;

use crate::cli::home::Home;

fn scan(dir: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(scan(&path, needles));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            for needle in needles {
                if bytes.windows(needle.len()).any(|w| w == needle) {
                    hits.push(format!("{} in {}", String::from_utf8_lossy(needle), path.display()));
                }
            }
        }
    }
    hits
}

#[test]
fn values_are_in_no_file() {
    let home = Home::with_vault();
    let canary = "canary-7c1f9a52e8d04b6f-value";
    home.run_with(["put", "a", "user=not-a-secret", "value=-"], canary.as_bytes()).ok();
    home.run_with(["put", "r", "--raw"], canary.as_bytes()).ok();
    home.run(["mv", "a", "b"]).ok();
    home.run(["rm", "r"]).ok();
    home.run(["undelete", "r"]).ok();
    home.get("b");
    home.run(["verify", "--repair"]).ok();
    let needles: Vec<Vec<u8>> = vec![
        canary.into(),
        canary[..12].into(),
        canary[12..24].into(),
        vault::vault::b64_secret(canary.as_bytes()).bytes().to_vec(),
        b"not-a-secret".to_vec(),
    ];
    let hits = scan(home.path(), &needles);
    assert!(hits.is_empty(), "{hits:?}");
    // The scan itself finds what is there.
    std::fs::write(home.path().join("out"), canary).unwrap();
    assert_eq!(scan(home.path(), &needles[..1]).len(), 1);
}
