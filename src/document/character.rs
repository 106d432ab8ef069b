//! Characters in messages.

use std::sync::LazyLock;

use regex::Regex;

/// `character` as it is named in a message: itself if it can be seen, else its code point.
pub(crate) fn name_of(character: char) -> String {
    let code = u32::from(character);
    let name = match character {
        ' ' => return "a space".to_owned(),
        '\t' => return "a tab".to_owned(),
        '\n' | '\r' => return "the end of the line".to_owned(),
        '\u{A0}' => "a no-break space",
        '\u{AD}' => "a soft hyphen",
        '\u{200B}' => "a zero-width space",
        '\u{FEFF}' => "a byte order mark",
        '“' | '”' | '„' | '‘' | '’' => {
            return format!("the typographic quote `{character}`");
        }
        c if c.is_control() => return format!("the character U+{code:04X}"),
        c if is_invisible(c) => return format!("the invisible character U+{code:04X}"),
        c if is_mark(c) => return format!("the combining character U+{code:04X}"),
        c => return format!("`{c}`"),
    };
    format!("{name} (U+{code:04X})")
}

/// Whether nobody sees the character: a blank, one that only formats what is around it, or one that
/// [Unicode says to ignore][ignorable] where it has no other effect.
///
/// [ignorable]: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
pub(crate) fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_whitespace();
    }
    let is_ignorable = matches!(
        character,
        '\u{34F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{E0100}'..='\u{E01EF}'
    );
    is_ignorable || character.is_whitespace() || is_format(character)
}

#[expect(
    clippy::unwrap_used,
    reason = "the patterns are constants that a test compiles"
)]
fn is_format(character: char) -> bool {
    static FORMAT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Cf}$").unwrap());
    FORMAT.is_match(character.encode_utf8(&mut [0; 4]))
}

#[expect(
    clippy::unwrap_used,
    reason = "the patterns are constants that a test compiles"
)]
fn is_mark(character: char) -> bool {
    static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{M}$").unwrap());
    !character.is_ascii() && MARK.is_match(character.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_named_by_its_code_point() {
        for (character, name) in [
            ('a', "`a`"),
            ('é', "`é`"),
            (' ', "a space"),
            ('\u{1}', "the character U+0001"),
            ('\u{A0}', "a no-break space (U+00A0)"),
            ('\u{AD}', "a soft hyphen (U+00AD)"),
            ('\u{200B}', "a zero-width space (U+200B)"),
            ('\u{200D}', "the invisible character U+200D"),
            ('\u{202E}', "the invisible character U+202E"),
            ('\u{2028}', "the invisible character U+2028"),
            ('\u{3000}', "the invisible character U+3000"),
            ('\u{FE0F}', "the invisible character U+FE0F"),
            ('\u{FEFF}', "a byte order mark (U+FEFF)"),
            ('\u{E0041}', "the invisible character U+E0041"),
            ('\u{301}', "the combining character U+0301"),
        ] {
            assert_eq!(name_of(character), name);
        }
    }
}
