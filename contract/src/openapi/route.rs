//! Path templates, such as `/repos/{owner}/{repo}/compare/{basehead}`.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// GitHub takes slashes in some names as they are.
    MultiParameter(String),
}

/// A path template.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Segment>);

/// Values of path parameters, decoded.
pub(super) type Values = BTreeMap<String, String>;

impl Template {
    /// `multi` names the parameters that may span several segments.
    pub(super) fn parse(path: &str, multi: &BTreeSet<&str>) -> Self {
        let segment = |text: &str| {
            let name = text
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match name {
                None => Segment::Literal(text.to_owned()),
                Some(name) if multi.contains(name) => Segment::MultiParameter(name.to_owned()),
                Some(name) => Segment::Parameter(name.to_owned()),
            }
        };
        Self(path.split('/').map(segment).collect())
    }

    /// How much of the template is literal: of several that fit, the one with most is meant.
    pub(super) fn literals(&self) -> usize {
        let is_literal = |segment: &&Segment| matches!(segment, Segment::Literal(_));
        self.0.iter().filter(is_literal).count()
    }

    /// The parameters' values if `path`, percent-encoded, fits.
    pub(super) fn values(&self, path: &str) -> Option<Values> {
        let parts: Vec<&str> = path.split('/').collect();
        let mut values = Values::new();
        fits(&self.0, &parts, &mut values).then_some(values)
    }
}

fn fits(segments: &[Segment], parts: &[&str], values: &mut Values) -> bool {
    let Some((first, segments)) = segments.split_first() else {
        return parts.is_empty();
    };
    let mut take = |name: &str, count: usize| {
        let (taken, rest) = parts.split_at(count);
        let value = percent_decode_str(&taken.join("/"))
            .decode_utf8_lossy()
            .into_owned();
        values.insert(name.to_owned(), value);
        fits(segments, rest, values)
    };
    match first {
        Segment::Literal(text) => {
            parts.first() == Some(&text.as_str()) && fits(segments, &parts[1..], values)
        }
        Segment::Parameter(name) => !parts.is_empty() && take(name, 1),
        Segment::MultiParameter(name) => (1..=parts.len()).any(|count| take(name, count)),
    }
}
