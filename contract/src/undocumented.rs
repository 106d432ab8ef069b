//! Statuses that the OpenAPI documents leave out, though the services do answer with them. The
//! documents are incomplete in this; each row says where the status is described.

use crate::Service;

struct Row {
    service: Service,
    statuses: &'static [u16],
    source: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        service: Service::Port,
        statuses: &[400, 403, 409, 500],
        source: "https://docs.port.io/api-reference/create-an-entity",
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

/// The page that says that `service` answers any request with `status` if there is reason to.
pub(crate) fn source(service: Service, status: u16) -> Option<&'static str> {
    ROWS.iter()
        .find(|row| row.service == service && row.statuses.contains(&status))
        .map(|row| row.source)
}
