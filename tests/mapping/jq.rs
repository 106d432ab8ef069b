//! What expressions give is what jq gives: a second opinion, where jq is installed.

use std::cmp::Ordering;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use port_gitops::catalog::mapping::jq::{Input, Outputs, Program};
use serde_json::Value;

const EXPRESSIONS: &str = include_str!("expressions.txt");
const SAMPLE: &str = include_str!("sample.json");
const DOCUMENT: &str = include_str!("../../docs/mapping.md");

/// The first value, `null` if there is none; `Err` for any error.
type Given = Result<Value, ()>;

fn ours(expression: &str, input: &Input) -> Given {
    let program = Program::compile(&[expression]).map_err(|_| ())?;
    let given = program.evaluate(0, input, Outputs::First).map_err(|_| ())?;
    let values: Vec<Value> = serde_json::from_str(&given).map_err(|_| ())?;
    values.into_iter().next().ok_or(())
}

/// Reads expressions, one a line, and prints for each the first value as JSON, or nothing if there is none.
const SCRIPT: &str = r#"
import json, os, sys
import jq
sample = json.loads(os.environ["SAMPLE"])
for line in sys.stdin:
    try:
        print(json.dumps(next(iter(jq.compile(line).input_value(sample)), None)))
    except Exception:
        print()
"#;

/// What jq gives for each expression; `None` if it is not there.
fn theirs(expressions: &[&str]) -> Option<Vec<Given>> {
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("SAMPLE", SAMPLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut requests = python.stdin.take().unwrap();
    let text = expressions.join("\n") + "\n";
    let writing = thread::spawn(move || requests.write_all(text.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writing
        .join()
        .unwrap()
        .ok()
        .filter(|()| output.status.success())?;
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = lines
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|_| ()));
    Some(values.collect())
}

/// Numbers are the same in any form.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(key, value)| (key, plain(value))).collect()
        }
        other => other,
    }
}

#[test]
fn expressions_give_what_jq_gives() {
    let lines: Vec<_> = EXPRESSIONS
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    let first = lines.iter().position(|line| *line == "differs").unwrap();
    assert!(first >= 300, "{first}");
    let Some(theirs) = theirs(&lines) else {
        eprintln!("SKIPPED: there is no jq to compare with: `pip install jq`");
        return;
    };
    let input = Input::new(SAMPLE.as_bytes()).unwrap();
    let mut wrong = Vec::new();
    for (index, (expression, theirs)) in lines.iter().zip(theirs).enumerate() {
        let ours = ours(expression, &input);
        let is_same = ours.clone().map(plain) == theirs.clone().map(plain);
        let is_listed = DOCUMENT.contains(&format!("| `{}` |", expression.replace('|', "\\|")));
        match (index.cmp(&first), is_same, is_listed) {
            (Ordering::Less, true, _)
            | (Ordering::Greater, false, true)
            | (Ordering::Equal, ..) => {}
            _ => wrong.push(format!(
                "{expression}\n    here {ours:?}\n    jq   {theirs:?}"
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "other than said, or not listed in docs/mapping.md:\n{}",
        wrong.join("\n")
    );
}
