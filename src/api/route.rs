//! Where requests live in HTTP. All answers are JSON; the three streams are server-sent events.

/// `POST`: a [`Request`](super::Request) in, a [`Response`](super::Response) or an [`ApiError`](super::ApiError) out.
pub const REQUEST: &str = "/v1/request";
/// `GET`: the list of processes, for people with `curl`.
pub const PROCESSES: &str = "/v1/processes";
/// `GET`: PM2's `jlist`, for dashboards.
pub const PM2_PROCESSES: &str = "/v1/pm2/processes";
/// `GET`: who answers.
pub const DAEMON: &str = "/v1/daemon";
/// `POST`: a [`LogQuery`](super::LogQuery) in, events of [`LogItem`](super::LogItem) arrays out.
pub const LOGS: &str = "/v1/logs";
/// `POST`: a [`BusQuery`](super::BusQuery) in, events of [`BusItem`](super::BusItem) arrays out.
pub const BUS: &str = "/v1/bus";
/// `GET`: events of [`Event`](super::Event).
pub const EVENTS: &str = "/v1/events";

/// Header of every answer: the version of the program that gives it.
pub const VERSION: &str = "rpm-version";
/// Header of requests and answers: [`API_MAJOR`](super::API_MAJOR) of who sends it.
pub const API: &str = "rpm-api";

/// Header of a changing request: the same key is carried out once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
