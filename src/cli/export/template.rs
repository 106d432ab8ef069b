//! What files are called: names that every file system keeps, and keeps apart.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

use crate::document::FileFormat;
use crate::git;

/// Where entities go, relative to the folder of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    text: String,
    parts: Vec<TemplatePart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Literal(String),
    Blueprint,
    Identifier,
}

/// Why a text is no template.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidTemplate {
    #[error("`{0}` must end with .yml, .yaml or .json")]
    Extension(String),
    #[error("`{0}` must stay in the folder: no `..`, no `/` at its start or end, no empty name")]
    Outside(String),
    #[error("there is no {{{0}}}, only {{blueprint}} and {{identifier}}")]
    Unknown(String),
}

/// Whether a name also says what no other entity of the export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suffix {
    None,
    /// A digest, where the plain name differs from another one in case only.
    Digest,
}

impl Default for PathTemplate {
    fn default() -> Self {
        Self {
            text: "{blueprint}/{identifier}.entity.yml".to_owned(),
            parts: vec![
                TemplatePart::Blueprint,
                TemplatePart::Literal("/".to_owned()),
                TemplatePart::Identifier,
                TemplatePart::Literal(".entity.yml".to_owned()),
            ],
        }
    }
}

impl PathTemplate {
    /// Reads `{blueprint}/{identifier}.entity.yml` and the like.
    ///
    /// # Errors
    /// If it names no file in the folder, or no entity file.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let text = text.strip_prefix("./").unwrap_or(text);
        let is_entity_file = [".yml", ".yaml", ".json"]
            .iter()
            .any(|end| text.len() > end.len() && text.ends_with(end));
        if !is_entity_file {
            return Err(InvalidTemplate::Extension(text.to_owned()));
        }
        if text.contains('\\') || text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(InvalidTemplate::Outside(text.to_owned()));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, (name, after))) = rest
            .split_once('{')
            .and_then(|(literal, rest)| Some((literal, rest.split_once('}')?)))
        {
            parts.push(TemplatePart::Literal(literal.to_owned()));
            parts.push(match name {
                "blueprint" => TemplatePart::Blueprint,
                "identifier" => TemplatePart::Identifier,
                other => return Err(InvalidTemplate::Unknown(other.to_owned())),
            });
            rest = after;
        }
        parts.push(TemplatePart::Literal(rest.to_owned()));
        parts.retain(|part| *part != TemplatePart::Literal(String::new()));
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// The language of its files.
    pub(super) fn format(&self) -> FileFormat {
        FileFormat::of_path(&self.text)
    }

    /// Whether every entity has a file of its own.
    pub(super) fn names_identifiers(&self) -> bool {
        self.parts.contains(&TemplatePart::Identifier)
    }

    /// The path of an entity's file.
    pub(super) fn path(&self, blueprint: &str, identifier: &str, suffix: Suffix) -> String {
        let mut path = String::new();
        // It goes to the last name that distinguishes entities.
        let is_last = |index: usize| {
            let after = &self.parts[index + 1..];
            !after
                .iter()
                .any(|part| !matches!(part, TemplatePart::Literal(_)))
        };
        for (index, part) in self.parts.iter().enumerate() {
            let name = match part {
                TemplatePart::Literal(text) => {
                    path.push_str(text);
                    continue;
                }
                TemplatePart::Blueprint => blueprint,
                TemplatePart::Identifier => identifier,
            };
            path.push_str(&file_name(name));
            if suffix == Suffix::Digest && is_last(index) {
                let of = match self.names_identifiers() {
                    true => format!("{blueprint}|{identifier}"),
                    false => blueprint.to_owned(),
                };
                path.push_str("==");
                path.push_str(&short_digest(&of));
            }
        }
        path
    }
}

/// More bytes than these make a name too long, with what a template adds to it, for some file systems.
const LONGEST: usize = 100;
/// How many of a longer name's bytes are kept.
const KEPT: usize = 80;

/// Names that [Windows keeps for devices][docs], with whatever extension.
///
/// [docs]: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A name for a file, and no other name's: what is not a letter or digit of ASCII or one of `. _ - @ +` is
/// `=XX` for each of its bytes, as in the names of states. So nothing depends on how a file system treats
/// Unicode, and `==` is in no name but those that have a digest.
fn file_name(name: &str) -> String {
    let last = name.len().saturating_sub(1);
    let is_device = is_device(name);
    let mut encoded = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let is_safe = match byte {
            // A hidden file, `.git`, or what Windows takes away.
            b'.' => at != 0 && at != last,
            b'_' | b'-' | b'@' | b'+' => true,
            byte => byte.is_ascii_alphanumeric(),
        };
        if is_safe && !(is_device && at == 0) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "={byte:02X}");
        }
    }
    if encoded.len() > LONGEST {
        encoded.truncate(KEPT);
        encoded.push_str("==");
        encoded.push_str(&short_digest(name));
    }
    encoded
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.to_ascii_lowercase();
    let port = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"));
    DEVICES.contains(&stem.as_str())
        || port.is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|d| d.is_ascii_digit()))
}

/// Enough of a digest to distinguish what has the same name otherwise.
fn short_digest(text: &str) -> String {
    let mut digits = git::hexadecimal(digest(&SHA256, text.as_bytes()).as_ref());
    digits.truncate(12);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_on_every_file_system() {
        for (name, expected) in [
            ("shop", "shop"),
            ("My.Service_1@x+y-z", "My.Service_1@x+y-z"),
            ("a/b\\c:d", "a=2Fb=5Cc=3Ad"),
            ("a=2Fb", "a=3D2Fb"),
            ("joe's", "joe=27s"),
            ("ü", "=C3=BC"),
            (".git", "=2Egit"),
            ("a.", "a=2E"),
            ("...", "=2E.=2E"),
            ("con", "=63on"),
            ("Com7.x", "=43om7.x"),
            ("common", "common"),
        ] {
            assert_eq!(file_name(name), expected);
        }
        let (long, longer) = ("x".repeat(1000), "x".repeat(999));
        assert_eq!(file_name(&long).len(), KEPT + 14);
        assert_ne!(file_name(&long), file_name(&longer));
    }

    #[test]
    fn templates_say_where_files_go() {
        let path = |template: &str, suffix| {
            PathTemplate::parse(template)
                .unwrap()
                .path("b", "i/j", suffix)
        };
        let default = PathTemplate::parse("{blueprint}/{identifier}.entity.yml");
        assert_eq!(default, Ok(PathTemplate::default()));
        assert_eq!(
            path("{blueprint}/{identifier}.entity.yml", Suffix::None),
            "b/i=2Fj.entity.yml"
        );
        assert_eq!(path("./all.json", Suffix::None), "all.json");
        assert_eq!(
            path("x/{blueprint}-{identifier}{x.yml", Suffix::None),
            "x/b-i=2Fj{x.yml"
        );
        let digest = short_digest("b|i/j");
        assert_eq!(
            path("{blueprint}/{identifier}.yml", Suffix::Digest),
            format!("b/i=2Fj=={digest}.yml")
        );
        for wrong in [
            "a.txt",
            ".yml",
            "/a.yml",
            "a//b.yml",
            "../a.yml",
            "{name}.yml",
            "a/",
        ] {
            assert!(PathTemplate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
