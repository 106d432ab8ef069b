//! How the parser's errors are put.

/// What a position that the parser reports is about.
#[derive(Clone, Copy)]
pub(super) enum MessageSubject {
    Character,
    Word,
    /// The parser noticed it on the next line.
    LineBefore,
    /// An alias.
    Alias,
    /// A tab there, before it or after it.
    Tab,
    /// The escape in the quoted scalar that starts there.
    Escape,
}

/// How one of the parser's errors is put.
pub(super) struct MessageRule {
    /// A part of the parser's message.
    pub(super) info: &'static str,
    pub(super) extent: MessageSubject,
    /// `{found}` is replaced by what stands there, `{close}` by the bracket that is awaited.
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

const fn rule(
    info: &'static str,
    extent: MessageSubject,
    message: &'static str,
    help: &'static str,
) -> MessageRule {
    MessageRule {
        info,
        extent,
        message,
        help,
    }
}

const SPACES: &str = "indent with spaces";
const SAME_COLUMN: &str = "let it start in the same column as its siblings";
const DIRECTIVE: &str = "remove the line, or write `%YAML 1.2` or `%TAG !handle! prefix`";
const QUOTE: &str = "put quotes around it if it is text";

/// What is said where no rule holds; `{info}` is replaced by what the parser says.
pub(super) static UNKNOWN: MessageRule =
    rule("", MessageSubject::Word, "this is not YAML: {info}", QUOTE);

/// The first rule whose `info` is part of what the parser says holds.
pub(super) static RULES: &[MessageRule] = &[
    // Tabs
    rule(
        "tab",
        MessageSubject::Tab,
        "a tab cannot indent YAML",
        SPACES,
    ),
    rule(
        "valid YAML whitespace",
        MessageSubject::Tab,
        "a tab cannot indent YAML",
        SPACES,
    ),
    // Quotes
    rule(
        "found unexpected end of stream",
        MessageSubject::Character,
        "the quote is never closed",
        "add the closing quote",
    ),
    rule(
        "found unexpected document indicator",
        MessageSubject::Character,
        "the quote is not closed before the document ends",
        "add the closing quote",
    ),
    rule(
        "invalid trailing content after double-quoted scalar",
        MessageSubject::Word,
        "found {found} after the closing quote",
        "put the whole value into quotes; a quote inside is written `\\\"` between double quotes \
         and `''` between single ones",
    ),
    rule(
        "unknown escape character",
        MessageSubject::Escape,
        "{found} means nothing between double quotes",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    rule(
        "expected hexadecimal number",
        MessageSubject::Escape,
        "the escape {found} is cut short",
        "`\\x` takes two hexadecimal digits, `\\u` four and `\\U` eight",
    ),
    rule(
        "invalid Unicode character escape code",
        MessageSubject::Escape,
        "{found} is no character",
        "it is one half of a surrogate pair: write both halves, or the character itself",
    ),
    rule(
        "indentation in quoted scalar",
        MessageSubject::Character,
        "the quote is not closed where the indentation ends",
        "add the closing quote, or indent all lines of the text further than its key",
    ),
    // Indentation
    rule(
        "wrongly indented line in block scalar",
        MessageSubject::Word,
        "the line is indented less than the text that it belongs to",
        "indent all lines below `|` or `>` alike",
    ),
    rule(
        "invalid indentation in flow construct",
        MessageSubject::Word,
        "{found} is not indented enough to stand in the bracket above",
        "close the bracket, or indent the line further than the key of the bracket",
    ),
    rule(
        "invalid indentation",
        MessageSubject::Word,
        "{found} is indented wrongly",
        SAME_COLUMN,
    ),
    rule(
        "did not find expected <document start>",
        MessageSubject::Word,
        "expected the end of the document, found {found}",
        "let it start in the same column as its siblings, or put `---` before it",
    ),
    // Mappings and sequences
    rule(
        "mapping values are not allowed",
        MessageSubject::Character,
        "a `:` is not allowed here",
        "put quotes around the value if the `:` belongs to its text, else check the indentation",
    ),
    rule(
        "illegal placement of ':'",
        MessageSubject::Character,
        "a `:` is not allowed here",
        "write a key and its `:` on one line; is a bracket above not closed?",
    ),
    rule(
        "simple key expect",
        MessageSubject::LineBefore,
        "expected `:` after the key {found}",
        "write `key: value`, or indent the line further if it belongs to the value above",
    ),
    rule(
        "did not find expected key",
        MessageSubject::Alias,
        "an alias cannot have a tag or an anchor",
        "remove it",
    ),
    rule(
        "did not find expected key",
        MessageSubject::Word,
        "expected a key, found {found}",
        SAME_COLUMN,
    ),
    rule(
        "did not find expected '-'",
        MessageSubject::Word,
        "expected `-` before {found}",
        "start each item with `- ` in the same column",
    ),
    rule(
        "block sequence entries are not allowed",
        MessageSubject::Character,
        "a list cannot start here",
        "start the list on a line of its own, or put quotes around the value if it is text",
    ),
    rule(
        "only valid inside a block",
        MessageSubject::Character,
        "a `-` list is not allowed in brackets",
        "separate the items with `,`",
    ),
    rule(
        "plain scalar cannot start with '-'",
        MessageSubject::Character,
        "a `-` is not allowed here",
        QUOTE,
    ),
    rule(
        "mapping keys are not allowed",
        MessageSubject::Character,
        "a `?` is not allowed here",
        QUOTE,
    ),
    rule(
        "expected whitespace",
        MessageSubject::Character,
        "expected a space here",
        QUOTE,
    ),
    // Brackets
    rule(
        "expected ',' or",
        MessageSubject::Word,
        "expected `,` or `{close}`, found {found}",
        "separate what is in the bracket with `,`, and close it",
    ),
    rule(
        "may not precede any of",
        MessageSubject::Character,
        "expected a space after the `:`",
        "write `key: value`",
    ),
    rule(
        "misplaced bracket",
        MessageSubject::Character,
        "{found} closes no bracket",
        "remove it, or put quotes around the value if it is text",
    ),
    rule(
        "did not find expected node content",
        MessageSubject::Character,
        "expected a value, found {found}",
        "write the value; put quotes around it if it is text",
    ),
    rule(
        "unexpected end of plain scalar",
        MessageSubject::Word,
        "expected a value, found {found}",
        QUOTE,
    ),
    rule(
        "unexpected character",
        MessageSubject::Character,
        "text cannot start with {found}",
        QUOTE,
    ),
    // Comments and block scalars
    rule(
        "comments must be separated",
        MessageSubject::Character,
        "a comment needs a space before its `#`",
        "add the space, or put quotes around the value if the `#` belongs to its text",
    ),
    rule(
        "comment intercepting",
        MessageSubject::Word,
        "a comment is not allowed inside text that continues after it",
        "put quotes around the text if the `#` belongs to it, else move the comment",
    ),
    rule(
        "while scanning a block scalar, did not find",
        MessageSubject::Word,
        "text after {found} has to start on the next line",
        "start a new line, or put quotes around the value",
    ),
    rule(
        "indicator equal to 0",
        MessageSubject::Word,
        "{found} requires an indentation of 0",
        "leave the digit out",
    ),
    // Anchors, tags and directives
    rule(
        "while scanning an anchor or alias",
        MessageSubject::Character,
        "expected a name after {found}",
        QUOTE,
    ),
    rule(
        "handle wasn't declared",
        MessageSubject::Word,
        "the tag {found} is not known",
        "remove it, or put quotes around the value if it is text",
    ),
    rule(
        "before directive",
        MessageSubject::Word,
        "found the directive {found} inside of a document",
        "end the document before it with `...`, or put quotes around the value if it is text",
    ),
    rule(
        "directive",
        MessageSubject::Word,
        "the directive {found} is incomplete, unknown or given twice",
        DIRECTIVE,
    ),
    rule(
        "TAG",
        MessageSubject::Word,
        "the directive {found} is incomplete, unknown or given twice",
        DIRECTIVE,
    ),
    rule(
        "tag",
        MessageSubject::Word,
        "{found} is not a tag",
        "put quotes around the value if it is text",
    ),
    // Document markers
    rule(
        "after document end marker",
        MessageSubject::Word,
        "found {found} after `...`, which ends the document",
        "move it to the next line",
    ),
    rule(
        "byte order mark",
        MessageSubject::Character,
        "a byte order mark (U+FEFF) stands inside of a document",
        "remove the character, which is invisible",
    ),
];
