//! Answers that are not the service's own: those of gateways, proxies and single sign-on pages
//! between it and its client. [`Fault::answer`](crate::Fault::answer) puts them in the place of a
//! real one.

use crate::journal::Answer;

/// A page for people, with this title.
pub fn page(status: u16, title: &str) -> Answer {
    let text = format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\
         <body><h1>{title}</h1><p>Please contact your administrator.</p></body></html>\n"
    );
    Answer::text(status, "text/html; charset=utf-8", text)
}

/// A redirect to a path of the same origin, or to a URL of another one.
pub fn redirect(status: u16, location: &str) -> Answer {
    page(status, "Redirecting").with_header("location", location)
}

/// Statuses that such answers come with; 200 is the most common.
const STATUSES: [u16; 26] = [
    200, 200, 200, 201, 202, 203, 204, 207, 400, 401, 403, 404, 407, 409, 413, 422, 429, 451, 500,
    502, 503, 504, 511, 520, 525, 530,
];
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// The last of them is of another origin, where nobody answers.
const LOCATIONS: [&str; 4] = ["/login", "/v1/blueprints", "/", "http://127.0.0.1:9/login"];
/// JSON that is valid and no answer of Port's.
const FOREIGN_JSON: [&str; 6] = [
    "{}",
    "[]",
    "null",
    r#"{"message": "Forbidden"}"#,
    r#"{"status": "ok", "entities": "none"}"#,
    r#"{"error": {"code": 503, "message": "upstream connect error"}}"#,
];

/// Any such answer: the same one for the same seed. None of them says in Port's words that
/// something was done, or why it was not.
pub fn random(seed: u64) -> Answer {
    let mut random = fastrand::Rng::with_seed(seed);
    if random.u8(..5) == 0 {
        return redirect(pick(&mut random, &REDIRECTS), pick(&mut random, &LOCATIONS));
    }
    let status = pick(&mut random, &STATUSES);
    if status == 204 {
        return Answer::status(status);
    }
    let json = pick(&mut random, &FOREIGN_JSON);
    match random.u8(..7) {
        0 | 1 => page(status, "Sign in"),
        2 => Answer::text(status, "application/json", page(status, "Blocked").body),
        3 => Answer::text(status, "application/json", json),
        4 => Answer::text(status, "text/plain", "upstream request timeout"),
        5 => Answer::text(status, "application/json", &br#"{"ok": true, "entit"#[..]),
        _ => Answer::status(status),
    }
}

fn pick<T: Copy>(random: &mut fastrand::Rng, list: &[T]) -> T {
    list[random.usize(..list.len())]
}

#[cfg(test)]
mod tests {
    use super::random;

    #[test]
    fn no_foreign_answer_is_one_of_ports() {
        for seed in 0..2000 {
            let answer = random(seed);
            let body = answer.body_json().unwrap_or_default();
            assert!(body.get("ok").is_none(), "{answer:?}");
            assert_eq!(answer, random(seed));
        }
    }
}
