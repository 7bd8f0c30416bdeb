//! The fuzz targets on stable Rust: the corpus, and mutants of it, with every test run.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

use proptest::prelude::Rng;
use proptest::test_runner::{Config, TestRng, TestRunner};

/// Mutants made of each seed.
const MUTANTS: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// A few bytes changed, removed, doubled or moved.
fn mutate(rng: &mut impl Rng, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.next_u32() % 4 {
        let len = bytes.len();
        if len == 0 {
            bytes.push(rng.next_u32() as u8);
            continue;
        }
        let at = rng.next_u32() as usize % len;
        let end = (at + 1 + rng.next_u32() as usize % 8).min(len);
        match rng.next_u32() % 6 {
            0 => bytes[at] ^= 1 << (rng.next_u32() % 8),
            1 => bytes[at] = b"\0\n\"\\;=.0/ {[\xff"[rng.next_u32() as usize % 13],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => bytes.truncate(at),
            _ => bytes.insert(at, rng.next_u32() as u8),
        }
    }
    bytes
}

#[test]
fn no_parser_panics_on_the_corpus_and_its_mutants() {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(Default::default()));
    let rng = runner.rng();
    let mut total = 0;
    for (name, target) in targets::TARGETS {
        let corpus = root().join("corpus").join(name);
        let mut seeds: Vec<_> = corpus
            .read_dir()
            .expect("every target has a corpus")
            .map(|e| e.unwrap().path())
            .collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            let bytes = std::fs::read(&seed).unwrap();
            target(&bytes);
            for _ in 0..MUTANTS {
                target(&mutate(rng, &bytes));
                total += 1;
            }
        }
    }
    println!("fuzz: {} targets, {total} mutants", targets::TARGETS.len());
}

#[test]
fn every_target_can_be_run_by_the_fuzzer() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        let file = format!("fuzz_targets/{name}.rs");
        assert!(manifest.contains(&format!("path = \"{file}\"")), "{name}");
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(&format!("vault_fuzz::{name}(data)")), "{name}");
    }
}
