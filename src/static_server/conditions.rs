//! What a client has already: entity tags, times, and what they come to (RFC 9110, 13).

use super::variant::Coding;
use hyper::HeaderMap;
use hyper::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use std::fs::Metadata;
use std::time::{Duration, SystemTime};

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// In quotes.
    pub(super) tag: String,
    /// The same in meaning, not in each byte: it is compressed as it is sent.
    pub(super) weak: bool,
    /// In whole seconds, as dates of HTTP are.
    pub(super) modified: Option<SystemTime>,
}

impl Version {
    pub(super) fn of(file: &Metadata, coding: Option<Coding>) -> Self {
        let since = file.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanoseconds = since.map_or(0, |since| since.as_nanos());
        let suffix = coding.map_or(String::new(), |coding| format!("-{}", coding.name()));
        Self {
            tag: format!("\"{:x}-{nanoseconds:x}{suffix}\"", file.len()),
            weak: false,
            modified: since.map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())),
        }
    }

    /// What is compressed by us, whenever it is sent.
    pub(super) fn compressed(file: &Metadata) -> Self {
        Self { weak: true, ..Self::of(file, Some(Coding::Gzip)) }
    }

    /// As it is sent.
    pub(super) fn tag_sent(&self) -> String {
        if self.weak { format!("W/{}", self.tag) } else { self.tag.clone() }
    }
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is to be sent.
    Send,
    /// 304: they have it.
    Unchanged,
    /// 412: it isn't what they expect.
    Changed,
}

pub(super) fn judge(headers: &HeaderMap, version: &Version) -> Judged {
    if let Some(tags) = text(headers, &IF_MATCH) {
        if !has(&tags, version, Comparison::Strong) {
            return Judged::Changed;
        }
    } else if let (Some(time), Some(modified)) = (date(headers, &IF_UNMODIFIED_SINCE), version.modified)
        && modified > time
    {
        return Judged::Changed;
    }
    if let Some(tags) = text(headers, &IF_NONE_MATCH) {
        return if has(&tags, version, Comparison::Weak) { Judged::Unchanged } else { Judged::Send };
    }
    match (date(headers, &IF_MODIFIED_SINCE), version.modified) {
        (Some(time), Some(modified)) if modified <= time => Judged::Unchanged,
        _ => Judged::Send,
    }
}

/// Whether a part may be sent: what they have of it is of this version.
pub(super) fn is_same(headers: &HeaderMap, version: &Version) -> bool {
    match text(headers, &IF_RANGE) {
        None => true,
        Some(condition) if condition.contains('"') => !version.weak && condition.trim() == version.tag,
        Some(condition) => httpdate::parse_http_date(&condition).ok() == version.modified && version.modified.is_some(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Weak,
    Strong,
}

/// Whether the list has the tag. Ours have no commas in them.
fn has(list: &str, version: &Version, comparison: Comparison) -> bool {
    list.split(',').map(str::trim).any(|one| match one.strip_prefix("W/") {
        Some(weak) => comparison == Comparison::Weak && weak == version.tag,
        None => one == "*" || (one == version.tag && (comparison == Comparison::Weak || !version.weak)),
    })
}

/// All values of a header, one after the other; `None` where it is absent.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(&text(headers, name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a-b\"";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn version() -> Version {
        Version { tag: TAG.into(), weak: false, modified: Some(httpdate::parse_http_date(THEN).unwrap()) }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn what_they_have_is_not_sent_again() {
        for (pairs, expected) in [
            (&[][..], Judged::Send),
            (&[(IF_NONE_MATCH, TAG)], Judged::Unchanged),
            (&[(IF_NONE_MATCH, "\"x\", W/\"a-b\"")], Judged::Unchanged),
            (&[(IF_NONE_MATCH, "*")], Judged::Unchanged),
            (&[(IF_NONE_MATCH, "\"x\"")], Judged::Send),
            (&[(IF_MODIFIED_SINCE, THEN)], Judged::Unchanged),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Judged::Send),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Judged::Send),
            // The tag says more than the time.
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, THEN)], Judged::Send),
            (&[(IF_MATCH, TAG)], Judged::Send),
            (&[(IF_MATCH, "W/\"a-b\"")], Judged::Changed),
            (&[(IF_MATCH, "\"x\"")], Judged::Changed),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Judged::Changed),
            (&[(IF_UNMODIFIED_SINCE, THEN)], Judged::Send),
        ] {
            assert_eq!(judge(&headers(pairs), &version()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn what_we_have_compressed_is_the_same_in_meaning_alone() {
        let weak = Version { weak: true, ..version() };
        assert_eq!(weak.tag_sent(), "W/\"a-b\"");
        for (pairs, expected) in [
            (&[(IF_NONE_MATCH, "W/\"a-b\"")][..], Judged::Unchanged),
            (&[(IF_NONE_MATCH, TAG)], Judged::Unchanged),
            (&[(IF_MATCH, TAG)], Judged::Changed),
            (&[(IF_MATCH, "W/\"a-b\"")], Judged::Changed),
            (&[(IF_MATCH, "*")], Judged::Send),
        ] {
            assert_eq!(judge(&headers(pairs), &weak), expected, "{pairs:?}");
        }
        assert!(!is_same(&headers(&[(IF_RANGE, TAG)]), &weak));
    }

    #[test]
    fn a_part_is_of_the_same_version() {
        for (value, expected) in
            [(TAG, true), (THEN, true), ("\"x\"", false), (BEFORE, false), ("W/\"a-b\"", false), ("x", false)]
        {
            assert_eq!(is_same(&headers(&[(IF_RANGE, value)]), &version()), expected, "{value}");
        }
        assert!(is_same(&HeaderMap::new(), &version()));
    }
}
