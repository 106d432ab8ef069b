use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

const NOW: u64 = 1_790_000_000;

pub(in crate::http) fn answer(
    status: u16,
    headers: &[(&'static str, &str)],
    body: &'static str,
) -> Attempt {
    let headers = headers.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    Ok(Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: body.into(),
    })
}

fn retry_of(service: Service, attempt: &Attempt) -> Retry {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    retry_after_attempt(service, attempt, is_json_if_successful, now)
}

fn retry(status: u16, headers: &[(&'static str, &str)]) -> Retry {
    retry_of(Service::Port, &answer(status, headers, "{}"))
}

fn seconds(seconds: u64) -> Retry {
    Retry::WaitFor(Duration::from_secs(seconds))
}

#[test]
fn only_what_may_pass_is_tried_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        assert_eq!(retry(status, &[]), Retry::BackOff, "{status}");
    }
    for status in [200, 201, 207, 301, 400, 401, 403, 404, 409, 413, 422, 501] {
        assert_eq!(retry(status, &[]), Retry::Never, "{status}");
    }
    let of_page = |status| retry_of(Service::Port, &answer(status, &[], "<html>"));
    assert_eq!(of_page(200), Retry::BackOff);
    assert_eq!(of_page(404), Retry::Never);
    let foreign = retry_after_attempt(
        Service::Port,
        &answer(404, &[], "<html>"),
        |_| false,
        UNIX_EPOCH,
    );
    assert_eq!(foreign, Retry::BackOff);
}

#[test]
fn the_server_says_when() {
    assert_eq!(retry(429, &[("retry-after", "7")]), seconds(7));
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOW + 9));
    assert_eq!(retry(503, &[("retry-after", &date)]), seconds(9));
    let past = httpdate::fmt_http_date(UNIX_EPOCH);
    assert_eq!(retry(503, &[("retry-after", &past)]), seconds(0));
    assert_eq!(retry(429, &[("x-ratelimit-reset", "30")]), seconds(30));
    let epoch = (NOW + 12).to_string();
    assert_eq!(retry(429, &[("x-ratelimit-reset", &epoch)]), seconds(13));
    let past = (NOW - 12).to_string();
    assert_eq!(retry(429, &[("x-ratelimit-reset", &past)]), seconds(1));
    assert_eq!(retry(503, &[("x-ratelimit-reset", "30")]), Retry::BackOff);
    assert_eq!(retry(429, &[("retry-after", "soon")]), Retry::BackOff);
    let most = u64::MAX.to_string();
    let day = seconds(24 * 60 * 60);
    assert_eq!(retry(429, &[("retry-after", &most)]), day);
    assert_eq!(
        retry(429, &[("x-ratelimit-reset", "99999999999")]),
        seconds(24 * 60 * 60 + 1)
    );
}

#[test]
fn a_403_of_github_is_only_passing_when_it_is_about_rates() {
    let github = |headers: &[(&'static str, &str)], body| {
        retry_of(Service::GitHub, &answer(403, headers, body))
    };
    assert_eq!(
        github(&[("x-ratelimit-remaining", "17")], "{}"),
        Retry::Never
    );
    assert_eq!(github(&[("retry-after", "60")], "{}"), seconds(60));
    let exhausted = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
    assert_eq!(github(&exhausted, "{}"), seconds(40));
    let secondary =
        r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes"}"#;
    assert_eq!(
        github(&[("x-ratelimit-remaining", "17")], secondary),
        Retry::SlowDown
    );
    let forbidden = r#"{"message": "Resource not accessible by integration"}"#;
    assert_eq!(github(&[], forbidden), Retry::Never);
    assert_eq!(
        retry_of(Service::GitHub, &answer(429, &[], "{}")),
        Retry::SlowDown
    );
}

#[test]
fn a_403_of_port_is_final() {
    let exhausted = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
    assert_eq!(retry(403, &exhausted), Retry::Never);
    assert_eq!(retry(403, &[("retry-after", "1")]), Retry::Never);
}

#[test]
fn graphql_errors_come_with_status_200() {
    let graphql = |headers: &[(&'static str, &str)], body| {
        retry_of(Service::GitHub, &answer(200, headers, body))
    };
    let reset = [("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "40")];
    let secondary =
        r#"{"data": null, "errors": [{"message": "You have exceeded a secondary rate limit."}]}"#;
    assert_eq!(graphql(&reset, secondary), Retry::SlowDown);
    for limited in [
        r#"{"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation ID 1."}]}"#,
        r#"{"errors": [{"type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": "API rate limit already exceeded for user ID 1."}]}"#,
        secondary,
    ] {
        if limited != secondary {
            assert_eq!(graphql(&reset, limited), seconds(40), "{limited}");
        }
        assert_eq!(graphql(&[], limited), Retry::SlowDown, "{limited}");
        assert_eq!(
            graphql(&[("retry-after", "9")], limited),
            seconds(9),
            "{limited}"
        );
    }
    let went_wrong = r#"{"data": null, "errors": [{"message": "Something went wrong while executing your query. Please include `1` when reporting this issue."}]}"#;
    assert_eq!(graphql(&reset, went_wrong), Retry::BackOff);
    for gap in [
        r#"{"data": {"a": null}, "errors": [{"type": "NOT_FOUND", "message": "no"}]}"#,
        r#"{"data": {"a": null}, "errors": [{"type": "NOT_FOUND", "message": "Could not resolve file for path 'docs/Rate limits.md'."}]}"#,
    ] {
        assert_eq!(graphql(&reset, gap), Retry::Never, "{gap}");
    }
    assert_eq!(graphql(&reset, r#"[{"errors": 1}]"#), Retry::Never);
}
