//! The process: signals in, exit status out.

fn main() {}
