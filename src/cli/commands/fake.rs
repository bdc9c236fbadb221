//! A daemon for tests: a list that answers, and a record of what was asked.

use crate::api::request::Existing;
use crate::api::{
    ApiError, Backend, Boxed, BusItem, BusQuery, Code, DaemonInfo, Event, Host, LogItem, LogQuery, Process,
    ProcessDetail, Request, Response, SaveReport, Start, Stream,
};
use crate::cli::args::{self, Parsed};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::link::Link;
use crate::cli::order::Order;
use crate::cli::render::Screen;
use crate::cli::render::detail::tests::detail;
use crate::cli::session::Session;
use crate::domain::selector::Candidate;
use crate::domain::{Selector, Status};
use bytes::Bytes;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

#[derive(Default)]
pub(super) struct Fake {
    pub(super) details: Mutex<Vec<ProcessDetail>>,
    pub(super) logs: Vec<Vec<LogItem>>,
    pub(super) asked: Mutex<Vec<Request>>,
    /// What `ping` finds, one after the other; the last one stays.
    pub(super) pings: Mutex<Vec<DaemonInfo>>,
    /// Why an update is refused.
    pub(super) refusal: Option<ApiError>,
    /// No daemon runs until something launches it.
    pub(super) absent: bool,
}

impl Fake {
    pub(super) fn with(processes: &[(u32, &str, Status)]) -> Self {
        let details = processes.iter().map(|(id, name, status)| detail(*id, name, *status)).collect();
        Self { details: Mutex::new(details), ..Self::default() }
    }

    /// What was asked that changes something.
    pub(super) fn changes(&self) -> Vec<Request> {
        self.asked.lock().unwrap().iter().filter(|request| request.changes_something()).cloned().collect()
    }

    /// Carries out a command line.
    pub(super) fn run(&self, line: &str) -> Ran {
        let words = shell_words::split(line).unwrap();
        let words = std::iter::once("rpm".into()).chain(words.into_iter().map(Into::into));
        let Parsed::Run(global, command) = args::parse(words) else { panic!("{line}") };
        let (out, err) = (Sink::default(), Sink::default());
        let screen = Screen::captured(Box::new(out.clone()), Box::new(err.clone()), global.silent, global.json);
        let order = match Order::parse(global.sort.as_deref()) {
            Ok(order) => order,
            Err(failure) => return Ran { result: Err(failure), out: out.text(), err: err.text() },
        };
        let mut session = Session::new(self, screen, global.mini_list).sorted(order);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let result = runtime.block_on(super::run(&mut session, command));
        Ran { result, out: out.text(), err: err.text() }
    }

    fn select(&self, selector: &Selector) -> Vec<ProcessDetail> {
        let details = self.details.lock().unwrap();
        let candidates: Vec<_> = details
            .iter()
            .map(|detail| Candidate {
                id: detail.process.id,
                name: &detail.process.name,
                namespace: &detail.process.namespace,
                script: &detail.spec.program.path,
            })
            .collect();
        let ids = selector.select(&candidates).unwrap();
        details.iter().filter(|detail| ids.contains(&detail.process.id)).cloned().collect()
    }

    fn set(&self, selector: &Selector, status: Status) -> Result<Vec<Process>, ApiError> {
        let meant = self.select(selector);
        if meant.is_empty() {
            return Err(ApiError::new(Code::NotFound, format!("nothing is called {}", selector.text)));
        }
        let mut details = self.details.lock().unwrap();
        let mut acted = Vec::new();
        for detail in details.iter_mut().filter(|known| meant.iter().any(|one| one.process.id == known.process.id)) {
            detail.process.status = status;
            acted.push(detail.process.clone());
        }
        Ok(acted)
    }

    fn start(&self, start: &Start) -> Vec<Process> {
        let mut details = self.details.lock().unwrap();
        let mut acted = Vec::new();
        for spec in &start.apps {
            if !details.iter().any(|known| known.process.name == spec.name) {
                let id = details.iter().map(|known| known.process.id.0 + 1).max().unwrap_or(0);
                details.push(detail(id, &spec.name, Status::Online));
            }
            for known in details.iter_mut().filter(|known| known.process.name == spec.name) {
                known.spec = spec.clone();
                acted.push(known.process.clone());
            }
        }
        acted
    }

    fn ping(&self) -> DaemonInfo {
        let mut pings = self.pings.lock().unwrap();
        if pings.len() > 1 { pings.remove(0) } else { pings.first().cloned().unwrap_or_else(info) }
    }

    fn answer(&self, request: &Request) -> Result<Response, ApiError> {
        let processes = |details: Vec<ProcessDetail>| details.into_iter().map(|detail| detail.process).collect();
        Ok(match request {
            Request::List { selector } => Response::Processes(processes(self.select(selector))),
            Request::Specs { selector } => Response::Specs(
                self.select(selector).into_iter().map(|detail| (detail.process.id, detail.spec)).collect(),
            ),
            Request::Describe { selector } => match self.select(selector) {
                none if none.is_empty() && selector.text == "daemon" => {
                    return Err(ApiError::new(Code::NotFound, "nothing is called daemon"));
                }
                details => Response::Details(details),
            },
            Request::Start(start) => Response::Processes(self.start(start)),
            Request::Run { selector } => Response::Processes(self.set(selector, Status::Online)?),
            Request::Jobs { .. } => Response::Jobs(Vec::new()),
            Request::Stop { selector, .. } => Response::Processes(self.set(selector, Status::Stopped)?),
            Request::Restart { selector, .. } | Request::Reload { selector, .. } => {
                Response::Processes(self.set(selector, Status::Online)?)
            }
            Request::Delete { selector, .. } => {
                let gone = self.set(selector, Status::Stopped)?;
                self.details.lock().unwrap().retain(|known| !gone.iter().any(|one| one.id == known.process.id));
                Response::Processes(gone)
            }
            Request::Ping => Response::Daemon(self.ping()),
            Request::Update { .. } => match &self.refusal {
                None => Response::Updating { generation: 1 },
                Some(error) => return Err(error.clone()),
            },
            Request::Reset { selector }
            | Request::Monitor { selector, .. }
            | Request::Hurry { selector }
            | Request::Signal { selector, .. }
            | Request::Send { selector, .. }
            | Request::Message { selector, .. }
            | Request::Flush { selector: Some(selector) } => {
                let meant = self.select(selector);
                if meant.is_empty() {
                    return Err(ApiError::new(Code::NotFound, format!("nothing is called {}", selector.text)));
                }
                Response::Processes(processes(meant))
            }
            Request::Rename { name, .. } => Response::Processes(self.set(&Selector::new(name), Status::Online)?),
            Request::Scale { .. } | Request::Flush { selector: None } | Request::ReopenLogs | Request::Kill { .. } => {
                Response::Done
            }
            Request::Trigger { .. } => Response::Replies(Vec::new()),
            Request::Pm2List => Response::Pm2(
                self.details
                    .lock()
                    .unwrap()
                    .iter()
                    .map(|detail| {
                        let process = &detail.process;
                        serde_json::json!({ "pm_id": process.id, "pm2_env": { "name": process.name, "namespace": "default", "node_version": "20.20.2" } })
                    })
                    .collect(),
            ),
            Request::Host => Response::Host(Host {
                cpu: 12.4,
                cores: 8,
                memory_used: 1 << 30,
                memory_total: 4 << 30,
                load: [0.5, 0.25, 1.0],
                uptime: 3 * 86_400,
                ..Host::default()
            }),
            Request::Save { .. } | Request::ClearSaved => Response::Saved(SaveReport {
                file: "/h/dump.pm2".into(),
                apps: 1,
                processes: 1,
                written: !self.details.lock().unwrap().is_empty(),
            }),
            Request::Wake | Request::ResurrectLast => Response::Processes(Vec::new()),
            Request::Resurrect { apps } => {
                let apps = apps.iter().map(|app| app.spec.clone()).collect();
                Response::Processes(self.start(&Start { apps, existing: Existing::Keep, force: false, parallel: None }))
            }
            Request::Shutdown => unreachable!("not asked into a pipe"),
        })
    }
}

/// The first daemon of a home.
pub(super) fn info() -> DaemonInfo {
    DaemonInfo {
        version: "0".into(),
        api: 1,
        pid: 7,
        home: "/h".into(),
        started_at: 0,
        processes: 0,
        generation: 1,
        guardian: None,
        last_death: None,
        last_update: None,
        lost_connections: 0,
    }
}

impl Backend for Fake {
    fn request(&self, request: Request) -> Boxed<'_, Response> {
        let answer = self.answer(&request);
        self.asked.lock().unwrap().push(request);
        Box::pin(async { answer })
    }

    fn logs(&self, _: LogQuery) -> Boxed<'_, Stream<Vec<LogItem>>> {
        let (sender, receiver) = mpsc::channel(self.logs.len().max(1));
        self.logs.iter().for_each(|batch| sender.try_send(Ok(batch.clone())).unwrap());
        Box::pin(async { Ok(receiver) })
    }

    fn bus(&self, _: BusQuery) -> Boxed<'_, Stream<Vec<BusItem>>> {
        Box::pin(async { Ok(mpsc::channel(1).1) })
    }

    fn events(&self) -> Boxed<'_, Stream<Event>> {
        Box::pin(async { Ok(mpsc::channel(1).1) })
    }
}

impl Link for Fake {
    fn request_running(&self, request: Request) -> Boxed<'_, Option<Response>> {
        if self.absent {
            return Box::pin(async { Ok(None) });
        }
        Box::pin(async { self.request(request).await.map(Some) })
    }

    fn raw_pm2_list(&self) -> Boxed<'_, Bytes> {
        Box::pin(async { Ok(Bytes::from_static(b"[{\"pm_id\":0}]")) })
    }
}

pub(super) struct Ran {
    result: Result<Exit, Failure>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    /// What it printed, having succeeded.
    #[track_caller]
    pub(super) fn succeeded(self) -> String {
        assert_eq!(self.result, Ok(Exit::Success), "{}", self.err);
        self.out
    }

    /// Whether it went on to its end, and says that something failed.
    pub(super) fn told_failure(&self) -> bool {
        self.result == Ok(Exit::Failure)
    }

    /// Why it failed.
    #[track_caller]
    pub(super) fn failed(self) -> (String, Option<String>) {
        match self.result {
            Err(Failure::Told { message, hint }) => (message, hint),
            other => panic!("{other:?}\n{}", self.out),
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
