//! What the OpenAPI documents leave out, though the services do it: they are incomplete in this.
//! Each item says where it is described.

use serde_json::{Map, Value, json};

use crate::Service;

/// Adds to an excerpt of GitHub's document the deletion of a comment, which has the parameters of its change:
/// <https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment>.
pub(crate) fn add_operations(document: &mut Value) {
    let path = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    if let Some(Value::Object(operations)) = document["paths"].get_mut(path)
        && let (Some(change), None) = (operations.get("patch"), operations.get("delete"))
    {
        let deletion = json!({
            "parameters": change["parameters"],
            "responses": {"204": {"description": "Response"}},
        });
        operations.insert("delete".to_owned(), deletion);
    }
}

/// Whether `service` answers any request with `status` if there is reason to. GitHub redirects
/// (<https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>), refuses
/// (<https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>) and limits
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>).
pub(crate) fn is_status(service: Service, status: u16) -> bool {
    match service {
        // `bad_request` and `run_exhausted`, `missing_permissions` and `required_relation`, `identifier_taken`,
        // `internal_error`: <https://docs.port.io/api-reference/create-an-entity>, and the same for patching one,
        // <https://docs.port.io/api-reference/patch-an-entity>. `has_dependents` is a 403 too:
        // <https://docs.port.io/api-reference/delete-an-entity>. So are blueprints' `missing_permissions`, and
        // `identifier_taken` is a 409: <https://docs.port.io/api-reference/create-a-blueprint>.
        // 429: <https://docs.port.io/api-reference/rate-limits>.
        Service::Port => matches!(status, 400 | 403 | 409 | 429 | 500),
        Service::GitHub => {
            matches!(status, 301 | 302 | 307 | 400 | 401 | 403 | 404 | 422 | 429)
        }
    }
}

/// Whether `service` answers with `media_type` if there is reason to. GitHub turns away requests without a
/// User-Agent before they reach the API:
/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent>.
pub(crate) fn is_media_type(service: Service, media_type: &str) -> bool {
    (service, media_type) == (Service::GitHub, "text/plain")
}

/// Whether an object with these members may have others than those that its schema names. A property of a
/// blueprint, which alone has `specAuthentication`, is a JSON Schema: it has `enum`, `items`, `pattern` and so on. See
/// <https://docs.port.io/build-your-software-catalog/customize-integrations/configure-data-model/setup-blueprint/properties/>.
pub(crate) fn is_open(members: &Map<String, Value>) -> bool {
    members.contains_key("specAuthentication")
}

/// Members of GitHub's `validation-error`. Its errors all have a `status`, as its `basic-error` says:
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.
pub(crate) fn complete(component: &str, schema: &mut Value) {
    if component == "validation-error" {
        schema["properties"]["status"] = json!({ "type": "string" });
    }
}
