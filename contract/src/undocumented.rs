//! What the OpenAPI documents leave out, though the services do it: they are incomplete in this.
//! Each row says where it is described.

use serde_json::{Map, Value, json};

use crate::Service;

struct Row {
    service: Service,
    statuses: &'static [u16],
    source: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        // `bad_request` and `run_exhausted`; `missing_permissions` and `required_relation`;
        // `identifier_taken`; `internal_error`. Patching an entity has the same ones:
        // <https://docs.port.io/api-reference/patch-an-entity>.
        service: Service::Port,
        statuses: &[400, 403, 409, 500],
        source: "https://docs.port.io/api-reference/create-an-entity",
    },
    Row {
        // `missing_permissions` and `has_dependents`.
        service: Service::Port,
        statuses: &[403],
        source: "https://docs.port.io/api-reference/delete-an-entity",
    },
    Row {
        // `missing_permissions`; `identifier_taken`, for a blueprint that exists.
        service: Service::Port,
        statuses: &[403, 409],
        source: "https://docs.port.io/api-reference/create-a-blueprint",
    },
    Row {
        service: Service::Port,
        statuses: &[429],
        source: "https://docs.port.io/api-reference/rate-limits",
    },
    Row {
        service: Service::GitHub,
        statuses: &[301, 302, 307],
        source: "https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects",
    },
    Row {
        service: Service::GitHub,
        statuses: &[400, 401, 403, 404, 422],
        source: "https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api",
    },
    Row {
        service: Service::GitHub,
        statuses: &[403, 429],
        source: "https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit",
    },
];

/// Operations that an excerpt of GitHub's document may leave out beside others at the same path: the
/// path, the other one, whose parameters it has too, its own method, and its status without a body.
const OPERATIONS: &[(&str, &str, &str, &str)] = &[
    // <https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment>
    (
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
        "patch",
        "delete",
        "204",
    ),
];

/// Adds to a document what it leaves out.
pub(crate) fn add_operations(document: &mut Value) {
    for (path, like, method, status) in OPERATIONS {
        let Some(Value::Object(operations)) = document["paths"].get_mut(path) else {
            continue;
        };
        if let (Some(described), None) = (operations.get(*like), operations.get(*method)) {
            let added = json!({
                "parameters": described["parameters"],
                "responses": {*status: {"description": "Response"}},
            });
            operations.insert((*method).to_owned(), added);
        }
    }
}

/// The page that says that `service` answers any request with `status` if there is reason to.
pub(crate) fn source(service: Service, status: u16) -> Option<&'static str> {
    ROWS.iter()
        .find(|row| row.service == service && row.statuses.contains(&status))
        .map(|row| row.source)
}

/// Content types of answers, with what they are for.
const MEDIA_TYPES: &[(Service, &str, &str)] = &[(
    // Requests without a User-Agent are turned away before they reach the API.
    Service::GitHub,
    "text/plain",
    "https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent",
)];

/// Whether `service` answers with `media_type` if there is reason to.
pub(crate) fn is_media_type(service: Service, media_type: &str) -> bool {
    MEDIA_TYPES
        .iter()
        .any(|(owner, name, _)| *owner == service && *name == media_type)
}

/// Objects that may have other members than those that their schemas name: each is known by the
/// name of one that is its alone.
const OPEN_OBJECTS: &[(&str, &str)] = &[
    // A property of a blueprint is a JSON Schema: it has `enum`, `items`, `pattern` and so on.
    (
        "specAuthentication",
        "https://docs.port.io/build-your-software-catalog/customize-integrations/configure-data-model/setup-blueprint/properties/",
    ),
];

/// Whether an object with these members may have others.
pub(crate) fn is_open(members: &Map<String, Value>) -> bool {
    OPEN_OBJECTS
        .iter()
        .any(|(name, _)| members.contains_key(*name))
}

/// Members of GitHub's `validation-error`. Its errors all have a `status`, as its `basic-error` says:
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.
pub(crate) fn complete(component: &str, schema: &mut Value) {
    if component == "validation-error" {
        schema["properties"]["status"] = json!({ "type": "string" });
    }
}
