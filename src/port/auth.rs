//! The access token: requested once, however many requests need it.
//!
//! [Create an access token](https://docs.port.io/api-reference/create-an-access-token)

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Error, ErrorCode, Port, refusal};
use crate::http::retry::{Request, Reserve};
use crate::inputs::Credentials;

/// A token that is this close to its end is not used for another request.
const EARLY: Duration = Duration::from_secs(60);

/// Called with each new token before it is used, so that it can be masked.
pub type OnToken = Box<dyn Fn(&str) + Send + Sync>;

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    secret: Arc<SecretString>,
    refresh_at: Instant,
    /// Which answer it came in. Port gives the same text out again while it is valid, so the text
    /// does not show it.
    generation: u64,
}

impl Token {
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// The credentials and the token that they gave.
pub(super) struct TokenKeeper {
    credentials: Credentials,
    on_token: OnToken,
    current: Mutex<Option<Token>>,
    generation: AtomicU64,
}

impl fmt::Debug for TokenKeeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKeeper")
    }
}

impl TokenKeeper {
    pub(super) fn new(credentials: Credentials, on_token: OnToken) -> Self {
        Self {
            credentials,
            on_token,
            current: Mutex::new(None),
            generation: AtomicU64::new(0),
        }
    }

    /// Drops a token that Port refused, unless another request has replaced it already.
    pub(super) async fn forget(&self, refused: &Token) {
        self.current
            .lock()
            .await
            .take_if(|current| current.generation == refused.generation);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    access_token: String,
    expires_in: f64,
}

/// How long a token is used. Port gives out the same one until its end, so what comes may have less
/// left than [`EARLY`]; a new one before every request would not change that.
fn usable(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(EARLY).max(lifetime / 2)
}

impl Port {
    /// The current token, or a new one. Callers meanwhile wait for the same one.
    pub(super) async fn token(&self) -> Result<Token, Error> {
        let mut current = self.tokens.current.lock().await;
        if let Some(token) = current
            .as_ref()
            .filter(|token| Instant::now() < token.refresh_at)
        {
            return Ok(token.clone());
        }
        let token = self.new_token().await?;
        Ok(current.insert(token).clone())
    }

    async fn new_token(&self) -> Result<Token, Error> {
        let what = "the request for an access token";
        let Credentials {
            client_id,
            client_secret,
        } = &self.tokens.credentials;
        let body = serde_json::json!({
            "clientId": client_id,
            "clientSecret": client_secret.expose_secret(),
        });
        let url = self.url(&["auth", "access_token"]);
        let request = async || {
            self.execute(self.client.post(url.clone()).json(&body))
                .await
        };
        let sent = Request::from(what).answered_by(refusal::is_own::<Granted>);
        let sent = sent.reserve(Reserve::Use);
        let answer = self.sender.send(sent, request).await?;
        let granted: Granted = match refusal::read(&answer) {
            Ok(granted) => granted,
            // A wrong client id comes as any of these.
            Err(rejection)
                if matches!(rejection.status, 401 | 404 | 422)
                    && rejection.code != ErrorCode::Foreign =>
            {
                return Err(self.unauthorized(&answer));
            }
            Err(rejection) => return Err(rejection.into_error(what)),
        };
        (self.tokens.on_token)(&granted.access_token);
        let lifetime = Duration::try_from_secs_f64(granted.expires_in).unwrap_or_default();
        Ok(Token {
            secret: Arc::new(SecretString::from(granted.access_token)),
            refresh_at: Instant::now() + usable(lifetime),
            generation: self.tokens.generation.fetch_add(1, Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_early_and_not_at_every_request() {
        let seconds = |lifetime| usable(Duration::from_secs(lifetime)).as_secs();
        assert_eq!(seconds(10_800), 10_740);
        assert_eq!(seconds(80), 40);
        assert_eq!(seconds(20), 10);
        assert_eq!(seconds(0), 0);
    }
}
