//! What fuzzing starts from, and what it has found, holds for every text: see `fuzz/checks.rs`.

#![cfg(test)]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

fn check_corpus(target: &str, check: fn(&str)) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut files: Vec<_> = fs::read_dir(corpus.join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "the corpus of `{target}` is gone");
    for file in files {
        println!("{}", file.display());
        check(&fs::read_to_string(file).unwrap());
    }
}

#[test]
fn json() {
    check_corpus("json", checks::json);
}

#[test]
fn yaml() {
    check_corpus("yaml", checks::yaml);
}

#[test]
fn mapping() {
    check_corpus("mapping", checks::mapping);
}

#[test]
fn diagnostics() {
    check_corpus("diagnostics", checks::diagnostics);
}
