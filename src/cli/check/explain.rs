//! What a code means, from the documentation that the program was built with.

use crate::catalog::entity::nearest;
use crate::diagnostic::Code;

/// The page that explains every code, a section each.
const PAGE: &str = include_str!("../../../docs/diagnostics.md");

/// The section about the code called `name`.
///
/// # Errors
/// If there is no such code: a sentence without a full stop.
pub(super) fn explain(name: &str) -> Result<&'static str, String> {
    let start = PAGE.find(&format!("\n## {name}\n"));
    let is_code = Code::ALL.iter().any(|code| code.as_str() == name);
    let Some(start) = start.filter(|_| is_code) else {
        let names = Code::ALL.iter().map(|code| code.as_str());
        return Err(match nearest(name, names) {
            Some(near) => format!("there is no code `{name}`; did you mean `{near}`?"),
            None => format!(
                "there is no code `{name}`: a code is the name in brackets after `error` or `warning`"
            ),
        });
    };
    let section = &PAGE[start + 1..];
    let end = section.find("\n## ").unwrap_or(section.len());
    Ok(section[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        for code in Code::ALL {
            let text = explain(code.as_str()).unwrap();
            assert!(text.contains(&format!("[{code}]")), "{code}: {text}");
        }
        let error = explain("invalid-propery").unwrap_err();
        assert!(error.contains("`invalid-property`?"), "{error}");
    }
}
