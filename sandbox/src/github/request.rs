//! A request, taken apart.

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

pub(super) struct Request {
    pub(super) method: Method,
    /// The parts of the path between slashes, each percent-decoded by itself, so that a slash
    /// that came as `%2F` stays in its part.
    pub(super) segments: Vec<String>,
    /// The path as it was sent.
    pub(super) path: String,
    /// The query as it was sent.
    pub(super) raw_query: Option<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    pub(super) fn new(
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self, Refusal> {
        let segments = uri
            .path()
            .trim_start_matches('/')
            .split('/')
            .map(|part| {
                percent_decode_str(part)
                    .decode_utf8()
                    .map(|text| text.into_owned())
            })
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::new(400, "The path is not UTF-8"))?;
        let (path, raw_query) = (uri.path().to_owned(), uri.query().map(str::to_owned));
        let query = form_urlencoded::parse(raw_query.as_deref().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            method,
            segments,
            path,
            raw_query,
            query,
            headers,
            body,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The body as JSON of a certain shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let value: serde_json::Value =
            serde_json::from_slice(&self.body).map_err(|_| Refusal::not_json())?;
        serde_json::from_value(value)
            .map_err(|error| Refusal::new(422, format!("Invalid request.\n\n{error}")))
    }

    /// The part of a list that is asked for.
    pub(super) fn page(&self) -> Page {
        let number = |name| {
            self.query(name)
                .and_then(|value| value.parse::<usize>().ok())
        };
        Page {
            number: number("page").unwrap_or(1).max(1),
            size: number("per_page").unwrap_or(30).clamp(1, 100),
        }
    }
}

/// A part of a list:
/// <https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// From 1.
    pub(super) number: usize,
    pub(super) size: usize,
}

impl Page {
    /// How many items come before it.
    pub(super) fn skip(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The `link` header, as far as it leads to later pages; `None` on the last one.
    pub(super) fn link(self, request: &Request, host: &str, total: usize) -> Option<String> {
        let last = total.div_ceil(self.size).max(1);
        let link = |number: usize, relation: &str| {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(request.query.iter().filter(|(key, _)| key != "page"))
                .append_pair("page", &number.to_string())
                .finish();
            format!("<{host}{}?{query}>; rel=\"{relation}\"", request.path)
        };
        (self.number < last)
            .then(|| format!("{}, {}", link(self.number + 1, "next"), link(last, "last")))
    }
}
