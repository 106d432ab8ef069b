use super::*;
use crate::text::{RepoPath, SourceFile, Span};

fn diagnostic(code: Code, path: &str) -> Diagnostic {
    let source = SourceFile::new(RepoPath::new(path), "é: [x](y)\nb: 1\n");
    Diagnostic::new(code, Location::new(&source, Span::new(4, 10)), "see [x](y)")
        .help("write `b`")
        .related(Location::new(&source, Span::new(11, 12)), "")
        .related(Location::new(&source, Span::new(0, 14)), "and here")
}

/// The errors that the schema of the format's written parts finds. Its whole schema is
/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json>;
/// `PORT_GITOPS_SARIF_SCHEMA` names a copy that is used too.
fn violations(log: &Value) -> Vec<String> {
    let own = include_str!("schema.json").to_owned();
    let whole = std::env::var("PORT_GITOPS_SARIF_SCHEMA").ok();
    let whole = whole.map(|path| std::fs::read_to_string(path).unwrap());
    let mut found = Vec::new();
    for schema in [Some(own), whole].into_iter().flatten() {
        let schema = serde_json::from_str(&schema).unwrap();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let errors = validator.iter_errors(log);
        found.extend(errors.map(|error| format!("{}: {error}", error.instance_path())));
    }
    found
}

#[test]
fn the_log_is_valid() {
    let all: Vec<_> = Code::ALL
        .iter()
        .map(|code| diagnostic(*code, "a b/ü%.yml"))
        .collect();
    for diagnostics in [&all[..], &[]] {
        let log = log(diagnostics);
        assert_eq!(violations(&log), [""; 0]);
    }
    assert!(!violations(&json!({"version": "2.1.0"})).is_empty());
}

#[test]
fn a_finding_is_a_result_of_its_rule() {
    let warning = diagnostic(Code::Syntax, "a b/ü%.yml").warn();
    let notice = diagnostic(Code::ReadOnlyField, "port.yml");
    let log = log(&[notice, warning]);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    for (result, (rule, level)) in results
        .iter()
        .zip([("read-only-field", "note"), ("syntax", "warning")])
    {
        assert_eq!(result["ruleId"], rule);
        let index = result["ruleIndex"].as_u64().unwrap();
        assert_eq!(rules[usize::try_from(index).unwrap()]["id"], rule);
        assert_eq!(result["level"], level);
        assert_eq!(result["message"]["text"], "see \\[x\\](y)\nhelp: write `b`");
    }
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/%C3%BC%25.yml");
    let region = json!({"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 10});
    assert_eq!(place["region"], region);
    let related = results[1]["relatedLocations"].as_array().unwrap();
    assert_eq!(related[0].get("message"), None);
    assert_eq!(related[1]["message"]["text"], "and here");
    assert_eq!(
        rules[0]["shortDescription"]["text"],
        "The text is not JSON or YAML."
    );
}

#[test]
fn of_too_many_findings_the_errors_are_kept() {
    let mut many = vec![diagnostic(Code::ReadOnlyField, "port.yml"); MAX_RESULTS];
    many.push(diagnostic(Code::Syntax, "port.yml"));
    let log = log(&many);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), MAX_RESULTS);
    assert_eq!(results[0]["ruleId"], "syntax");
}
