use super::*;
use crate::domain::spec::Check;
use crate::probe::ask::ask;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

fn around() -> Surroundings {
    let env = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
    Surroundings { env, cwd: "/".into(), ids: None, open_files: 1024, door: None }
}

fn probe(check: Check) -> Probe {
    Probe { timeout: 5000, ..Probe::of(check) }
}

fn http(port: u16, path: &str) -> Check {
    Check::Http { host: "127.0.0.1".into(), port, path: path.into(), headers: BTreeMap::new() }
}

fn exec(line: &str) -> Check {
    Check::Exec { command: ["sh", "-c", line].map(str::to_owned).into() }
}

async fn answer(probe: &Probe) -> (bool, String) {
    let answer = ask(probe, &around(), &Resolver::default()).await;
    (answer.success, answer.text)
}

/// Answers each request with these bytes, and tells the requests.
async fn server(reply: &'static [u8]) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel(8);
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            let _ = sender.send(String::from_utf8(buffer[..count].to_vec()).unwrap()).await;
            stream.write_all(reply).await.unwrap();
        }
    });
    (port, requests)
}

#[test]
fn http_is_judged_by_its_status() {
    run(async {
        let (port, mut requests) = server(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(answer(&probe(http(port, "/up"))).await, (true, "HTTP 204".into()));
        assert!(requests.recv().await.unwrap().starts_with("GET /up HTTP/1.1\r\n"));
        let (port, _requests) = server(b"HTTP/1.1 500 Oops\r\n\r\n").await;
        assert_eq!(answer(&probe(http(port, "/"))).await, (false, "HTTP 500".into()));
        let (port, _requests) = server(b"").await;
        assert!(!answer(&probe(http(port, "/"))).await.0);
    });
}

#[test]
fn a_port_is_open_or_refused_and_a_name_is_looked_up() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let check = Check::Tcp { host: host.into(), port };
            assert_eq!(answer(&probe(check)).await, (true, "connected".into()), "{host}");
        }
        drop(listener);
        let refused = answer(&probe(Check::Tcp { host: "127.0.0.1".into(), port })).await;
        assert_eq!(refused, (false, "connection refused".into()));
        let unknown = answer(&probe(Check::Tcp { host: "no-such-host.invalid".into(), port })).await;
        assert!(!unknown.0 && unknown.1.contains("no-such-host.invalid"), "{unknown:?}");
    });
}

#[test]
fn who_does_not_answer_in_time_has_not_answered() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = Probe { timeout: 30, ..probe(http(port, "/")) };
        assert_eq!(answer(&silent).await, (false, "no answer within 30 ms".into()));
    });
}

#[test]
fn a_command_says_it_by_its_code_and_its_last_words() {
    run(async {
        assert_eq!(answer(&probe(exec("test $GREETING = hello"))).await, (true, "exit code 0".into()));
        let failed = answer(&probe(exec("echo one; echo two >&2; exit 3"))).await;
        assert_eq!(failed, (false, "exit code 3: two".into()));
        assert_eq!(answer(&probe(exec("kill -9 $$"))).await, (false, "ended by SIGKILL".into()));
        let long = answer(&probe(exec("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done"))).await;
        assert!(long.0, "much output is no obstacle: {long:?}");
        let missing = Check::Exec { command: vec!["no-such-program".into()] };
        assert_eq!(answer(&probe(missing)).await, (false, "no-such-program is not in its PATH".into()));
    });
}

/// What it has started goes with a command that is too slow, or leaves something behind.
#[test]
fn nothing_of_a_command_lives_after_it() {
    run(async {
        for (line, success) in [("sleep 1000 & echo $! > pid; wait", false), ("sleep 1000 & echo $! > pid", true)] {
            let directory = tempfile::tempdir().unwrap();
            let around = Surroundings { cwd: directory.path().to_owned(), ..around() };
            let slow = Probe { timeout: 1500, ..probe(exec(line)) };
            assert_eq!(ask(&slow, &around, &Resolver::default()).await.success, success, "{line}");
            let pid = std::fs::read_to_string(directory.path().join("pid")).unwrap();
            let stat = format!("/proc/{}/stat", pid.trim());
            let lives = || {
                let stat = std::fs::read_to_string(&stat).unwrap_or_default();
                Path::new(&format!("/proc/{}", pid.trim())).exists() && !stat.contains(") Z")
            };
            while lives() {
                tokio::task::yield_now().await;
            }
        }
    });
}

#[test]
fn verdicts_come_as_the_answers_change() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let flag = directory.path().join("up");
        let check = exec(&format!("test -e {}", flag.display()));
        let settings = Probe { period: 20, failure_threshold: 2, ..probe(check) };
        let probes = Probes { ready: Some(Box::new(settings)), ..Probes::default() };
        let health = Health::new(&probes, clock::boot_ms(), 1);
        let mut prober = Prober::begin(probes, health, around());
        let board = prober.board();
        while board.row(Kind::Ready).unwrap().last.is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(board.row(Kind::Ready).unwrap().passes, None);
        std::fs::write(&flag, "").unwrap();
        assert_eq!(prober.next().await.0, Verdict::Ready);
        assert_eq!(board.row(Kind::Ready).unwrap().passes, Some(true));
        std::fs::remove_file(&flag).unwrap();
        let (verdict, answer) = prober.next().await;
        assert_eq!((verdict, answer.text.as_str()), (Verdict::NotReady, "exit code 1"));
        let row = board.row(Kind::Ready).unwrap();
        assert!(row.passes == Some(false) && row.failures >= 2, "{row:?}");
    });
}
