//! Any text as an entity file, all the way to what the log shows.
#![no_main]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::diagnostics(text));
