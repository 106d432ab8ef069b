//! jq expressions → values, by [jaq](https://docs.rs/jaq-core).
//!
//! Nothing here limits how long an expression takes or how much memory it needs: jaq has no budget of
//! either. Whoever evaluates expressions of unknown origin does so in a process of its own.

use std::fmt::{self, Write};
use std::ops::Range;
use std::thread;

use jaq_core::data::JustLut;
use jaq_core::load::parse::{Def, Term};
use jaq_core::load::{self, Arena, File, Lexer, Loader, Parser};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Num, Val, read};

use crate::document::{MAX_BYTES, MAX_DEPTH};

/// The longest expression, in bytes: how deeply it is nested decides how much stack compiling it takes.
const MAX_EXPRESSION: usize = 8 * 1024;
/// The stack for compiling expressions and for evaluating them, in bytes: only what is used of it takes
/// memory.
pub const STACK: usize = 64 * 1024 * 1024;
/// How much of an error's text is kept, in bytes: jq puts the value into it, which may be a whole file.
const MAX_MESSAGE: usize = 200;
/// The variable that chooses among the expressions of a program.
const CHOICE: &str = "$__expression";

/// What is different in every run, or not the expression's business. jq's own `input` and modules are
/// not even there.
const REFUSED: [&str; 6] = [
    "env",
    "halt",
    "halt_error",
    "localtime",
    "now",
    "strflocaltime",
];

/// Definitions that come closer to jq than jaq's own.
const CLOSER_TO_JQ: &str = include_str!("closer.jq");

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The words in the expression, in bytes.
    pub range: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// What to do about it, where that is known.
    pub help: Option<&'static str>,
}

/// How many of an expression's values are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// The first one, or `null` if there is none.
    First,
    /// All, up to one more than the number given.
    All(usize),
}

/// An expression that reads as such.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ParsedExpression {
    /// A JSON value.
    Constant(serde_json::Value),
    /// A way into the input, such as `.content.name`.
    Path(Vec<PathStep>),
    /// Anything else: it has to be evaluated.
    Filter,
}

/// A step on the way into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStep {
    /// `.name`
    Key(String),
    /// `[0]`, from the end where negative.
    Index(isize),
}

/// Expressions, compiled together.
pub struct Program {
    filter: Filter<JustLut<Val>>,
}

/// The value that expressions are evaluated on.
#[derive(Debug, Clone)]
pub struct Input(Val);

/// Reads each expression, and compiles them. Gives what they are, or what is wrong with each of them.
pub(super) fn read_all(expressions: &[&str]) -> Vec<Result<ParsedExpression, Flaw>> {
    let mut read: Vec<_> = on_large_stack(|| {
        let parse = |text: &&str| parse(text).map(|term| classify(&term));
        expressions.iter().map(parse).collect()
    })
    .unwrap_or_else(|| vec![Err(no_stack()); expressions.len()]);
    let sound = read.iter().zip(expressions);
    let filters = sound.enumerate().filter_map(|(index, (parsed, text))| {
        (matches!(parsed, Ok(ParsedExpression::Filter))).then_some((index, *text))
    });
    let (indices, filters): (Vec<usize>, Vec<&str>) = filters.unzip();
    let flaws = on_large_stack(|| Program::compile(&filters).err().unwrap_or_default());
    for (index, flaw) in flaws.unwrap_or_else(|| vec![(0, no_stack())]) {
        if let Some(parsed) = indices.get(index).and_then(|index| read.get_mut(*index)) {
            *parsed = Err(flaw);
        }
    }
    read
}

fn no_stack() -> Flaw {
    Flaw {
        range: 0..0,
        message: "there is not enough memory to read it".to_owned(),
        help: None,
    }
}

/// Does `work` where expressions may be nested deeply. `None` if there is no memory for that.
pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK);
        let thread = builder.spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

fn parse(text: &str) -> Result<Term<&str>, Flaw> {
    if text.len() > MAX_EXPRESSION {
        return Err(Flaw {
            range: 0..text.len(),
            message: format!("it is longer than {MAX_EXPRESSION} bytes"),
            help: None,
        });
    }
    let flaw = |range: &str, expected: &str| {
        let found = match range.chars().next() {
            None => "the end".to_owned(),
            Some(_) => format!("`{}`", range.lines().next().unwrap_or_default()),
        };
        Flaw {
            range: load::span(text, range),
            message: format!("expected {expected}, found {found}"),
            help: None,
        }
    };
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let first = errors.into_iter().next();
        first.map_or_else(no_stack, |(expected, range)| flaw(range, expected.as_str()))
    })?;
    let parsed = Parser::new(&tokens).parse(|parser| parser.term());
    parsed.map_err(|errors| {
        let first = errors.into_iter().next();
        first.map_or_else(no_stack, |(expected, token)| {
            let end = text.get(text.len()..).unwrap_or_default();
            flaw(token.map_or(end, |token| token.0), expected.as_str())
        })
    })
}

fn classify(term: &Term<&str>) -> ParsedExpression {
    match constant(term) {
        Some(value) => ParsedExpression::Constant(value),
        None => path(term).map_or(ParsedExpression::Filter, ParsedExpression::Path),
    }
}

fn constant(term: &Term<&str>) -> Option<serde_json::Value> {
    match term {
        Term::Str(None, parts) => Some(text_of(parts)?.into()),
        Term::Num(number) => serde_json::from_str(number).ok(),
        Term::Call("true", arguments) if arguments.is_empty() => Some(true.into()),
        Term::Call("false", arguments) if arguments.is_empty() => Some(false.into()),
        Term::Call("null", arguments) if arguments.is_empty() => Some(serde_json::Value::Null),
        _ => None,
    }
}

/// A string without anything to evaluate in it.
fn text_of(parts: &[load::lex::StrPart<&str, Term<&str>>]) -> Option<String> {
    use load::lex::StrPart;
    parts.iter().try_fold(String::new(), |mut text, part| {
        match part {
            StrPart::Str(part) => text.push_str(part),
            StrPart::Char(part) => text.push(*part),
            StrPart::Term(_) => return None,
        }
        Some(text)
    })
}

fn path(term: &Term<&str>) -> Option<Vec<PathStep>> {
    use jaq_core::path::{Opt, Part};
    let Term::Path(start, parts) = term else {
        return None;
    };
    let step = |(part, optional): &(Part<Term<&str>>, Opt)| match (part, optional) {
        (Part::Index(Term::Str(None, parts)), Opt::Essential) => text_of(parts).map(PathStep::Key),
        (Part::Index(Term::Num(number)), Opt::Essential) => {
            number.parse().ok().map(PathStep::Index)
        }
        _ => None,
    };
    match **start {
        Term::Id => parts.0.iter().map(step).collect(),
        _ => None,
    }
}

impl Program {
    /// Compiles `expressions`.
    ///
    /// # Errors
    /// What is wrong with which of them, by their index.
    pub fn compile(expressions: &[&str]) -> Result<Self, Vec<(usize, Flaw)>> {
        // Alone each of them is whole, so that none ends what another one begins.
        let parsed = expressions.iter().enumerate();
        let flaws: Vec<_> = parsed
            .filter_map(|(index, text)| Some((index, parse(text).err()?)))
            .collect();
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let mut code = String::new();
        let mut ranges = Vec::new();
        for (index, text) in expressions.iter().enumerate() {
            // The line break ends a comment.
            let word = if index == 0 { "if" } else { "elif" };
            let _ = write!(code, "{word} {CHOICE} == {index} then (");
            ranges.push(code.len()..code.len() + text.len());
            let _ = write!(code, "{text}\n) ");
        }
        code.push_str(if expressions.is_empty() {
            "."
        } else {
            "else . end"
        });
        compile(&code).map_err(|errors| {
            let flaw = |(range, message, help): (Range<usize>, String, _)| {
                let index = ranges.iter().position(|one| one.contains(&range.start));
                let start = index
                    .and_then(|index| ranges.get(index))
                    .map_or(0, |one| one.start);
                let range = range.start - start..range.end - start;
                let flaw = Flaw {
                    range,
                    message,
                    help,
                };
                (index.unwrap_or_default(), flaw)
            };
            errors.into_iter().map(flaw).collect()
        })
    }

    /// The values that the expression with the number `index` gives for `input`, as a JSON array.
    ///
    /// # Errors
    /// What jq says, or why a value is none of JSON, in words that fit after a colon.
    pub fn evaluate(
        &self,
        index: usize,
        input: &Input,
        outputs: Outputs,
    ) -> Result<String, String> {
        let choice = Val::from(isize::try_from(index).unwrap_or(isize::MAX));
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([choice]));
        let values = self.filter.id.run((context, input.0.clone()));
        let most = match outputs {
            Outputs::First => 1,
            Outputs::All(most) => most + 1,
        };
        let mut text = "[".to_owned();
        for value in values.take(most) {
            let value = value.map_err(|exception| match exception.get_err() {
                Ok(error) => shortened(&error),
                Err(_) => "it ends the evaluation".to_owned(),
            })?;
            if text.len() > 1 {
                text.push(',');
            }
            write_value(&value, 0, &mut text)?;
        }
        if outputs == Outputs::First && text.len() == 1 {
            text.push_str("null");
        }
        text.push(']');
        Ok(text)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Program")
    }
}

impl Input {
    /// What expressions see of a file: `json` is an object with `content`, `path`, `repository` and so
    /// on. The older names for them are added here.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn new(json: &[u8]) -> Result<Self, String> {
        let mut value = read::parse_single(json).map_err(|error| error.to_string())?;
        if let Val::Obj(members) = &mut value {
            let members = jaq_json::Rc::make_mut(members);
            let get = |name: &str| members.get(&key(name)).cloned().unwrap_or_default();
            let file = ["content", "path", "name"].map(|name| (key(name), get(name)));
            let repository = get("repository");
            members.insert(key("file"), Val::obj(file.into_iter().collect()));
            members.insert(key("repo"), repository);
        }
        Ok(Self(value))
    }

    /// The same with an item, under the name given.
    ///
    /// # Errors
    /// If the item is no JSON.
    pub fn with_item(&self, name: &str, item: &[u8]) -> Result<Self, String> {
        let item = read::parse_single(item).map_err(|error| error.to_string())?;
        let mut value = self.0.clone();
        if let Val::Obj(members) = &mut value {
            jaq_json::Rc::make_mut(members).insert(key(name), item);
        }
        Ok(Self(value))
    }
}

fn key(name: &str) -> Val {
    Val::utf8_str(name.to_owned())
}

type CompileError = (Range<usize>, String, Option<&'static str>);

fn compile(code: &str) -> Result<Program, Vec<CompileError>> {
    let arena = Arena::default();
    let loader = Loader::new(definitions());
    let whole = |message: &str| vec![(0..0, message.to_owned(), None)];
    let modules = loader
        .load(&arena, File { code, path: () })
        .map_err(|_| whole("it cannot be read"))?;
    let compiler = Compiler::default()
        .with_funs(functions())
        .with_global_vars([CHOICE]);
    let filter = compiler.compile(modules).map_err(|errors| {
        let errors = errors.into_iter().flat_map(|(_, errors)| errors);
        let undefined = |(name, kind): (&str, jaq_core::compile::Undefined)| {
            let help = match name {
                "now" | "localtime" | "strflocaltime" => {
                    Some("leave out what depends on the time of the run: every run would differ")
                }
                "$ENV" | "env" => Some("write the value itself: expressions see no environment"),
                _ => None,
            };
            let kind = kind.as_str();
            (
                load::span(code, name),
                format!("there is no {kind} `{name}`"),
                help,
            )
        };
        errors.map(undefined).collect::<Vec<_>>()
    })?;
    Ok(Program { filter })
}

/// jq's own definitions.
fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let closer = load::parse(CLOSER_TO_JQ, |parser| parser.defs()).unwrap_or_default();
    all.chain(closer).filter(|one| !REFUSED.contains(&one.name))
}

fn functions() -> impl Iterator<Item = Fun<JustLut<Val>>> {
    let all = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    all.filter(|(name, ..)| !REFUSED.contains(name))
}

/// Writes a value as JSON that [`crate::document`] could have read.
fn write_value(value: &Val, depth: usize, text: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!(
            "it gives a value with more than {MAX_DEPTH} levels"
        ));
    }
    if text.len() > MAX_BYTES {
        return Err("it gives more than 1 MiB".to_owned());
    }
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(true) => text.push_str("true"),
        Val::Bool(false) => text.push_str("false"),
        Val::Num(number) => write_number(number, text),
        Val::TStr(bytes) | Val::BStr(bytes) => write_string(bytes, text)?,
        Val::Arr(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(item, depth + 1, text)?;
            }
            text.push(']');
        }
        Val::Obj(members) => {
            text.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                let (Val::TStr(name) | Val::BStr(name)) = key else {
                    return Err("it gives an object with a key that is no string".to_owned());
                };
                write_string(name, text)?;
                text.push(':');
                write_value(value, depth + 1, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

/// As jq writes numbers: whole ones without a fraction, and nothing that JSON does not have.
fn write_number(number: &Num, text: &mut String) {
    const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
    let float = match number {
        Num::Float(float) => *float,
        Num::Int(_) | Num::BigInt(_) | Num::Dec(_) => {
            let _ = write!(text, "{number}");
            return;
        }
    };
    let _ = match float {
        _ if float.is_nan() => write!(text, "null"),
        _ if float.is_infinite() => write!(text, "{}", f64::MAX.copysign(float)),
        _ if float.fract() == 0.0 && float.abs() <= MOST_EXACT => write!(text, "{float:.0}"),
        _ => write!(text, "{number}"),
    };
}

fn write_string(bytes: &[u8], text: &mut String) -> Result<(), String> {
    if bytes.len() > MAX_BYTES {
        return Err("it gives more than 1 MiB".to_owned());
    }
    let string = String::from_utf8_lossy(bytes);
    text.push_str(&serde_json::Value::from(string.as_ref()).to_string());
    Ok(())
}

/// The beginning of what an error says.
fn shortened(error: &impl fmt::Display) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = MAX_MESSAGE.saturating_sub(self.0.len());
            let end = text.floor_char_boundary(room);
            self.0.push_str(text.get(..end).unwrap_or_default());
            if text.len() > end {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{error}").is_err() {
        short.0.push('…');
    }
    // What `error("text")` says is the text.
    serde_json::from_str(&short.0).unwrap_or(short.0)
}
