//! The journal and the faults, seen by a client that reads the bare bytes.

#![cfg(test)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox, Server};

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
fn post_raw(server: &Server, target: &str) -> io::Result<String> {
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

#[test]
fn an_exchange_is_noted_down_whole() {
    let (server, _) = counter();
    let answer = post_raw(&server, "/count?x=%2F&y=2").unwrap();
    let exchange = server.journal().remove(0);
    let line = (exchange.method.as_str(), exchange.path.as_str());
    assert_eq!(line, ("POST", "/count"));
    assert_eq!(exchange.query_value("x"), Some("%2F"));
    assert_eq!(exchange.header("x-mark"), Some("One"));
    assert_eq!(exchange.json(), Some(serde_json::json!({"a": 1})));
    assert_eq!((exchange.status(), exchange.fault), (Some(200), None));
    let noted = exchange.answer.unwrap();
    assert!(answer.as_bytes().ends_with(&noted.body));
    assert_eq!(noted.header("Content-Type"), Some("application/json"));
    assert!(exchange.answered.unwrap() >= exchange.arrived);

    server.clear_journal();
    post_raw(&server, "/a%2Fb/%C3%A4?q").unwrap();
    let numbers = server.journal().into_iter();
    let numbers: Vec<_> = numbers.map(|one| (one.sequence, one.connection)).collect();
    assert_eq!(numbers, [(1, 1)]);
    assert_eq!(server.requests_to("POST", "/a%2Fb/*").len(), 1);
    for (method, path) in [("GET", "*"), ("POST", "/a%2Fb"), ("POST", "*/b")] {
        assert_eq!(server.requests_to(method, path).len(), 0, "{path}");
    }
    let body = Matcher::any().body_contains("\"a\"");
    assert_eq!(server.requests(&body).len(), 1);
}

#[test]
fn what_a_client_sees_of_a_fault() {
    const RESET: Result<(&str, &str), ErrorKind> = Err(ErrorKind::ConnectionReset);
    let scripted = Answer::text(503, "text/html", "<p>no").with_header("Retry-After", 7);
    let text = || Fault::content_type("text/html").after_effect();
    // What is in the head and what the body is, and whether the request took effect.
    for (fault, seen, effect) in [
        (
            Fault::answer(scripted),
            Ok((
                "503 Service Unavailable\r\ncontent-type: text/html\r\nretry-after: 7",
                "<p>no",
            )),
            0,
        ),
        (
            Fault::status(502).after_effect(),
            Ok((
                "502",
                r#"{"error":"injected","message":"HTTP 502","ok":false}"#,
            )),
            1,
        ),
        (Fault::reset(), RESET, 0),
        (Fault::reset().after_effect(), RESET, 1),
        (Fault::close(), Ok(("", "")), 0),
        (
            Fault::cut_short().after_effect(),
            Ok(("content-length: 21\r\n", r#"{"ok":true"#)),
            1,
        ),
        (
            Fault::invalid_json(),
            Ok((
                "200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 5\r\n",
                r#"{"ok""#,
            )),
            0,
        ),
        (
            text(),
            Ok(("content-type: text/html\r\n", r#"{"ok":true,"call":01}"#)),
            1,
        ),
        (Fault::hang().after_effect(), Err(ErrorKind::WouldBlock), 1),
    ] {
        let what = format!("{fault:?}");
        let (server, calls) = counter();
        server.inject(fault);
        match (post_raw(&server, "/count"), seen) {
            (Ok(answer), Ok((head, body))) => {
                let (got, sent) = answer.split_once("\r\n\r\n").unwrap_or_default();
                assert!(format!("{got}\r\n").contains(head), "{what}: {answer}");
                assert_eq!(sent, body, "{what}");
            }
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{what}"),
            (answer, _) => assert!(answer.is_err(), "{what}: {answer:?}"),
        }
        assert_eq!(calls.load(Ordering::SeqCst), effect, "{what}");
        let exchange = server.journal().remove(0);
        assert!(
            exchange.fault.is_some_and(|kind| what.contains(kind)),
            "{what}"
        );
        let address = server.address();
        let started = Instant::now();
        drop(server);
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{what} keeps it up"
        );
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
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
    let status = |target: &str| {
        post_raw(&server, target).unwrap();
        server.journal().pop().unwrap().status().unwrap()
    };
    let statuses = ["/count"; 4].map(status);
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(server.pending_faults(), 0);
    assert_eq!(["/other"; 2].map(status), [501, 501]);
    server.clear_faults();
    assert_eq!(status("/other"), 404);
}

/// It may also ask the very server that waits for it.
#[test]
fn a_call_happens_before_or_after_the_effect() {
    let (server, calls) = counter();
    let address = server.address();
    let ask = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = "POST /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        io::copy(&mut stream, &mut io::sink()).unwrap();
    };
    server.inject(Fault::call(ask));
    let said = "\"call\":02}";
    assert!(post_raw(&server, "/count").unwrap().ends_with(said));
    server.inject(Fault::call(ask).after_effect());
    let said = "\"call\":03}";
    assert!(post_raw(&server, "/count").unwrap().ends_with(said));
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[test]
fn requests_at_the_same_time_are_seen_to_be() {
    let (server, _) = counter();
    server.set_latency(Duration::from_millis(100));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| post_raw(&server, "/count").unwrap());
        }
    });
    post_raw(&server, "/count").unwrap();
    assert_eq!(server.peak_concurrency(), 3);
    server.clear_journal();
    post_raw(&server, "/count").unwrap();
    assert_eq!(server.peak_concurrency(), 1);
}

#[test]
fn a_server_on_all_addresses_is_named_by_loopback() {
    let server = Server::start("0.0.0.0:0", Router::new()).unwrap();
    let port = server.address().port();
    assert_eq!(server.url(), format!("http://127.0.0.1:{port}"));
}
