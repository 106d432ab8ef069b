//! The HTTP server below both APIs.
//!
//! It sits on hyper and not on axum's own server, since faults need the bare TCP connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body as RouterBody;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::channel::{Channel, SendError};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::fault::{Action, Effect, Fault, Script};
use crate::journal::{self, Answer, Exchange, Journal, Matcher, headers};
use crate::network::Listener;

/// What the sandboxes have in common.
pub trait Sandbox {
    /// The server that it runs on.
    fn server(&self) -> &Server;

    /// The base URL, without a slash at its end.
    fn url(&self) -> String {
        self.server().url()
    }

    /// Every exchange so far, in the order in which the requests arrived.
    fn journal(&self) -> Vec<Exchange> {
        self.server().shared.journal.exchanges()
    }

    /// The same, with those that [`Self::clear_journal`] took out of sight.
    fn whole_journal(&self) -> Vec<Exchange> {
        self.server().shared.journal.all_exchanges()
    }

    /// The exchanges of the journal whose requests fit.
    fn requests(&self, matcher: &Matcher) -> Vec<Exchange> {
        let mut requests = self.journal();
        requests.retain(|exchange| matcher.matches(exchange));
        requests
    }

    /// The exchanges with requests of this method to this path; see [`Matcher::new`].
    fn requests_to(&self, method: &str, path: &str) -> Vec<Exchange> {
        self.requests(&Matcher::new(method, path))
    }

    /// The most requests of the journal that were under way at the same time.
    fn peak_concurrency(&self) -> usize {
        journal::peak_concurrency(&self.journal())
    }

    /// Forgets the exchanges so far.
    fn clear_journal(&self) {
        self.server().shared.journal.clear();
    }

    /// Adds a rule to the script of faults.
    fn inject(&self, fault: Fault) {
        self.server().shared.script.add(fault);
    }

    /// How many rules of the script have strikes left; those that strike always do not count.
    fn pending_faults(&self) -> usize {
        self.server().shared.script.pending()
    }

    /// Takes all rules out of the script.
    fn clear_faults(&self) {
        self.server().shared.script.clear();
    }

    /// Lets every request from now on wait this long before it takes effect.
    fn set_latency(&self, latency: Duration) {
        self.server().shared.script.set_latency(latency);
    }
}

/// An HTTP/1.1 server on a thread of its own; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    journal: Journal,
    script: Script,
}

impl Server {
    /// Serves a router on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, or the thread cannot be started.
    pub fn start(address: impl ToSocketAddrs, router: Router) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            journal: Journal::new(),
            script: Script::default(),
        });
        let served = Arc::clone(&shared);
        let mut connections = 0..;
        let listener = Listener::start_on(address, "sandbox", move |stream| {
            let connection = connections.next().unwrap_or_default();
            serve(stream, connection, Arc::clone(&served), router.clone())
        })?;
        Ok(Self { listener, shared })
    }

    /// The base URL, without a slash at its end. A server on all addresses is named by loopback.
    pub fn url(&self) -> String {
        let mut address = self.address();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }
}

impl Sandbox for Server {
    fn server(&self) -> &Server {
        self
    }
}

/// How a connection ends by a fault.
#[derive(Clone, Copy)]
enum End {
    Reset,
    Close,
}

async fn serve(
    stream: TcpStream,
    connection: u64,
    shared: Arc<Shared>,
    router: Router,
) -> io::Result<()> {
    let (end, mut ended) = mpsc::channel(1);
    let service = service_fn(move |request| {
        handle(
            Arc::clone(&shared),
            router.clone(),
            connection,
            end.clone(),
            request,
        )
    });
    let mut served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = tokio::select! {
        _ = &mut served => return Ok(()),
        Some(end) = ended.recv() => end,
    };
    let stream = served.into_parts().io.into_inner();
    if let End::Reset = end {
        // Closing a socket that lingers for no time sends RST.
        stream.set_zero_linger()?;
    }
    Ok(())
}

async fn handle(
    shared: Arc<Shared>,
    router: Router,
    connection: u64,
    end: mpsc::Sender<End>,
    request: Request<Incoming>,
) -> io::Result<Response<Pieces>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let exchange = shared.journal.begin(connection, &head, body.clone());
    let strike = shared.script.strike(&exchange);
    if let Some((action, _)) = &strike {
        shared.journal.note_fault(exchange.sequence, action.kind());
    }
    pause(shared.script.latency()).await;

    let request = Request::from_parts(head, RouterBody::from(body));
    match deliver(strike, route(router, request)).await {
        Delivery::Send(answer, pace) => {
            let response = response(&answer, pace);
            shared.journal.note_answer(exchange.sequence, answer);
            Ok(response)
        }
        Delivery::End(how) => {
            // The other side goes away with the connection only, which ends by this message.
            let _ = end.send(how).await;
            std::future::pending().await
        }
        Delivery::Hang => std::future::pending().await,
    }
}

/// What becomes of an answer.
enum Delivery {
    Send(Answer, Pace),
    End(End),
    Hang,
}

/// How a body is sent.
enum Pace {
    AtOnce,
    Cut,
    Slow(Duration),
}

async fn deliver(strike: Option<(Action, Effect)>, real: impl Future<Output = Answer>) -> Delivery {
    let Some((action, effect)) = strike else {
        return Delivery::Send(real.await, Pace::AtOnce);
    };
    let mut answer = match (&action, effect) {
        (Action::Delay(_) | Action::Call(_), Effect::None) => {
            meddle(action.clone()).await;
            real.await
        }
        (_, Effect::None) => Answer::json(200, &json!({"ok": true})),
        (_, Effect::Taken) => {
            let answer = real.await;
            meddle(action.clone()).await;
            answer
        }
    };
    match action {
        Action::Answer(scripted) => answer = scripted,
        Action::InvalidJson => answer.body.truncate(answer.body.len() / 2),
        Action::ContentType(other) => {
            answer
                .headers
                .retain(|(name, _)| name != header::CONTENT_TYPE.as_str());
            answer = answer.with_header("content-type", other);
        }
        Action::Delay(_) | Action::Call(_) => {}
        Action::CutShort => return Delivery::Send(answer, Pace::Cut),
        Action::SlowBody(duration) => return Delivery::Send(answer, Pace::Slow(duration)),
        Action::Reset => return Delivery::End(End::Reset),
        Action::Close => return Delivery::End(End::Close),
        Action::Hang => return Delivery::Hang,
    }
    Delivery::Send(answer, Pace::AtOnce)
}

async fn meddle(action: Action) {
    match action {
        Action::Delay(duration) => pause(duration).await,
        // Not on the server's own thread: the function may ask this very server.
        Action::Call(function) => {
            if let Err(error) = spawn_blocking(move || function()).await
                && let Ok(panic) = error.try_into_panic()
            {
                resume_unwind(panic);
            }
        }
        _ => {}
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}

async fn route(router: Router, request: Request<RouterBody>) -> Answer {
    let Ok(response) = TowerToHyperService::new(router).call(request).await;
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Answer {
            status: head.status.as_u16(),
            headers: headers(&head.headers),
            body: body.to_bytes(),
        },
        Err(error) => Answer::text(500, "text/plain", error.to_string()),
    }
}

fn response(answer: &Answer, pace: Pace) -> Response<Pieces> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        // hyper believes this one, and the body is ours to measure.
        if name != header::CONTENT_LENGTH.as_str() {
            builder = builder.header(name, value);
        }
    }
    if answer.status != StatusCode::NO_CONTENT && answer.status != StatusCode::NOT_MODIFIED {
        builder = builder.header(header::CONTENT_LENGTH, answer.body.len());
    }
    builder
        .body(body(&answer.body, pace))
        .unwrap_or_else(|error| {
            let text = format!("this answer cannot be sent as scripted: {error}");
            let mut response = Response::new(Either::Left(text.into()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
}

/// A body that is there at once, or comes in pieces and may break off.
type Pieces = Either<Full<Bytes>, Channel<Bytes, io::Error>>;

/// Long enough for hyper to flush what comes before the cut.
const BEFORE_CUT: Duration = Duration::from_millis(20);
const SLOW_PIECES: usize = 10;

fn body(body: &Bytes, pace: Pace) -> Pieces {
    let (pieces, pause, is_cut) = match pace {
        Pace::AtOnce => return Either::Left(body.clone().into()),
        Pace::Cut => (vec![body.slice(..body.len() / 2)], BEFORE_CUT, true),
        Pace::Slow(duration) => {
            let pieces = body.chunks(body.len().div_ceil(SLOW_PIECES).max(1));
            let pieces: Vec<_> = pieces.map(|piece| body.slice_ref(piece)).collect();
            let pause = duration.div_f64(pieces.len().max(1) as f64);
            (pieces, pause, false)
        }
    };
    let (mut sender, channel) = Channel::new(1);
    tokio::spawn(async move {
        for piece in pieces {
            sleep(pause).await;
            sender.send_data(piece).await?;
        }
        if is_cut {
            sleep(pause).await;
            sender.abort(io::ErrorKind::ConnectionAborted.into());
        }
        Ok::<(), SendError>(())
    });
    Either::Right(channel)
}
