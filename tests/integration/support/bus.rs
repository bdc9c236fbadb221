//! Somebody who listens to the bus.

use super::home::Home;
use super::wait::eventually;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

/// Hears from when it is made until it is dropped.
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    stream: UnixStream,
}

impl Listener {
    /// To PM2's packets of these topics; none are all.
    pub(crate) fn of_pm2(home: &Home, topics: &[&str]) -> Self {
        Self::new(home, &json!({ "topics": topics, "shape": "pm2" }))
    }

    pub(crate) fn new(home: &Home, query: &Value) -> Self {
        let heard: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (stream, reader) = Self::open(home, query);
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let Some(items) = line.strip_prefix("data: ") else { continue };
                let items: Vec<Value> = serde_json::from_str(items).unwrap();
                into.lock().unwrap().extend(items.iter().map(|item| match item.get("packet") {
                    Some(packet) => (packet["topic"].as_str().unwrap().to_owned(), packet["packet"].clone()),
                    None => ("dropped".to_owned(), item["dropped"].clone()),
                }));
            }
        });
        Self { heard, stream }
    }

    /// One that has asked, and reads nothing yet.
    pub(crate) fn open(home: &Home, query: &Value) -> (UnixStream, BufReader<UnixStream>) {
        let mut stream = UnixStream::connect(home.root().join("rpm.sock")).unwrap();
        let body = query.to_string();
        write!(stream, "POST /v1/bus HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains("200"), "{line}");
        (stream, reader)
    }

    /// All that was heard so far: topics and packets.
    pub(crate) fn heard(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits for the first packet of a topic for which `wanted` holds.
    #[track_caller]
    pub(crate) fn wait(&self, topic: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{topic} is heard, after {:?}", self.topics()), || {
            self.heard().into_iter().find(|(heard, packet)| heard == topic && wanted(packet)).map(|(_, packet)| packet)
        })
    }

    fn topics(&self) -> Vec<String> {
        self.heard().into_iter().map(|(topic, _)| topic).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The daemon may have ended it first.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
