//! GitHub's GraphQL API: queries, their variables, and the answers to them.

mod answer;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use port_gitops_sandbox::{Answer, Exchange};
use serde_json::{Map, Value};

use crate::openapi::Problems;
use crate::{Extent, Service, genuine_answer, shortened, specifications, undocumented};

/// What is wrong with an exchange.
pub fn check(exchange: &Exchange, extent: Extent) -> Problems {
    let request = exchange.json().unwrap_or_default();
    let query = request["query"].as_str().unwrap_or_default();
    let schema = specifications::graphql();
    let parsed = ExecutableDocument::parse_and_validate(schema, query, "query")
        .map_err(|errors| errors.errors.to_string());
    let mut problems = match extent {
        Extent::Both => check_request(exchange, &request, &parsed),
        Extent::Answers => Problems::new(),
    };
    if let Some(answer) = genuine_answer(exchange) {
        let found = check_answer(answer, parsed.ok().as_ref());
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("answer: {problem}")),
        );
    }
    problems
}

fn check_request(
    exchange: &Exchange,
    request: &Value,
    parsed: &Result<Valid<ExecutableDocument>, String>,
) -> Problems {
    let mut problems = Problems::new();
    if exchange.method != "POST" || !exchange.query.is_empty() {
        problems.push("queries are sent with POST, in the body".to_owned());
    }
    let members = request.as_object().into_iter().flat_map(Map::keys);
    let known = ["query", "variables", "operationName"];
    let unknown = members.filter(|name| !known.contains(&name.as_str()));
    problems.extend(unknown.map(|name| format!("request: `{name}` is unknown")));
    match parsed {
        Ok(document) => problems.extend(check_variables(document, &request["variables"])),
        Err(errors) => problems.push(shortened(errors)),
    }
    problems
}

fn check_variables(document: &Valid<ExecutableDocument>, variables: &Value) -> Problems {
    let operation = match document.operations.get(None) {
        Ok(operation) => operation,
        Err(error) => return vec![error.message().to_string()],
    };
    let given: JsonMap = serde_json::from_value(variables.clone()).unwrap_or_default();
    let declared = |name: &str| operation.variables.iter().any(|one| one.name == *name);
    let unused = given.keys().filter(|name| !declared(name.as_str()));
    let mut problems: Problems = unused
        .map(|name| format!("variable `{}` is not declared", name.as_str()))
        .collect();
    if let Err(error) = coerce_variable_values(specifications::graphql(), operation, &given) {
        problems.push(error.message().to_string());
    }
    problems
}

fn check_answer(answer: &Answer, document: Option<&Valid<ExecutableDocument>>) -> Problems {
    if answer.status != 200 {
        let is_known = undocumented::is_status(Service::GitHub, answer.status);
        let problem = format!("status {} is not documented", answer.status);
        return (!is_known).then_some(problem).into_iter().collect();
    }
    let body = answer.body_json().unwrap_or_default();
    let Some(members) = body.as_object() else {
        return vec!["the body is no JSON object".to_owned()];
    };
    let known = ["data", "errors", "extensions"];
    let unknown = members
        .keys()
        .filter(|name| !known.contains(&name.as_str()));
    let mut problems: Problems = unknown.map(|name| format!("`{name}` is unknown")).collect();
    problems.extend(check_errors(members));
    match (members.get("data"), document) {
        (None | Some(Value::Null), _) if members.contains_key("errors") => {}
        (None | Some(Value::Null), _) => problems.push("neither data nor errors".to_owned()),
        (Some(_), None) => problems.push("data for a query that is not valid".to_owned()),
        (Some(data), Some(document)) => problems.extend(answer::check(document, data)),
    }
    problems
}

/// Errors have the form of <https://spec.graphql.org/October2021/#sec-Errors>; GitHub adds `type`.
fn check_errors(members: &Map<String, Value>) -> Problems {
    let known = ["message", "locations", "path", "extensions", "type"];
    let errors = match members.get("errors") {
        None => return Problems::new(),
        Some(Value::Array(errors)) if !errors.is_empty() => errors,
        Some(other) => return vec![format!("errors: {other}")],
    };
    let is_sound = |error: &&Value| {
        let members = error.as_object().into_iter().flat_map(Map::keys);
        error["message"].is_string() && members.clone().all(|name| known.contains(&name.as_str()))
    };
    let unsound = errors.iter().filter(|error| !is_sound(error));
    unsound
        .map(|error| format!("an error of an unknown form: {error}"))
        .collect()
}
