//! `serve`, `static` sections and `script: "serve"`: files over HTTP, and nothing but them.

use crate::support::{Home, Load, Program, Signal, eventually, is_alive, signal};
use rpm_native::domain::Status;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::time::Duration;

/// An answer with its headers.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The first line, and headers, as they are.
fn ask(port: u16, request: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = connect(port);
    let lines = headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n");
    write!(stream, "{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{lines}\r\n").unwrap();
    answer(&mut BufReader::new(stream), request.starts_with("HEAD"))
}

fn answer(stream: &mut impl BufRead, is_head: bool) -> Answer {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    let length: u64 = answer.header("content-length").parse().unwrap_or(0);
    if !is_head {
        stream.take(length).read_to_end(&mut answer.body).unwrap();
        assert_eq!(answer.body.len() as u64, length);
    }
    answer
}

/// The port behind the first address that an app listens on.
fn port(home: &Home, name: &str) -> u16 {
    let described = home.describe(name);
    let address = described[0]["listens"][0].as_str().unwrap_or_else(|| panic!("{described}"));
    address.rsplit(':').next().unwrap().parse().unwrap()
}

/// A site with a bit of everything.
fn site(home: &Home) {
    for (name, text) in [
        ("www/index.html", "<h1>home</h1>"),
        ("www/app.js", "let a = 1"),
        ("www/app.js.br", "brotli"),
        ("www/app.js.gz", "gzip"),
        ("www/ten.txt", "0123456789"),
        ("www/empty", ""),
        ("www/.env", "SECRET"),
        ("www/.well-known/acme", "token"),
        ("www/sub/index.html", "sub"),
        ("www/list/<b>&.txt", "x"),
        ("www/list/a b", "y"),
        ("outside", "SECRET"),
    ] {
        home.write(name, text);
    }
    symlink("../outside", home.work().join("www/leak")).unwrap();
    symlink("ten.txt", home.work().join("www/inside")).unwrap();
}

fn serve(home: &Home, more: &[&str]) -> u16 {
    home.rpm(["serve", "www", "0", "--host", "127.0.0.1", "--name", "site"].into_iter().chain(more.iter().copied()))
        .ok();
    port(home, "site")
}

#[test]
fn requests_and_their_answers() {
    let home = Home::new();
    site(&home);
    let port = serve(&home, &["--ftp"]);
    let table = [
        ("GET /", 200, "<h1>home</h1>"),
        ("GET /ten.txt", 200, "0123456789"),
        ("GET /ten.txt?x=1", 200, "0123456789"),
        ("GET /inside", 200, "0123456789"),
        ("GET /empty", 200, ""),
        ("GET /sub/", 200, "sub"),
        ("GET /sub", 301, "301 Moved Permanently"),
        ("GET /.well-known/acme", 200, "token"),
        ("GET /ten.txt/", 404, "404 Not Found"),
        ("GET /none", 404, "404 Not Found"),
        ("GET /.env", 404, "404 Not Found"),
        ("GET /%2eenv", 404, "404 Not Found"),
        ("GET /leak", 403, "403 Forbidden"),
        ("GET /../outside", 403, "403 Forbidden"),
        ("GET /sub/../../outside", 403, "403 Forbidden"),
        ("GET /%2e%2e/outside", 403, "403 Forbidden"),
        ("GET /..%2foutside", 403, "403 Forbidden"),
        ("GET //../outside", 403, "403 Forbidden"),
        ("GET /ten%00.txt", 400, "400 Bad Request"),
        ("GET /%zz", 400, "400 Bad Request"),
        ("POST /", 405, "405 Method Not Allowed"),
        ("DELETE /ten.txt", 405, "405 Method Not Allowed"),
    ];
    for (request, status, text) in table {
        let answer = ask(port, request, &[]);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{request}");
        assert!(!answer.text().contains("SECRET"), "{request}");
    }
    assert_eq!(ask(port, "GET /sub", &[]).header("location"), "/sub/");
    assert_eq!(ask(port, "GET /sub?a=b", &[]).header("location"), "/sub/?a=b");
    assert_eq!(ask(port, "GET //list//", &[]).status, 200);
    let list = ask(port, "GET /list/", &[]).text();
    assert!(
        list.contains("&lt;b&gt;&amp;.txt") && !list.contains("<b>") && list.contains("href=\"./a%20b\""),
        "{list}"
    );
    let head = ask(port, "HEAD /ten.txt", &[]);
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(ask(port, "OPTIONS /", &[]).header("allow"), "GET, HEAD, OPTIONS");
    for (path, kind) in [("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8")] {
        assert_eq!(ask(port, &format!("GET {path}"), &[]).header("content-type"), kind);
    }
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let home = Home::new();
    site(&home);
    let port = serve(&home, &[]);
    let first = ask(port, "GET /ten.txt", &[]);
    let (tag, modified) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    assert!(tag.len() > 2 && modified.ends_with("GMT"), "{tag} {modified}");
    for condition in [("If-None-Match", &tag), ("If-Modified-Since", &modified)] {
        let again = ask(port, "GET /ten.txt", &[(condition.0, condition.1)]);
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    }
    assert_eq!(ask(port, "GET /ten.txt", &[("If-Match", "\"other\"")]).status, 412);
    home.write("www/ten.txt", "something else");
    let changed = ask(port, "GET /ten.txt", &[("If-None-Match", &tag)]);
    assert_eq!((changed.status, changed.text().as_str()), (200, "something else"));
}

#[test]
fn parts_and_compressed_files() {
    let home = Home::new();
    site(&home);
    let port = serve(&home, &[]);
    for (range, status, text, told) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=8-99", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, "416 Range Not Satisfiable", "bytes */10"),
        ("bytes=0-,0-", 200, "0123456789", ""),
        ("bytes=20-,30-", 416, "416 Range Not Satisfiable", "bytes */10"),
        ("bytes=x", 200, "0123456789", ""),
    ] {
        let answer = ask(port, "GET /ten.txt", &[("Range", range)]);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{range}");
        assert_eq!(answer.header("content-range"), told, "{range}");
    }
    let stale = ask(port, "GET /ten.txt", &[("Range", "bytes=2-4"), ("If-Range", "\"other\"")]);
    assert_eq!((stale.status, stale.body.len()), (200, 10));
    for (accepted, coding, text) in
        [("gzip, br", "br", "brotli"), ("gzip", "gzip", "gzip"), ("br;q=0", "", "let a = 1"), ("", "", "let a = 1")]
    {
        let answer = ask(port, "GET /app.js", &[("Accept-Encoding", accepted)]);
        assert_eq!((answer.header("content-encoding"), answer.text().as_str()), (coding, text), "{accepted}");
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    }
    let part = ask(port, "GET /app.js", &[("Accept-Encoding", "br"), ("Range", "bytes=0-2")]);
    assert_eq!((part.status, part.text().as_str(), part.header("content-encoding")), (206, "let", ""));
}

#[test]
fn several_parts_come_in_one_answer() {
    let home = Home::new();
    site(&home);
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    home.write("www/big", &bytes);
    let port = serve(&home, &[]);
    let some = ask(port, "GET /big", &[("Range", "bytes=300000-, 1-2")]);
    let boundary = some.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
    let head = |range: &str| {
        format!("\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: {range}\r\n\r\n")
    };
    let mut expected = head("bytes 300000-399999/400000").into_bytes();
    expected.extend(&bytes[300_000..]);
    expected.extend(head("bytes 1-2/400000").into_bytes());
    expected.extend(&bytes[1..3]);
    expected.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert!(some.status == 206 && some.body == expected, "the parts differ");
    assert!(some.header("content-range").is_empty() && some.header("etag").starts_with('"'));
    let flood = format!("bytes={}", ["1-2"; 100].join(","));
    let whole = ask(port, "GET /big", &[("Range", &flood)]);
    assert!(whole.status == 200 && whole.body == bytes, "a flood of parts is answered by the file");
}

#[test]
fn what_is_text_is_compressed_for_who_takes_it() {
    let home = Home::new();
    site(&home);
    let text = "all work and no play\n".repeat(500);
    home.write("www/page.html", &text);
    home.write("www/page.png", &text);
    home.write("www/huge.txt", text.repeat(120));
    let port = serve(&home, &[]);
    let gzip = &[("Accept-Encoding", "br, gzip")];
    let pressed = ask(port, "GET /page.html", gzip);
    assert_eq!((pressed.status, pressed.header("content-encoding")), (200, "gzip"));
    assert_eq!(
        (pressed.header("vary"), pressed.header("content-type")),
        ("Accept-Encoding", "text/html; charset=utf-8")
    );
    assert!(pressed.body.len() < text.len() / 10 && pressed.body.starts_with(&[0x1f, 0x8b]));
    home.write("pressed.gz", &pressed.body);
    let plain = Program::new("gzip").args(["-dc", "pressed.gz"]).cwd(&home.work()).run();
    assert_eq!(plain.ok().text(), text);
    let tag = pressed.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let again = ask(port, "GET /page.html", &[gzip[0], ("If-None-Match", &tag)]);
    assert_eq!((again.status, again.header("etag"), again.header("vary")), (304, tag.as_str(), "Accept-Encoding"));
    let head = ask(port, "HEAD /page.html", gzip);
    assert_eq!(head.header("content-length"), pressed.body.len().to_string());
    for (path, headers) in
        [("/page.html", &[("Accept-Encoding", "br")][..]), ("/page.png", gzip), ("/huge.txt", gzip), ("/ten.txt", gzip)]
    {
        let as_it_is = ask(port, &format!("GET {path}"), headers);
        assert_eq!((as_it_is.status, as_it_is.header("content-encoding")), (200, ""), "{path}");
        assert_eq!(as_it_is.header("vary") == "Accept-Encoding", path == "/page.html", "{path}");
    }
    let part = ask(port, "GET /page.html", &[gzip[0], ("Range", "bytes=0-2")]);
    assert_eq!((part.status, part.text().as_str(), part.header("content-encoding")), (206, "all", ""));
}

#[test]
fn a_part_of_a_large_file_is_the_right_one() {
    let home = Home::new();
    site(&home);
    // Larger than what is read at once, and no two blocks of it are alike.
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    home.write("www/big", &bytes);
    let port = serve(&home, &[]);
    let (first, last) = (1_234_567, 9_876_543);
    let part = ask(port, "GET /big", &[("Range", &format!("bytes={first}-{last}"))]);
    assert_eq!(part.status, 206);
    assert!(part.body == bytes[first..=last], "the part differs");
    assert!(ask(port, "GET /big", &[]).body == bytes, "the whole differs");
}

#[test]
fn an_application_in_one_page_and_a_page_for_what_is_missing() {
    let home = Home::new();
    site(&home);
    let port = serve(&home, &["--spa"]);
    for (path, text) in [("/some/route", "<h1>home</h1>"), ("/deep/er/ten.txt", "0123456789"), ("/sub/", "sub")] {
        let answer = ask(port, &format!("GET {path}"), &[]);
        assert_eq!((answer.status, answer.text().as_str()), (200, text), "{path}");
    }
    assert_eq!(ask(port, "GET /.env", &[]).status, 404);
    assert_eq!(ask(port, "GET /leak", &[]).status, 403);
    home.write("www/404.html", "<p>lost");
    let missing = ask(port, "GET /.git/config", &[]);
    assert_eq!((missing.status, missing.text().as_str()), (404, "<p>lost"));
    assert_eq!(missing.header("content-type"), "text/html; charset=utf-8");
}

#[test]
fn only_who_knows_the_words_and_nobody_sees_them() {
    let home = Home::new().env("RPM_SERVE_BASIC_AUTH_USERNAME", "me").env("RPM_SERVE_BASIC_AUTH_PASSWORD", "hunter2");
    site(&home);
    let port = serve(&home, &[]);
    // me:hunter2, me:hunter3
    let cases = [
        ("", 401),
        ("Basic bWU6aHVudGVyMg==", 200),
        ("Basic bWU6aHVudGVyMw==", 401),
        ("Bearer x", 401),
        ("Basic", 401),
    ];
    for (authorization, status) in cases {
        let answer = ask(port, "GET /ten.txt", &[("Authorization", authorization)]);
        assert_eq!(answer.status, status, "{authorization}");
        assert_eq!(answer.header("www-authenticate").starts_with("Basic realm="), status == 401);
    }
    assert_eq!(ask(port, "GET /none", &[]).status, 401, "what isn't there is nobody's business either");
    let line = fs::read(format!("/proc/{}/cmdline", home.pid("site"))).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains("hunter2"));
    for told in [home.rpm(["describe", "site", "--json"]), home.rpm(["env", "site"]), home.rpm(["jlist"])] {
        assert!(!told.ok().text().contains("hunter2"));
    }
    assert!(!home.rpm(["logs", "site", "--nostream"]).ok().text().contains("hunter2"));
}

#[test]
fn sites_of_application_files() {
    let home = Home::new();
    site(&home);
    let apps = json!({
        "apps": [{"name": "other", "script": "serve", "env": {"PM2_SERVE_PATH": "www/sub", "PM2_SERVE_PORT": "0"}}],
        "static": [{"path": "www", "port": 0, "ftp": true, "instances": 2}],
    });
    home.write("eco.json", apps.to_string());
    home.rpm(["start", "eco.json"]).ok();
    assert_eq!(ask(port(&home, "other"), "GET /", &[]).text(), "sub");
    let port = port(&home, "static-page-server-0");
    assert_eq!(ask(port, "GET /ten.txt", &[]).status, 200);
    assert_eq!(ask(port, "GET /list/", &[]).status, 200);
    let processes = home.named("static-page-server-0");
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| process.status == Status::Online && process.mode == "fork"));
}

#[test]
fn what_cannot_be_served_is_refused_at_once() {
    let home = Home::new();
    home.rpm(["serve", "nowhere"]).fails(&["there is no directory", "nowhere"]);
    home.rpm(["serve", ".", "--host", "example.com"]).fails(&["RPM_SERVE_HOST", "an address of this machine"]);
    home.rpm(["serve", ".", "99999"]).fails(&["99999"]);
    let open = home.command(["serve", "."]).env("RPM_SERVE_BASIC_AUTH", "true").run();
    open.fails(&["RPM_SERVE_BASIC_AUTH_USERNAME"]);
    assert!(home.list().is_empty());
}

#[test]
fn a_reload_and_a_stop_finish_what_was_begun() {
    let home = Home::new();
    site(&home);
    let port = serve(&home, &[]);
    let load = Load::of_new_connections(port, 3);
    for _ in 0..3 {
        let (before, answered) = (home.pid("site"), load.answered());
        home.rpm(["reload", "site"]).ok();
        assert!(!is_alive(before));
        eventually("the new one answers", || (load.answered() > answered + 20).then_some(()));
    }
    load.end().all_answered();
    // A request that is under way when it is asked to end.
    let pid = home.pid("site");
    let mut stream = connect(port);
    stream.write_all(b"GET /ten.txt HTTP/1.1\r\nHost: test\r\n").unwrap();
    let mut idle = connect(port);
    idle.write_all(b"GET /ten.txt HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut idle = BufReader::new(idle);
    assert_eq!(answer(&mut idle, false).status, 200);
    signal(pid, Signal::SIGTERM);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "an idle connection is closed");
    stream.write_all(b"Connection: close\r\n\r\n").unwrap();
    assert_eq!(answer(&mut BufReader::new(&stream), false).status, 200);
    stream.shutdown(Shutdown::Both).unwrap();
    eventually("it has ended", || (!is_alive(pid)).then_some(()));
    home.wait_until("site", |process| process.status == Status::Online && process.pid != Some(pid));
}
