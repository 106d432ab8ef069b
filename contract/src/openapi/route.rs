//! Path templates, such as `/repos/{owner}/{repo}/compare/{basehead}`.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use regex::Regex;

/// A path template.
#[derive(Debug)]
pub(super) struct Template {
    pattern: Regex,
    /// The parameters, in the order of the pattern's groups.
    names: Vec<String>,
    /// How much of the template is literal: of several that fit, the one with most is meant.
    pub(super) literals: usize,
}

/// Values of path parameters, decoded.
pub(super) type Values = BTreeMap<String, String>;

impl Template {
    /// `multi` names the parameters that may span several segments: GitHub takes slashes in some names as they are.
    pub(super) fn parse(path: &str, multi: &BTreeSet<&str>) -> Self {
        let (mut names, mut literals) = (Vec::new(), 0);
        let segments = path.split('/').map(|text| {
            let name = text
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            names.extend(name.map(str::to_owned));
            literals += usize::from(name.is_none());
            match name {
                None => regex::escape(text),
                Some(name) if multi.contains(name) => "(.*)".to_owned(),
                Some(_) => "([^/]*)".to_owned(),
            }
        });
        let pattern = segments.collect::<Vec<_>>().join("/");
        Self {
            pattern: Regex::new(&format!("^{pattern}$")).expect("it is escaped"),
            names,
            literals,
        }
    }

    /// The parameters' values if `path`, percent-encoded, fits.
    pub(super) fn values(&self, path: &str) -> Option<Values> {
        let groups = self.pattern.captures(path)?;
        let values = groups.iter().skip(1).flatten();
        let values = values.map(|one| percent_decode_str(one.as_str()).decode_utf8_lossy().into());
        Some(self.names.iter().cloned().zip(values).collect())
    }
}
