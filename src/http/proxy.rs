//! Which requests go through a proxy, as the [usual variables][runner] say.
//!
//! They are read here and not by reqwest, which takes no notice of a variable that it cannot read,
//! knows no ports in `NO_PROXY`, and does not say afterwards which proxy it used.
//!
//! [runner]: https://docs.github.com/en/actions/how-tos/manage-runners/use-proxy-servers

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::environment::Environment;

/// The proxies in use.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    direct: Vec<Direct>,
}

/// A proxy, and where it is configured.
#[derive(Clone)]
pub struct Proxy {
    /// The variable that names it.
    pub variable: &'static str,
    url: Url,
}

/// A proxy variable that cannot be used. Its value is not shown: it can hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} is not the URL of a proxy ({reason}); it must look like `http://host:port` or `http://user:password@host:port`, with special characters of user and password percent-encoded"
)]
pub struct InvalidProxy {
    variable: &'static str,
    reason: String,
}

/// An item of `NO_PROXY`: which hosts are contacted directly.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    Everything,
    Domain { name: String, port: Option<u16> },
    Network(IpNet),
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. Of a name in lower and in
    /// upper case the lower counts, as for the runner and for curl; empty counts as unset.
    ///
    /// # Errors
    /// If a variable that counts is not the URL of a proxy that this program can use.
    pub fn from_environment(environment: &Environment) -> Result<Self, InvalidProxy> {
        let first = |names: &[&'static str]| {
            names
                .iter()
                .find_map(|&name| Some((name, environment.variable(name)?)))
        };
        // Where this variable is set, a web server may have made HTTP_PROXY of a request's header
        // `Proxy`: https://httpoxy.org
        let is_cgi = environment.variable("REQUEST_METHOD").is_some();
        let http: &[_] = match is_cgi {
            true => &["http_proxy", "all_proxy", "ALL_PROXY"],
            false => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        let https = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let parse = |found: Option<(_, _)>| found.map(|(v, text)| Proxy::parse(v, text));
        Ok(Self {
            http: parse(first(http)).transpose()?,
            https: parse(first(&https)).transpose()?,
            direct: first(&["no_proxy", "NO_PROXY"])
                .map(|(_, list)| Direct::parse_list(list))
                .unwrap_or_default(),
        })
    }

    /// The proxy for a request to `target`, if it goes through one.
    pub fn for_url(&self, target: &Url) -> Option<&Proxy> {
        let proxy = match target.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        let is_direct = self.direct.iter().any(|direct| direct.covers(target));
        (!is_direct).then_some(proxy)
    }

    /// The passwords in the proxies' URLs, as they stand there and decoded.
    pub fn secrets(&self) -> Vec<String> {
        let passwords = [&self.http, &self.https].into_iter().flatten();
        let mut secrets: Vec<_> = passwords.flat_map(Proxy::secrets).collect();
        secrets.sort();
        secrets.dedup();
        secrets
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: &str) -> Result<Self, InvalidProxy> {
        let invalid = |reason: String| InvalidProxy { variable, reason };
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        }
        .map_err(|reason| invalid(reason.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            let reason = format!("`{}://` is not supported", url.scheme());
            return Err(invalid(reason));
        }
        // A password with `/`, `?` or `#` ends what is treated as the host, and would be shown.
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("there is more after the host".to_owned()));
        }
        Ok(Self { variable, url })
    }

    /// Where requests are sent, credentials included.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a name or a password is sent to it.
    pub(super) fn has_credentials(&self) -> bool {
        !self.url.username().is_empty() || self.url.password().is_some()
    }

    fn secrets(&self) -> Vec<String> {
        let Some(password) = self.url.password() else {
            return Vec::new();
        };
        let decoded = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
        vec![password.to_owned(), decoded.into_owned()]
    }
}

/// Host and port; never credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&super::host_and_port(&self.url))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self} of {})", self.variable)
    }
}

impl Direct {
    /// Items are separated by commas or blanks.
    fn parse_list(list: &str) -> Vec<Self> {
        list.split(|c: char| c == ',' || c.is_whitespace())
            .filter(|item| !item.is_empty())
            .map(Self::parse)
            .collect()
    }

    fn parse(item: &str) -> Self {
        if item == "*" {
            return Self::Everything;
        }
        if let Some(network) = Self::network(item) {
            return network;
        }
        let (name, port) = match item.rsplit_once(':') {
            Some((name, port)) if let Ok(port) = port.parse() => (name, Some(port)),
            _ => (item, None),
        };
        let name = name.strip_prefix('*').unwrap_or(name);
        let name = name.trim_matches('.').to_ascii_lowercase();
        Self::Domain { name, port }
    }

    /// A network or a single address, which may stand in brackets.
    fn network(item: &str) -> Option<Self> {
        let item = item.replace(['[', ']'], "");
        let address = || item.parse::<IpAddr>().map(IpNet::from);
        let network = item.parse().or_else(|_| address());
        network.ok().map(Self::Network)
    }

    fn covers(&self, target: &Url) -> bool {
        match (self, target.host()) {
            (Self::Everything, _) => true,
            (Self::Network(network), Some(Host::Ipv4(ip))) => network.contains(&IpAddr::V4(ip)),
            (Self::Network(network), Some(Host::Ipv6(ip))) => network.contains(&IpAddr::V6(ip)),
            (Self::Domain { name, port }, Some(_)) => {
                let host = target.host_str().unwrap_or_default();
                is_domain_or_below(host, name)
                    && port.is_none_or(|port| target.port_or_known_default() == Some(port))
            }
            _ => false,
        }
    }
}

fn is_domain_or_below(host: &str, domain: &str) -> bool {
    match host.strip_suffix(domain) {
        Some(before) => !domain.is_empty() && (before.is_empty() || before.ends_with('.')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, InvalidProxy> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Proxies::from_environment(&Environment::new(variables.iter().map(owned)))
    }

    fn proxy(variables: &[(&str, &str)], target: &str) -> Option<String> {
        let target = Url::parse(target).unwrap();
        let proxies = proxies(variables).unwrap();
        proxies.for_url(&target).map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn each_scheme_has_its_variable() {
        let both = [("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "https://b")];
        assert_eq!(
            proxy(&both, "http://x").unwrap(),
            "Proxy(a:1 of HTTP_PROXY)"
        );
        assert_eq!(
            proxy(&both, "https://x").unwrap(),
            "Proxy(b of HTTPS_PROXY)"
        );
        assert_eq!(proxy(&both[..1], "https://x"), None);
        let all = [("all_proxy", "c:3"), ("http_proxy", "http://me:pw@d:4/")];
        assert_eq!(proxy(&all, "https://x").unwrap(), "Proxy(c:3 of all_proxy)");
        assert_eq!(proxy(&all, "http://x").unwrap(), "Proxy(d:4 of http_proxy)");
    }

    #[test]
    fn lower_case_counts_first_and_empty_does_not() {
        let both = [("HTTPS_PROXY", "a"), ("https_proxy", "b")];
        assert_eq!(
            proxy(&both, "https://x").unwrap(),
            "Proxy(b of https_proxy)"
        );
        let empty = [("HTTPS_PROXY", "a"), ("https_proxy", " ")];
        assert_eq!(
            proxy(&empty, "https://x").unwrap(),
            "Proxy(a of HTTPS_PROXY)"
        );
    }

    #[test]
    fn a_request_header_cannot_become_a_proxy() {
        let cgi = [("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy(&cgi, "http://x"), None);
    }

    #[test]
    fn hosts_are_excluded_in_every_usual_form() {
        let is_direct = |list: &str, target: &str| {
            proxy(&[("ALL_PROXY", "p"), ("NO_PROXY", list)], target).is_none()
        };
        for (list, target) in [
            ("*", "https://x"),
            ("a.example, port.io", "https://api.port.io"),
            ("Port.IO", "https://port.io"),
            (".port.io", "https://api.port.io"),
            ("*.port.io", "https://api.port.io"),
            ("a b port.io", "https://port.io"),
            ("ghe.corp:8443", "https://ghe.corp:8443/api/v3"),
            ("ghe.corp:443", "https://ghe.corp"),
            ("127.0.0.1", "http://127.0.0.1:3000"),
            ("10.0.0.0/8", "http://10.255.0.1"),
            ("0.0.0.0/0", "http://10.255.0.1"),
            ("[::1]", "http://[::1]:80"),
            ("fd00::/8", "http://[fd12::1]"),
        ] {
            assert!(is_direct(list, target), "{list} {target}");
        }
        for (list, target) in [
            ("", "https://x"),
            (".", "https://x"),
            ("port.io", "https://notport.io"),
            ("api.port.io", "https://port.io"),
            ("ghe.corp:8443", "https://ghe.corp"),
            ("127.0.0.1", "http://127.0.0.2"),
            ("10.0.0.0/8", "http://11.0.0.1"),
            ("10.0.0.0/33", "http://10.0.0.0"),
            ("::/0", "http://10.0.0.1"),
            ("0.0.0.1", "http://[::1]"),
        ] {
            assert!(!is_direct(list, target), "{list} {target}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_named_without_what_it_holds() {
        for text in [
            "http://",
            "http://me:hun#ter2@proxy:3128",
            "http://me:hun/ter2@proxy:3128",
            "http://me:12/ter2@proxy:3128",
            "http://me:12?ter2@proxy:3128",
            "http://hun ter2:3128",
            "http://me:hunter2@proxy:port",
            "socks5://me:hunter2@proxy:1080",
            "ftp:hunter2",
        ] {
            let error = proxies(&[("HTTPS_PROXY", text)]).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY is not"), "{text}: {error}");
            for secret in ["hun", "ter2", "12"] {
                assert!(!error.contains(secret), "{text}: {error}");
            }
        }
    }

    #[test]
    fn passwords_are_known_as_they_stand_and_decoded() {
        let proxies = proxies(&[("https_proxy", "http://me:p%40ss@proxy:1")]).unwrap();
        assert_eq!(proxies.secrets(), ["p%40ss", "p@ss"]);
        assert!(!format!("{proxies:?}").contains("ss@"));
    }
}
