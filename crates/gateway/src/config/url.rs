//! The upstream's address: scheme, host and port, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where upstream is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// The Host header: the port only where it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

/// An IPv6 address in brackets, any other host as it is.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// Reads a URL. The messages never repeat it: it may hold a password by mistake.
pub(super) fn origin(text: &str) -> Result<Origin, String> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("must be a URL that starts with https:// or http://, such as \"https://api.bentley.com\"")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("must start with https:// or http://".to_owned()),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("must not carry a user or a password".to_owned());
    }
    if !matches!(tail, "" | "/") {
        return Err("must end after the host and port: the paths are those of the API".to_owned());
    }
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => default_port(tls),
        Some(port) => number(port).ok_or("must have a port from 1 to 65535 after the colon")?,
    };
    Ok(Origin { tls, host, port })
}

fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?.filter(|port| *port > 0)
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (inner, tail) = rest.split_once(']').ok_or("has a [ without its ]")?;
        let address: Ipv6Addr = inner.parse().map_err(|_| "has no IPv6 address between its brackets")?;
        let port = match tail {
            "" => None,
            _ => Some(tail.strip_prefix(':').ok_or("must have a colon and a port after the ]")?),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            return Err("must have its IPv6 address in brackets".to_owned());
        }
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    check_host(host)?;
    Ok((host.to_ascii_lowercase(), port))
}

fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("must name a host after the //");
    }
    if !host.is_ascii() {
        return Err("must have its host in ASCII, in the form that starts with xn--");
    }
    if host.ends_with('.') {
        return Err("must not have a dot at the end of its host: no certificate names it like that");
    }
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("has a host that is neither a name nor an IP address");
    }
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err("has a host that looks like an IPv4 address and is none");
    }
    Ok(())
}

/// Whether a host is this machine itself.
pub(super) fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or(host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
}
