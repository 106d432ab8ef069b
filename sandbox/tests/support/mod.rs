//! What the tests of both sandboxes need.

/// An HTTP client that is not finished yet, without the machine's proxies.
pub(crate) fn http() -> reqwest::ClientBuilder {
    // Built together with the action, reqwest has TLS but no default provider of cryptography, and
    // makes no client without one even for plain HTTP. It is no mistake that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// A line of a table of requests with their answers: `METHOD PATH [BODY] -> STATUS [TEXT]`. The
/// answer has to hold the text.
pub(crate) struct Row<'t> {
    line: &'t str,
    pub(crate) method: reqwest::Method,
    pub(crate) path: &'t str,
    pub(crate) body: Option<&'t str>,
    status: u16,
    text: &'t str,
}

impl<'t> Row<'t> {
    fn parse(line: &'t str) -> Self {
        let (request, answer) = line.split_once(" -> ").unwrap();
        let mut words = request.splitn(3, ' ');
        let (status, text) = answer.split_once(' ').unwrap_or((answer, ""));
        Self {
            line,
            method: words.next().unwrap().parse().unwrap(),
            path: words.next().unwrap(),
            body: words.next(),
            status: status.parse().unwrap(),
            text,
        }
    }

    pub(crate) fn check(&self, status: u16, answer: &str) {
        let fits = status == self.status && answer.contains(self.text);
        assert!(fits, "{}\n{status} {answer}", self.line);
    }
}

/// The rows of a table; empty lines do not count.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    let lines = table.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(Row::parse)
}
