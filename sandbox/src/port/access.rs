//! Credentials and access tokens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::failure::Failure;
use super::wire;
use crate::switch::{Switch, Switches};

/// The client ID of a new sandbox.
pub const CLIENT_ID: &str = "sandbox-client-id";
/// The client secret of a new sandbox.
pub const CLIENT_SECRET: &str = "sandbox-client-secret";

/// Who may use the catalog, and the one token that is valid.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) lifetime: Duration,
    issued: u64,
    current: Option<Token>,
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    expires: Instant,
}

impl Access {
    pub(super) fn new() -> Self {
        Self {
            client_id: CLIENT_ID.into(),
            client_secret: CLIENT_SECRET.into(),
            lifetime: Duration::from_secs(3 * 3600),
            issued: 0,
            current: None,
        }
    }

    /// Answers a request for a token.
    pub(super) fn grant(&mut self, body: &Value, switches: &Switches) -> Result<Value, Failure> {
        wire::only(body, &["clientId", "clientSecret"])?;
        let field = |name: &str| match body.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(_) => Err(Failure::invalid(format!("body/{name} must be string"))),
            None => Err(Failure::invalid(format!(
                "body must have required property '{name}'"
            ))),
        };
        let (client_id, client_secret) = (field("clientId")?, field("clientSecret")?);
        if client_id != self.client_id {
            let unknown = format!("Client \"{client_id}\" was not found");
            if switches.is_on(Switch::UnknownClientIs404) {
                return Err(Failure::not_found(unknown));
            }
            if switches.is_on(Switch::UnknownClientIs422) {
                return Err(Failure::invalid(unknown));
            }
        }
        if (client_id, client_secret) != (&self.client_id, &self.client_secret) {
            return Err(Failure::unauthorized("Invalid client id or client secret"));
        }
        let Token { text, expires } = self.token();
        let left = expires.saturating_duration_since(Instant::now());
        // Rounded, so that a lifetime of an hour is announced as 3600 and not as 3599.
        let left = (left + Duration::from_millis(500)).as_secs();
        Ok(json!({"ok": true, "accessToken": text, "expiresIn": left, "tokenType": "Bearer"}))
    }

    /// The valid token; a new one only if there is none, as Port does it.
    fn token(&mut self) -> Token {
        let valid = self
            .current
            .take()
            .filter(|token| token.expires > Instant::now());
        let token = valid.unwrap_or_else(|| {
            self.issued += 1;
            Token {
                text: format!("sandbox-access-token-{}", self.issued),
                expires: Instant::now() + self.lifetime,
            }
        });
        self.current = Some(token.clone());
        token
    }

    pub(super) fn access_token(&mut self) -> String {
        self.token().text
    }

    pub(super) fn revoke(&mut self) {
        self.current = None;
    }

    /// Looks at an `Authorization` header.
    pub(super) fn check(&self, authorization: Option<&str>) -> Result<(), Failure> {
        let given = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let Some(given) = given else {
            return Err(Failure::unauthorized("No access token was given"));
        };
        match &self.current {
            Some(token) if token.text == given && token.expires > Instant::now() => Ok(()),
            _ => Err(Failure::unauthorized(
                "The access token is unknown or expired",
            )),
        }
    }
}
