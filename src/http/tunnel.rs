//! Requests a tunnel from a proxy, only to learn what it answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::StatusCode;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use super::proxy::Proxy;

/// The longest answer that is read; its first line is all that counts.
const LONGEST: usize = 1024;

/// The status with which `proxy` answers a CONNECT to `target` ([RFC 9110, 9.3.6][rfc]). `None` if
/// there is no answer within `limit`.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
pub(super) async fn connect_status(
    proxy: &Proxy,
    target: &Url,
    tls: &Arc<ClientConfig>,
    limit: Duration,
) -> Option<StatusCode> {
    let answer = timeout(limit, connect(proxy, target, tls))
        .await
        .ok()?
        .ok()?;
    let status = answer.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?;
    StatusCode::from_bytes(status.as_bytes()).ok()
}

async fn connect(proxy: &Proxy, target: &Url, tls: &Arc<ClientConfig>) -> io::Result<String> {
    let url = proxy.url();
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or_default();
    let stream = TcpStream::connect((address, port)).await?;
    let request = request(proxy, target);
    if url.scheme() == "http" {
        return exchange(stream, &request).await;
    }
    let name = ServerName::try_from(address.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::clone(tls));
    exchange(connector.connect(name, stream).await?, &request).await
}

fn request(proxy: &Proxy, target: &Url) -> String {
    let host = target.host_str().unwrap_or_default();
    let port = target.port_or_known_default().unwrap_or_default();
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if proxy.has_credentials() {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
        let user = decoded(proxy.url().username());
        let password = decoded(proxy.url().password().unwrap_or_default());
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {token}\r\n"));
    }
    request + "\r\n"
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    while !answer.contains(&b'\n') && answer.len() < LONGEST {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
