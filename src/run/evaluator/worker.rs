//! The process that evaluates expressions: requests on standard input, answers on standard output, each
//! a line. It sees no environment, and opens nothing.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::thread;

use crate::catalog::mapping::WantedValues;
use crate::catalog::mapping::jq::{Input, Outputs, Program, STACK};

/// The argument that this program is started with to be such a process.
pub const COMMAND: &str = "evaluate-expressions";

/// How much memory an expression may take, in bytes.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 64 * 1024 * 1024;

/// What the program, its expressions and the file take beside that, in bytes.
#[cfg(target_os = "linux")]
const BASE: u64 = 64 * 1024 * 1024;

pub(super) const READY: &str = "ready";
pub(super) const ANSWER: char = '=';
pub(super) const ERROR: char = '!';
const INPUT: u8 = b'F';
const ITEM: u8 = b'I';
const NO_ITEM: u8 = b'N';
const WANTED: u8 = b'E';

/// Adds the request to take `json` as the file.
pub(super) fn write_input(json: &str, text: &mut String) {
    let _ = writeln!(text, "{}{json}", char::from(INPUT));
}

/// Adds the request to take an item of the file, or none.
pub(super) fn write_item(item: Option<&(String, String)>, text: &mut String) {
    let _ = match item {
        Some((name, json)) => {
            let name = serde_json::Value::from(name.as_str());
            writeln!(text, "{}{name}\t{json}", char::from(ITEM))
        }
        None => writeln!(text, "{}", char::from(NO_ITEM)),
    };
}

/// Adds the request to evaluate an expression.
pub(super) fn write_wanted(wanted: WantedValues, text: &mut String) {
    let most = match wanted.outputs {
        Outputs::First => 0,
        Outputs::All(most) => most,
    };
    let _ = writeln!(text, "{}{} {most}", char::from(WANTED), wanted.filter);
}

/// Does what standard input says until it ends.
///
/// # Errors
/// If the two pipes are not what they should be, or there is no memory for the stack.
pub fn serve() -> io::Result<()> {
    limit_memory();
    let thread = thread::Builder::new().stack_size(STACK).spawn(answer_all)?;
    thread
        .join()
        .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// More memory than this is refused, which ends the process. Where the system has no such limit, the
/// time limit alone counts.
fn limit_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = |bytes| Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        let stack = u64::try_from(STACK).unwrap_or(u64::MAX);
        // What cannot be limited is limited by time.
        let _ = setrlimit(Resource::Data, limit(MEMORY + BASE + stack));
        let _ = setrlimit(Resource::Core, limit(0));
    }
}

fn answer_all() -> io::Result<()> {
    let (mut requests, mut answers) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    read_line(&mut requests, &mut line)?;
    let expressions: Vec<String> = serde_json::from_slice(&line)?;
    let expressions: Vec<_> = expressions.iter().map(String::as_str).collect();
    let program = Program::compile(&expressions).map_err(|_| io::ErrorKind::InvalidData)?;
    writeln!(answers, "{READY}")?;
    answers.flush()?;
    let nothing = Err("there is no file".to_owned());
    let (mut file, mut input) = (nothing.clone(), nothing);
    while read_line(&mut requests, &mut line)? > 0 {
        match line.split_first() {
            Some((&INPUT, json)) => file = Input::new(json),
            Some((&NO_ITEM, _)) => input = file.clone(),
            Some((&ITEM, item)) => input = with_item(&file, item),
            Some((&WANTED, wanted)) => {
                let wanted = read_wanted(wanted).ok_or(io::ErrorKind::InvalidData)?;
                let given = input
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|input| program.evaluate(wanted.filter, input, wanted.outputs));
                match given {
                    Ok(values) => writeln!(answers, "{ANSWER}{values}")?,
                    Err(reason) => {
                        writeln!(answers, "{ERROR}{}", serde_json::Value::from(reason))?;
                    }
                }
                answers.flush()?;
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

/// Reads a line without its end; gives how many bytes there were.
fn read_line(requests: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let count = requests.read_until(b'\n', line)?;
    line.pop_if(|last| *last == b'\n');
    Ok(count)
}

fn with_item(file: &Result<Input, String>, item: &[u8]) -> Result<Input, String> {
    let tab = item.iter().position(|byte| *byte == b'\t');
    let (name, json) = item.split_at(tab.unwrap_or(item.len()));
    let name: String = serde_json::from_slice(name).map_err(|error| error.to_string())?;
    let file = file.as_ref().map_err(Clone::clone)?;
    file.with_item(&name, json.get(1..).unwrap_or_default())
}

fn read_wanted(text: &[u8]) -> Option<WantedValues> {
    let (filter, most) = str::from_utf8(text).ok()?.split_once(' ')?;
    let outputs = match most.parse().ok()? {
        0 => Outputs::First,
        most => Outputs::All(most),
    };
    let filter = filter.parse().ok()?;
    Some(WantedValues { filter, outputs })
}
