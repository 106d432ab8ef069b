//! Where the specifications are, each read once in a process and only when it is needed.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;

use crate::{Document, Service};

/// Names the directory that holds `port.json`, `github.json` and `github.graphql`.
pub const VARIABLE: &str = "PORT_GITOPS_SPECIFICATIONS";

/// The directory's usual place: beside the project.
const BESIDE_PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/openapi");

static DIRECTORY: LazyLock<Option<PathBuf>> = LazyLock::new(find);
static PORT: LazyLock<Document> = LazyLock::new(|| Document::parse(&read("port.json")));
static GITHUB: LazyLock<Document> = LazyLock::new(|| Document::parse(&read("github.json")));
static GRAPHQL: LazyLock<Valid<Schema>> = LazyLock::new(|| parse_schema(&read("github.graphql")));

/// The directory; `None` where the specifications are not to be had.
///
/// # Panics
/// If [`VARIABLE`] names something that is no directory.
pub fn directory() -> Option<&'static Path> {
    DIRECTORY.as_deref()
}

/// A service's OpenAPI document.
///
/// # Panics
/// If it cannot be read.
pub fn document(service: Service) -> &'static Document {
    match service {
        Service::Port => &PORT,
        Service::GitHub => &GITHUB,
    }
}

/// GitHub's GraphQL schema.
///
/// # Panics
/// If it cannot be read.
pub fn graphql() -> &'static Valid<Schema> {
    &GRAPHQL
}

fn find() -> Option<PathBuf> {
    if let Some(given) = env::var_os(VARIABLE) {
        let given = PathBuf::from(given);
        assert!(
            given.is_dir(),
            "{VARIABLE}: {} is no directory",
            given.display()
        );
        return Some(given);
    }
    let usual = Path::new(BESIDE_PROJECT);
    if usual.is_dir() {
        return Some(usual.to_owned());
    }
    // Written past the test harness, which hides what a test that passes prints.
    let _ = writeln!(
        io::stderr(),
        "\n!!! CONTRACT CHECKS SKIPPED: no specifications in {BESIDE_PROJECT}.\n\
         !!! Requests and answers are NOT held against Port's and GitHub's APIs.\n\
         !!! Set {VARIABLE} to the directory that holds them.\n"
    );
    None
}

fn read(name: &str) -> String {
    let path = directory().expect("asked for before use").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// GitHub's schema repeats fields of a type here and there, which is not valid; the first one
/// stands. It is not validated any further: that takes long, and it is not ours.
fn parse_schema(text: &str) -> Valid<Schema> {
    let built = Schema::builder().parse(text, "github.graphql").build();
    Valid::assume_valid(built.unwrap_or_else(|errors| errors.partial))
}
