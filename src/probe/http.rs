//! One GET over HTTP/1.1, of whose answer only the status counts.

use super::ask::failed;
use super::board::{Answer, bracketed};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest status line.
const LONGEST_LINE: usize = 1024;
/// How much of the rest is read, and how long, so that the app doesn't find its connection reset.
const MOST_READ: usize = 64 << 10;
const LONGEST_READ: Duration = Duration::from_millis(100);

pub(super) async fn get(
    mut stream: TcpStream,
    host: &str,
    port: u16,
    path: &str,
    headers: &BTreeMap<String, String>,
) -> Answer {
    let Some(request) = request(host, port, path, headers) else {
        return Answer::no("its path or headers hold characters that no request may hold");
    };
    let line = async {
        stream.write_all(request.as_bytes()).await?;
        status_line(&mut stream).await
    };
    match line.await {
        Ok(line) => {
            let answer = judge(&line);
            // The answer counts, however this ends.
            let _ = timeout(LONGEST_READ, read_on(&mut stream)).await;
            answer
        }
        Err(error) => failed(&error),
    }
}

fn request(host: &str, port: u16, path: &str, headers: &BTreeMap<String, String>) -> Option<String> {
    if path.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return None;
    }
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    let given = |name: &str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
    for (name, value) in [
        ("Host", format!("{}:{port}", bracketed(host))),
        ("User-Agent", format!("rpm-probe/{}", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*".to_owned()),
        ("Connection", "close".to_owned()),
    ] {
        if !given(name) {
            let _ = write!(request, "{name}: {value}\r\n");
        }
    }
    for (name, value) in headers {
        let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if !is_token || value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return None;
        }
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request.push_str("\r\n");
    Some(request)
}

async fn status_line(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut buffer = [0; LONGEST_LINE];
    loop {
        let count = stream.read(&mut buffer).await?;
        line.extend_from_slice(&buffer[..count]);
        if let Some(end) = memchr::memchr(b'\n', &line) {
            line.truncate(end);
            return Ok(line);
        }
        if count == 0 {
            return Err(io::Error::other("the connection was closed without an answer"));
        }
        if line.len() > LONGEST_LINE {
            return Ok(line);
        }
    }
}

async fn read_on(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut total = 0;
    while total < MOST_READ {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        total += count;
    }
    Ok(())
}

fn judge(line: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split_ascii_whitespace();
    let version = words.next().unwrap_or_default();
    match words.next().and_then(|code| code.parse::<u16>().ok()) {
        Some(code) if version.starts_with("HTTP/1.") => {
            Answer { success: (200..400).contains(&code), text: format!("HTTP {code}") }
        }
        _ => Answer::no("the answer is no HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_status_counts() {
        for (line, success, text) in [
            (&b"HTTP/1.1 200 OK\r"[..], true, "HTTP 200"),
            (b"HTTP/1.0 302 Found", true, "HTTP 302"),
            (b"HTTP/1.1 404", false, "HTTP 404"),
            (b"HTTP/1.1 503 Service Unavailable\r", false, "HTTP 503"),
            (b"SSH-2.0-OpenSSH_9.6", false, "the answer is no HTTP"),
            (b"", false, "the answer is no HTTP"),
            (b"HTTP/1.1 \xff\xff", false, "the answer is no HTTP"),
        ] {
            assert_eq!(judge(line), Answer { success, text: text.into() });
        }
    }

    #[test]
    fn a_request_has_what_it_needs_and_nothing_that_breaks_it() {
        let headers = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let plain = request("::1", 80, "/up?x=1", &BTreeMap::new()).unwrap();
        assert!(plain.starts_with("GET /up?x=1 HTTP/1.1\r\nHost: [::1]:80\r\n") && plain.ends_with("\r\n\r\n"));
        let named = request("h", 80, "/", &headers("host", "example.org")).unwrap();
        assert!(named.contains("host: example.org\r\n") && !named.contains("Host: h"), "{named}");
        assert_eq!(request("h", 80, "/ HTTP/1.1\r\nX: y", &BTreeMap::new()), None);
        assert_eq!(request("h", 80, "/", &headers("X", "a\r\nY: b")), None);
        assert_eq!(request("h", 80, "/", &headers("X:", "a")), None);
    }
}
