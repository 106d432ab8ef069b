//! The modules form floors, and each imports only from floors below its own. Data then flows one
//! way, and everything up to `event` stays free of network, clock and environment.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use ignore::Walk;
use regex::Regex;

/// From the lowest up. Modules of the same floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["text", "shutdown"],
    &["git"],
    &["diagnostic", "environment"],
    &["document"],
    &["catalog"],
    &["inputs"],
    &["event"],
    &["http"],
    &["github", "port"],
    &["report"],
    &["run"],
    &["cli"],
];

/// The stages of a run in `src/run`, from the lowest up; `mod` puts them together.
const STAGES: &[&[&str]] = &[
    &["apply", "evaluator", "state"],
    &["error", "round", "unmatched"],
    &["files", "new_state"],
    &["setup", "texts"],
    &["session"],
    &["comment", "mapping"],
    &["source"],
    &["each", "find"],
    &["fleet", "selection"],
    &["pass"],
    &[
        "dependants",
        "dry_run",
        "ownership",
        "read",
        "responsibility",
        "validation",
    ],
    &["report", "shared_entities"],
    &["fleet_states", "planning", "save_states"],
    &["round_end"],
    &["carry_out"],
    &["mod"],
];

/// What the pure floors must not touch.
const WORLD: [&str; 9] = [
    "std::env::var",
    "std::fs",
    "std::net::TcpStream",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "tokio::",
    "reqwest::",
    "octocrab::",
];

fn floor_of(floors: &[&[&str]], module: &str) -> Option<usize> {
    floors.iter().position(|floor| floor.contains(&module))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = Walk::new(folder).map(|entry| entry.unwrap().into_path());
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    entries.filter(is_rust).collect()
}

/// The first part of a file's path below `folder`: the module that it belongs to.
fn module_of(folder: &Path, file: &Path) -> String {
    let below = file.strip_prefix(folder).unwrap();
    let first = below.components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap();
    name.trim_end_matches(".rs").to_owned()
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Modules below `root`, `crate` or `super`, that a file names, in `use` lines and in plain paths. A list of them,
/// `crate::{a, b}`, is named as its brace: it would hide what it holds.
fn named_modules(root: &str, text: &str) -> Vec<String> {
    let lines = text.lines();
    let code: Vec<_> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let named = Regex::new(&format!(r"(?-u)\b{root}::(\w+|\{{)")).unwrap();
    let code = code.join("\n");
    let found = named.captures_iter(&code);
    found.map(|found| found[1].to_owned()).collect()
}

/// The imports in `folder` that are not from a floor below.
fn wrong_imports(folder: &Path, root: &str, floors: &[&[&str]], files: &[PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        let module = module_of(folder, file);
        let own = floor_of(floors, &module).unwrap_or_else(|| panic!("`{module}` is on no floor"));
        for named in named_modules(root, &fs::read_to_string(file).unwrap()) {
            let is_below = floor_of(floors, &named).is_some_and(|floor| floor < own);
            // What is no module is a type of the parent's.
            let is_module = !named.starts_with(char::is_uppercase);
            if named != module && is_module && !is_below {
                wrong.push(format!("{} (`{module}`) imports `{named}`", file.display()));
            }
        }
    }
    wrong
}

#[test]
fn every_module_imports_only_from_floors_below() {
    let folder = source_folder();
    let mut files = rust_files(&folder);
    files.retain(|file| !["main", "lib"].contains(&module_of(&folder, file).as_str()));
    let wrong = wrong_imports(&folder, "crate", FLOORS, &files);
    assert_eq!(wrong, [""; 0], "imports from the same floor or one above");
}

#[test]
fn every_stage_of_a_run_imports_only_from_stages_below() {
    let folder = source_folder().join("run");
    let mut files = rust_files(&folder);
    files.retain(|file| file.parent() == Some(&folder));
    assert!(files.len() > 10, "{files:?}");
    let wrong = wrong_imports(&folder, "super", STAGES, &files);
    assert_eq!(wrong, [""; 0], "imports from the same floor or one above");
}

#[test]
fn the_pure_floors_do_not_touch_the_world() {
    let event = floor_of(FLOORS, "event").unwrap();
    let mut wrong = Vec::new();
    for file in rust_files(&source_folder()) {
        let module = module_of(&source_folder(), &file);
        // How a run is told to stop is a channel, which is tokio's; a checkout is in the workspace.
        let is_exempt = module == "shutdown" || file.ends_with("git/checkout.rs");
        if floor_of(FLOORS, &module).is_none_or(|floor| floor > event) || is_exempt {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let used = WORLD.iter().filter(|world| code.contains(**world));
        wrong.extend(used.map(|world| format!("{} uses `{world}`", file.display())));
    }
    assert_eq!(wrong, [""; 0], "the pure part touches the world");
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::a::B;\nuse crate::{b};\nlet x = crate::f::g();\n// crate::no\n";
    assert_eq!(named_modules("crate", text), ["a", "{", "f"]);
}
