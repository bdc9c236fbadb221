//! Where it listens: what was said, else what variables say, else this machine alone.

use crate::cli::failure::Failure;
use crate::config::{self, Caller};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// PM2's.
const PORT: u16 = 9615;

/// `port` is empty where an option has no value.
pub(in crate::cli) fn address(port: &str, host: Option<&str>, caller: &Caller) -> Result<SocketAddr, Failure> {
    let setting = |name| config::setting(caller, name);
    let port =
        Some(port).filter(|port| !port.is_empty()).or_else(|| setting("API_PORT")).or_else(|| setting("WEB_PORT"));
    let port = match port {
        None => PORT,
        Some(text) => text.parse().map_err(|_| {
            Failure::new(format!("{text:?} is no port")).hint("a number up to 65535; 0 is any that is free")
        })?,
    };
    let host = match host.or_else(|| setting("API_IPADDR")) {
        None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(text) => text.parse().map_err(|_| {
            Failure::new(format!("{text:?} is no address of this machine"))
                .hint("127.0.0.1, or 0.0.0.0 for all of them")
        })?,
    };
    Ok(SocketAddr::from((host, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_comes_before_variables() {
        let mut caller = Caller::current().unwrap();
        caller.env.clear();
        let told = |port, host, caller: &Caller| address(port, host, caller).ok().map(|address| address.to_string());
        assert_eq!(told("", None, &caller).as_deref(), Some("127.0.0.1:9615"));
        assert_eq!(told("80", Some("::1"), &caller).as_deref(), Some("[::1]:80"));
        assert_eq!((told("http", None, &caller), told("1", Some("example.com"), &caller)), (None, None));
        caller.env.insert("PM2_WEB_PORT".into(), "1000".into());
        caller.env.insert("PM2_API_IPADDR".into(), "0.0.0.0".into());
        assert_eq!(told("", None, &caller).as_deref(), Some("0.0.0.0:1000"));
        caller.env.insert("RPM_API_PORT".into(), "2000".into());
        assert_eq!(told("", Some("localhost"), &caller).as_deref(), Some("127.0.0.1:2000"));
        assert_eq!(told("3000", None, &caller).as_deref(), Some("0.0.0.0:3000"));
    }
}
