use proptest::prelude::*;

use super::super::testing::{documents, shown};
use crate::document::{Documents, Format};
use crate::diagnostic::Code;

fn read(text: &str) -> Documents {
    documents(Format::Json, text)
}

#[test]
fn smoke() {
    for text in ["{\"a\": [1, 2.5, null, true, \"x\\u00e9\"]}", "[1 2,,3,]", "{a: 'b', \"c\": 01}", "", "[1", "{\"a\" 1}", "\"a"] {
        println!("{text}\n{}", shown(&read(text)));
    }
}
