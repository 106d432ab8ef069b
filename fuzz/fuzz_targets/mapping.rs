//! Any text as an expression, on any text as a file, in a process with limits.
#![no_main]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::mapping(text));
