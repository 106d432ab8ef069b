//! The journal and the faults, seen by a client that reads the bare bytes.

// Helpers of tests fail their test by panicking.
#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use port_gitops_sandbox::{Answer, Effect, Fault, Matcher, Sandbox, Server};

/// A server with one route, `POST /count`, which counts its calls.
fn counter() -> (Server, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = |State(calls): State<Arc<AtomicUsize>>| async move {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        (
            [("content-type", "application/json")],
            format!(r#"{{"ok":true,"call":{call:02}}}"#),
        )
    };
    let router = Router::new()
        .route("/count", post(count))
        .with_state(Arc::clone(&calls));
    (Server::start("127.0.0.1:0", router).unwrap(), calls)
}

/// One request on a connection of its own; all bytes until its end.
fn post_raw(server: &Server, target: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_millis(800)))?;
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nHost: here\r\nX-Mark: One\r\nConnection: close\r\n\
         Content-Length: 7\r\n\r\n{{\"a\":1}}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn an_exchange_is_noted_down_whole() {
    let (server, _) = counter();
    let answer = post_raw(&server, "/count?x=%2F&y=2").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let journal = server.journal();
    let [exchange] = journal.as_slice() else {
        panic!("{journal:?}")
    };
    assert_eq!(
        (exchange.method.as_str(), exchange.path.as_str()),
        ("POST", "/count")
    );
    assert_eq!(exchange.query_value("x"), Some("%2F"));
    assert_eq!(exchange.header("x-mark"), Some("One"));
    assert_eq!(exchange.json(), Some(serde_json::json!({"a": 1})));
    assert_eq!(exchange.status(), Some(200));
    let noted = exchange.answer.as_ref().unwrap();
    assert_eq!(noted.body, body(&answer));
    assert_eq!(noted.header("Content-Type"), Some("application/json"));
    assert!(exchange.answered.unwrap() >= exchange.arrived);
    assert_eq!(exchange.fault, None);
}

#[test]
fn clearing_the_journal_keeps_the_numbers_going() {
    let (server, _) = counter();
    post_raw(&server, "/count").unwrap();
    server.clear_journal();
    post_raw(&server, "/count").unwrap();
    let numbers: Vec<_> = server
        .journal()
        .iter()
        .map(|one| (one.sequence, one.connection))
        .collect();
    assert_eq!(numbers, [(1, 1)]);
}

#[test]
fn paths_are_noted_as_they_were_sent() {
    let (server, _) = counter();
    post_raw(&server, "/a%2Fb/%C3%A4?q").unwrap();
    assert_eq!(server.requests_to("POST", "/a%2Fb/*").len(), 1);
    assert_eq!(server.requests_to("GET", "*").len(), 0);
    assert_eq!(
        server
            .requests(&Matcher::any().body_contains("\"a\""))
            .len(),
        1
    );
    assert_eq!(
        server.requests(&Matcher::any().query_contains("z")).len(),
        0
    );
}

#[test]
fn a_scripted_answer_takes_the_place_of_the_real_one() {
    let (server, calls) = counter();
    let scripted = Answer::text(503, "text/html", "<p>no").with_header("Retry-After", 7);
    server.inject(Fault::answer(scripted.clone()));
    let answer = post_raw(&server, "/count").unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 7\r\n"), "{answer}");
    assert_eq!(body(&answer), "<p>no");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let exchange = server.journal().remove(0);
    assert_eq!(exchange.answer, Some(scripted));
    assert_eq!(
        exchange.fault.map(|fault| (fault.kind, fault.effect)),
        Some(("answer", Effect::None))
    );
}

#[test]
fn an_answer_can_be_lost_after_its_effect() {
    let (server, calls) = counter();
    server.inject(Fault::status(502).after_effect());
    assert!(
        post_raw(&server, "/count")
            .unwrap()
            .starts_with("HTTP/1.1 502")
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_not() {
    let (server, calls) = counter();
    server.inject(Fault::reset());
    server.inject(Fault::reset().after_effect());
    server.inject(Fault::close());
    assert_eq!(
        post_raw(&server, "/count").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(
        post_raw(&server, "/count").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(post_raw(&server, "/count").unwrap(), "");
    assert!(
        server
            .journal()
            .iter()
            .all(|one| one.answer.is_none() && one.fault.is_some())
    );
}

#[test]
fn a_cut_body_is_shorter_than_announced() {
    let (server, _) = counter();
    server.inject(Fault::cut_short().after_effect());
    let answer = post_raw(&server, "/count").unwrap();
    assert!(answer.contains("content-length: 21\r\n"), "{answer}");
    assert_eq!(body(&answer), r#"{"ok":true"#);
}

#[test]
fn a_body_can_be_no_json_and_a_type_can_be_wrong() {
    let (server, calls) = counter();
    server.inject(Fault::invalid_json());
    server.inject(Fault::content_type("text/html").after_effect());
    let answer = post_raw(&server, "/count").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-length: 5\r\n"), "{answer}");
    assert!(serde_json::from_str::<serde_json::Value>(body(&answer)).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let answer = post_raw(&server, "/count").unwrap();
    assert!(answer.contains("content-type: text/html\r\n"), "{answer}");
    assert_eq!(answer.matches("content-type").count(), 1);
}

#[test]
fn a_hanging_request_is_noted_and_does_not_keep_the_server_up() {
    let (server, calls) = counter();
    server.inject(Fault::hang().after_effect());
    assert_eq!(
        post_raw(&server, "/count").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(server.journal().len(), 1);
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn bodies_delays_and_latency_take_their_time() {
    let (server, _) = counter();
    let timed = || {
        let started = Instant::now();
        assert!(post_raw(&server, "/count").unwrap().ends_with('}'));
        started.elapsed()
    };
    let late = Duration::from_millis(150);
    server.inject(Fault::slow_body(late).after_effect());
    assert!(timed() >= late);
    server.inject(Fault::delay(late));
    assert!(timed() >= late);
    server.set_latency(late);
    assert!(timed() >= late);
    server.set_latency(Duration::ZERO);
    assert!(timed() < late);
}

#[test]
fn rules_skip_count_and_run_out() {
    let (server, _) = counter();
    server.inject(Fault::status(500).on("POST", "*ount").skip(1).times(2));
    server.inject(Fault::status(501).on("POST", "/other").always());
    let statuses: Vec<_> = (0..4)
        .map(|_| {
            post_raw(&server, "/count").unwrap();
            server.journal().pop().unwrap().status().unwrap()
        })
        .collect();
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(server.pending_faults(), 0);
    assert!(
        post_raw(&server, "/other")
            .unwrap()
            .starts_with("HTTP/1.1 501")
    );
    server.clear_faults();
    assert!(
        post_raw(&server, "/other")
            .unwrap()
            .starts_with("HTTP/1.1 404")
    );
}

#[test]
fn a_call_happens_before_or_after_the_effect() {
    let (server, calls) = counter();
    let seen = Arc::new(AtomicUsize::new(9));
    let note = || {
        let (calls, seen) = (Arc::clone(&calls), Arc::clone(&seen));
        move || seen.store(calls.load(Ordering::SeqCst), Ordering::SeqCst)
    };
    server.inject(Fault::call(note()));
    post_raw(&server, "/count").unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    server.inject(Fault::call(note()).after_effect());
    assert!(
        post_raw(&server, "/count")
            .unwrap()
            .ends_with("\"call\":02}")
    );
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[test]
fn a_call_may_ask_the_server_that_waits_for_it() {
    let (server, calls) = counter();
    let address = server.address();
    server.inject(Fault::call(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = "POST /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }));
    post_raw(&server, "/count").unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_stopped_server_refuses_connections() {
    let (server, _) = counter();
    let address = server.address();
    drop(server);
    assert_eq!(
        TcpStream::connect(address).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_server_on_all_addresses_is_named_by_loopback() {
    let server = Server::start("0.0.0.0:0", Router::new()).unwrap();
    assert_eq!(
        server.url(),
        format!("http://127.0.0.1:{}", server.address().port())
    );
}
