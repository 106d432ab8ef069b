//! Credentials and access tokens.

use serde_json::{Value, json};

use super::failure::{Failure, invalid};
use super::wire;
use crate::switch::{Switch, Switches};

/// The client ID that is valid.
pub const CLIENT_ID: &str = "sandbox-client-id";
/// The client secret that is valid.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";
/// The access token that is valid. Port gives an active one out again.
pub(super) const TOKEN: &str = "sandbox-access-token";

const LIFETIME_SECONDS: u64 = 3 * 3600;

/// Answers a request for a token.
pub(super) fn grant(body: &Value, switches: &Switches) -> Result<Value, Failure> {
    wire::only(body, &["clientId", "clientSecret"])?;
    let field = |name: &str| match body.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => invalid(format!("body/{name} must be string")),
        None => invalid(format!("body must have required property '{name}'")),
    };
    let (client_id, client_secret) = (field("clientId")?, field("clientSecret")?);
    if client_id != CLIENT_ID {
        let unknown = format!("Client \"{client_id}\" was not found");
        if switches.is_on(Switch::UnknownClientIs404) {
            return Err(Failure::not_found(unknown));
        }
        if switches.is_on(Switch::UnknownClientIs422) {
            return invalid(unknown);
        }
    }
    if (client_id, client_secret) != (CLIENT_ID, CLIENT_SECRET) {
        return Err(Failure::unauthorized("Invalid client id or client secret"));
    }
    Ok(json!({
        "ok": true,
        "accessToken": TOKEN,
        "expiresIn": LIFETIME_SECONDS,
        "tokenType": "Bearer",
    }))
}

/// Looks at an `Authorization` header.
pub(super) fn check(authorization: Option<&str>) -> Result<(), Failure> {
    match authorization.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(TOKEN) => Ok(()),
        Some(_) => Err(Failure::unauthorized("The access token is unknown")),
        None => Err(Failure::unauthorized("No access token was given")),
    }
}
