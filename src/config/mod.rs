//! Application files and flags into [`AppSpec`](crate::domain::AppSpec)s.
