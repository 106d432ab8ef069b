//! An OpenAPI document: which requests and answers it allows.

mod parameter;
mod route;
mod schema;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use parking_lot::Mutex;
use port_gitops_sandbox::{Answer, Exchange};
use serde_json::Value;

use crate::{Extent, Service, genuine_answer, shortened, undocumented};
use parameter::{Parameter, check_query};
use route::{Template, Values};
use schema::Dialect;

/// What is wrong, in words.
pub type Problems = Vec<String>;

/// An OpenAPI document, 3.0 or 3.1.
#[derive(Debug)]
pub struct Document {
    root: Value,
    dialect: Dialect,
    operations: Vec<Operation>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

#[derive(Debug)]
struct Operation {
    /// The method, in upper case, and the path's template, as the document writes it.
    name: String,
    method: String,
    template: Template,
    described: Value,
}

const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "head"];

impl Document {
    /// Reads a document.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn parse(text: &str) -> Self {
        let mut root: Value = serde_json::from_str(text).expect("an OpenAPI document is JSON");
        undocumented::add_operations(&mut root);
        let version = root["openapi"].as_str().unwrap_or_default();
        let dialect = match version.starts_with("3.0") {
            true => Dialect::OpenApi30,
            false => Dialect::OpenApi31,
        };
        Self {
            operations: operations(&root),
            dialect,
            compiled: Mutex::default(),
            root,
        }
    }

    /// What is wrong with an exchange. A request is judged also where a fault took its answer; a
    /// bulk by the size that an earlier answer `announced`, if one did.
    pub fn check(
        &self,
        service: Service,
        exchange: &Exchange,
        extent: Extent,
        announced: Option<u64>,
    ) -> Problems {
        let path = documented_path(&exchange.path);
        let Some((operation, values)) = self.operation(&exchange.method, &path) else {
            return unknown_route(exchange, extent);
        };
        let mut problems = Problems::new();
        if extent == Extent::Both {
            problems.extend(self.check_request(operation, &values, exchange, announced));
        }
        if let Some(answer) = genuine_answer(exchange) {
            problems.extend(self.check_answer(service, operation, answer));
        }
        problems
    }

    fn operation(&self, method: &str, path: &str) -> Option<(&Operation, Values)> {
        self.operations
            .iter()
            .filter(|operation| operation.method == method)
            .filter_map(|operation| Some((operation, operation.template.values(path)?)))
            .max_by_key(|(operation, _)| operation.template.literals)
    }

    fn check_request(
        &self,
        operation: &Operation,
        values: &Values,
        sent: &Exchange,
        announced: Option<u64>,
    ) -> Problems {
        let key = &operation.name;
        let mut problems = Problems::new();
        let mut in_query = Vec::new();
        for described in parameters(&self.root, &operation.described) {
            let parameter = Parameter::new(described);
            match described["in"].as_str() {
                Some("query") => in_query.push(parameter),
                Some("path") => {
                    let name = described["name"].as_str().unwrap_or_default();
                    let value: Vec<String> = values.get(name).cloned().into_iter().collect();
                    problems.extend(parameter.check(self, key, &value));
                }
                place => problems.push(format!("parameters in {place:?} are not checked")),
            }
        }
        problems.extend(check_query(self, key, &in_query, &sent.query));
        problems.extend(self.check_security(operation, sent));
        problems.extend(self.check_request_body(operation, sent, announced));
        problems
    }

    fn check_security(&self, operation: &Operation, sent: &Exchange) -> Option<String> {
        let needs_token = operation.described["security"][0].get("bearer").is_some();
        let has_token = sent
            .header("authorization")
            .is_some_and(|value| value.starts_with("Bearer "));
        (needs_token && !has_token).then(|| "the request carries no bearer token".to_owned())
    }

    fn check_request_body(
        &self,
        operation: &Operation,
        sent: &Exchange,
        announced: Option<u64>,
    ) -> Problems {
        let described = resolve(&self.root, &operation.described["requestBody"]);
        if sent.body.is_empty() {
            let problem = "the request has no body".to_owned();
            return (described["required"] == true)
                .then_some(problem)
                .into_iter()
                .collect();
        }
        let content = &described["content"];
        let key = format!("{} request", operation.name);
        let found = self.check_body(&key, content, sent.header("content-type"), &sent.body);
        let is_excused = |problem: &String| problem.starts_with(TOO_MANY) && announced.is_some();
        let found = found.into_iter().filter(|problem| !is_excused(problem));
        found
            .chain(announced.and_then(|size| check_bulk_size(sent, size)))
            .map(|problem| format!("request: {problem}"))
            .collect()
    }

    fn check_answer(&self, service: Service, operation: &Operation, answer: &Answer) -> Problems {
        let status = answer.status;
        let responses = &operation.described["responses"];
        let described = match responses.get(status.to_string()) {
            Some(described) => resolve(&self.root, described),
            // All refusals of a service look alike, and this one every operation describes.
            None if undocumented::is_status(service, status) => self.refusal(operation, status),
            None => return vec![format!("answer: status {status} is not documented")],
        };
        if answer.body.is_empty() {
            let problem = format!("answer {status}: the body is missing");
            return described
                .get("content")
                .map(|_| problem)
                .into_iter()
                .collect();
        }
        let media_type = media_type(answer.header("content-type"));
        if undocumented::is_media_type(service, media_type) {
            return Problems::new();
        }
        let key = format!("{} answer {status}", operation.name);
        self.check_body(
            &key,
            &described["content"],
            answer.header("content-type"),
            &answer.body,
        )
        .into_iter()
        .map(|problem| format!("answer {status}: {problem}"))
        .collect()
    }

    fn refusal<'d>(&'d self, operation: &'d Operation, status: u16) -> &'d Value {
        let common = &self.root["components"]["responses"];
        match (common, status) {
            (Value::Null, _) => resolve(&self.root, &operation.described["responses"]["404"]),
            (_, 422) => &common["validation_failed"],
            _ => &common["not_found"],
        }
    }

    fn check_body(
        &self,
        key: &str,
        content: &Value,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Problems {
        let media_type = media_type(content_type);
        let Some(described) = content.get(media_type) else {
            return vec![format!("the content type `{media_type}` is not documented")];
        };
        let Some(schema) = described
            .get("schema")
            .filter(|_| media_type.ends_with("json"))
        else {
            return Problems::new();
        };
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return vec![format!("the body is not JSON: {error}")],
        };
        self.validator(key, schema)
            .iter_errors(&body)
            .map(|error| {
                let place = error.instance_path();
                match error.kind() {
                    ValidationErrorKind::MaxItems { limit } if place.as_str() == "/entities" => {
                        format!("{TOO_MANY} {limit}")
                    }
                    _ => format!("{place}: {}", shortened(&error.to_string())),
                }
            })
            .collect()
    }

    /// The compiled form of a schema; `key` names its place in the document.
    fn validator(&self, key: &str, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock();
        let compile = || {
            let components = &self.root["components"]["schemas"];
            Arc::new(schema::compile(self.dialect, schema, components))
        };
        Arc::clone(compiled.entry(key.to_owned()).or_insert_with(compile))
    }
}

fn operations(root: &Value) -> Vec<Operation> {
    let paths = root["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| METHODS.map(|method| (path, method, item.get(method))))
        .filter_map(|(path, method, described)| {
            let described = described?;
            let method = method.to_ascii_uppercase();
            let multi: BTreeSet<&str> = parameters(root, described)
                .filter(|parameter| parameter["x-multi-segment"] == true)
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            Some(Operation {
                name: format!("{method} {path}"),
                template: Template::parse(path, &multi),
                method,
                described: described.clone(),
            })
        })
        .collect()
}

fn parameters<'d>(root: &'d Value, operation: &'d Value) -> impl Iterator<Item = &'d Value> {
    let described = operation["parameters"].as_array().into_iter().flatten();
    described.map(move |parameter| resolve(root, parameter))
}

/// Follows a reference to another place of the document.
fn resolve<'d>(root: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"]
        .as_str()
        .and_then(|text| text.strip_prefix('#'))
    {
        None => value,
        Some(pointer) => {
            let target = root.pointer(pointer);
            target.unwrap_or_else(|| panic!("the document has no #{pointer}"))
        }
    }
}

/// How the complaint about a bulk that is too large begins.
const TOO_MANY: &str = "/entities: there are more than";

fn check_bulk_size(sent: &Exchange, announced: u64) -> Option<String> {
    let body = sent.json()?;
    let entities = body["entities"].as_array()?;
    let is_too_large = entities.len() as u64 > announced;
    is_too_large.then(|| format!("{TOO_MANY} {announced}, as an earlier answer told"))
}

/// A content type without its parameters.
fn media_type(content_type: Option<&str>) -> &str {
    let name = content_type.and_then(|value| value.split(';').next());
    name.unwrap_or_default().trim()
}

/// GitHub Enterprise Server has its API below `/api/v3`; and a repository that was renamed is
/// redirected to by its number, see
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>.
fn documented_path(path: &str) -> String {
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    match path.strip_prefix("/repositories/") {
        None => path.to_owned(),
        Some(rest) => format!("/repos/{{number}}/{rest}"),
    }
}

fn unknown_route(exchange: &Exchange, extent: Extent) -> Problems {
    let status = genuine_answer(exchange).map(|answer| answer.status);
    match (extent, status) {
        (Extent::Both, _) => vec!["this operation is not documented".to_owned()],
        (Extent::Answers, Some(status)) if status < 400 => {
            vec![format!(
                "this operation is not documented, but answered with {status}"
            )]
        }
        (Extent::Answers, _) => Problems::new(),
    }
}
