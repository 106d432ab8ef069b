use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;
use crate::http::TransportErrorKind;
use crate::http::retry_rules::tests::answer;
use crate::shutdown::shutdown;

async fn send(attempts: Vec<Attempt>) -> (Attempt, usize) {
    let sender = Sender::new(Service::Port);
    let attempts = RefCell::new(VecDeque::from(attempts));
    let result = sender
        .send("a request", async || {
            attempts.borrow_mut().pop_front().expect("one more try")
        })
        .await;
    assert!(attempts.borrow().is_empty(), "not all attempts were made");
    (result, sender.sent())
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_passes() {
    let busy = || answer(503, &[], "");
    let (result, sent) = send(vec![busy(), busy(), answer(200, &[], "{}")]).await;
    assert_eq!(result.unwrap().status, 200);
    assert_eq!(sent, 3);
}

#[tokio::test(start_paused = true)]
async fn tries_and_waits_are_bounded() {
    let (result, sent) = send((0..6).map(|_| answer(502, &[], "")).collect()).await;
    assert_eq!(result.unwrap().status, 502);
    assert_eq!(sent, 6);

    let asks = |seconds: &str| answer(429, &[("retry-after", seconds)], "");
    let (result, sent) = send(vec![asks("800"), asks("200")]).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, TransportErrorKind::RateLimit);
    assert_eq!(error.delivery(), Delivery::Unsent);
    assert_eq!(sent, 2);
}

/// A server that accepts and never answers holds a request up for this long and no longer.
#[tokio::test(start_paused = true)]
async fn silence_is_bounded() {
    const SILENCE: Duration = Duration::from_secs(30);
    let started = tokio::time::Instant::now();
    let silent = async || {
        tokio::time::sleep(SILENCE).await;
        Err(TransportError::timeout("port.test"))
    };
    let sender = Sender::new(Service::Port);
    sender.send("a request", silent).await.unwrap_err();
    assert_eq!(sender.sent(), 6);
    let waits = Duration::from_millis(500 + 1_000 + 2_000 + 4_000 + 8_000);
    assert!(started.elapsed() <= SILENCE * MAX_TRIES + waits + Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_the_server_names_is_kept() {
    let started = tokio::time::Instant::now();
    send(vec![
        answer(429, &[("retry-after", "120")], ""),
        answer(200, &[], "{}"),
    ])
    .await
    .0
    .unwrap();
    assert!(started.elapsed() >= Duration::from_secs(120));
    assert!(started.elapsed() < Duration::from_secs(121));
}

#[tokio::test(start_paused = true)]
async fn what_makes_something_anew_is_not_sent_again_blindly() {
    let send_once = async |attempts: Vec<Attempt>| {
        let sender = Sender::new(Service::GitHub);
        let attempts = RefCell::new(VecDeque::from(attempts));
        let request = Request::from("a comment").once();
        let next = async || attempts.borrow_mut().pop_front().expect("one more try");
        let result = sender.send(request, next).await;
        (result.map(|answer| answer.status.as_u16()), sender.sent())
    };
    let created = || answer(201, &[], "{}");
    let limited = || answer(429, &[("retry-after", "1")], "{}");
    assert_eq!(send_once(vec![limited(), created()]).await, (Ok(201), 2));
    assert_eq!(send_once(vec![answer(502, &[], "")]).await, (Ok(502), 1));
    let (result, sent) = send_once(vec![Err(TransportError::timeout("github.test"))]).await;
    assert_eq!(result.unwrap_err().delivery(), Delivery::Unknown);
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_shared_and_never_overdrawn() {
    const LIMIT: u64 = 100;
    const PERIOD: Duration = Duration::from_secs(10);
    let started = Instant::now();
    let window = RefCell::new((started, 0));
    let refused = RefCell::new(0);
    let sender = Sender::new(Service::Port);
    // As Port does it: a budget for each period, named in every answer.
    let serve = async || {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..60))).await;
        let (since, used) = &mut *window.borrow_mut();
        if since.elapsed() >= PERIOD {
            (*since, *used) = (Instant::now(), 0);
        }
        let reset = (PERIOD - since.elapsed()).as_secs_f64().ceil().to_string();
        let is_granted = *used < LIMIT;
        *used += u64::from(is_granted);
        *refused.borrow_mut() += u64::from(!is_granted);
        let left = (LIMIT - *used).to_string();
        let headers = [
            ("x-ratelimit-remaining", left.as_str()),
            ("x-ratelimit-reset", &reset),
        ];
        answer(if is_granted { 200 } else { 429 }, &headers, "{}")
    };
    let work = async |count: u32| {
        for _ in 0..count {
            sender.send("a request", serve).await.unwrap();
        }
    };
    futures::future::join_all((0..8).map(|_| work(32))).await;
    assert_eq!(*refused.borrow(), 0);
    assert_eq!(sender.sent(), 256);
    assert!(
        started.elapsed() < Duration::from_secs(25),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn waits_end_when_the_run_is_told_to_stop() {
    for first in [
        answer(429, &[("retry-after", "300")], ""),
        answer(503, &[], ""),
    ] {
        let (trigger, stop) = shutdown();
        let sender = Sender::new(Service::Port).stop_on(stop);
        let attempts = RefCell::new(VecDeque::from([first.clone()]));
        let started = Instant::now();
        let send = sender.send("a request", async || {
            trigger.request();
            attempts
                .borrow_mut()
                .pop_front()
                .expect("nothing new is sent")
        });
        let error = send.await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Interrupted);
        assert_eq!(started.elapsed(), Duration::ZERO);
        let is_unsent = first.unwrap().status == 429;
        assert_eq!(error.delivery() == Delivery::Unsent, is_unsent);
        let error = sender.send("another", async || unreachable!()).await;
        assert_eq!(error.unwrap_err().delivery(), Delivery::Unsent);
    }
}

/// A secondary limit counts requests of all kinds, a primary one those of its own.
#[tokio::test(start_paused = true)]
async fn a_secondary_limit_of_github_holds_both_its_apis() {
    let secondary: &[_] = &[("retry-after", "60")];
    let primary: &[_] = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")];
    for (headers, is_held) in [(secondary, true), (primary, false)] {
        let sender = Sender::new(Service::GitHub);
        let attempts = RefCell::new(VecDeque::from([
            answer(403, headers, "{}"),
            answer(200, &[], "{}"),
        ]));
        let started = Instant::now();
        let rest = sender.send("a request", async || {
            attempts.borrow_mut().pop_front().expect("one more try")
        });
        let graphql = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let request = Request::from("a query").graphql();
            let answered = sender.send(request, async || answer(200, &[], "{}"));
            answered.await.unwrap();
            started.elapsed()
        };
        let (_, elapsed) = futures::join!(rest, graphql);
        assert_eq!(elapsed >= Duration::from_secs(60), is_held, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn patience_grows_where_github_does_not_say_how_much() {
    let sender = Sender::new(Service::GitHub);
    let limited = || {
        answer(
            403,
            &[],
            r#"{"message": "You have exceeded a secondary rate limit"}"#,
        )
    };
    let attempts = RefCell::new(VecDeque::from([
        limited(),
        limited(),
        answer(200, &[], "{}"),
    ]));
    let started = Instant::now();
    let next = async || attempts.borrow_mut().pop_front().expect("one more try");
    sender.send("a request", next).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(180));
    assert!(started.elapsed() < Duration::from_secs(182));
}
