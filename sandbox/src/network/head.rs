//! The head of an HTTP/1.1 request, as a proxy needs it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::journal::{Headers, first};

const LONGEST: usize = 64 * 1024;

/// A request without its body.
pub(super) struct Head {
    pub(super) method: String,
    /// What is asked for: `host:port` of a CONNECT, else an absolute URL.
    pub(super) target: String,
    pub(super) headers: Headers,
}

impl Head {
    /// Reads a head, and what of the body has come with it. `None` at the end of the connection.
    pub(super) async fn read(
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<(Self, Vec<u8>)>> {
        const END: &[u8] = b"\r\n\r\n";
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
                let body = bytes.split_off(end + END.len());
                let head = Self::parse(&String::from_utf8_lossy(&bytes));
                return Ok(Some((head.ok_or(io::ErrorKind::InvalidData)?, body)));
            }
            if bytes.len() > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self {
            method,
            target,
            headers,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The request as the server of an absolute URL gets it: what concerns the proxy is left out,
    /// and the connection serves this request only.
    pub(super) fn forwarded(&self, path: &str) -> Vec<u8> {
        let mut text = format!("{} {path} HTTP/1.1\r\nconnection: close\r\n", self.method);
        for (name, value) in &self.headers {
            if !name.starts_with("proxy-") && name != "connection" {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}
