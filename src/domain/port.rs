//! An address that somebody else has: what programs say of it when they end, in whatever language.

/// What a program could not listen on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    Port(u16),
    /// A unix socket.
    Path(String),
    /// It didn't say.
    Something,
}

/// The last word about it in some lines.
pub fn taken<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Option<Taken> {
    let mut unnamed = None;
    for line in lines.rev() {
        match of_line(line) {
            Some(Taken::Something) => unnamed = Some(Taken::Something),
            Some(named) => return Some(named),
            None => {}
        }
    }
    unnamed
}

fn of_line(line: &str) -> Option<Taken> {
    let lower = line.to_ascii_lowercase();
    let says_so = ["eaddrinuse", "address already in use", "address in use", "addrinuse", "connection in use"];
    let in_so_many_words = says_so.iter().any(|words| lower.contains(words));
    let of_a_port = lower.contains("port ") && lower.contains(" in use");
    if !in_so_many_words && !of_a_port {
        return None;
    }
    // Node names a socket's path at the end of the line.
    if let Some((_, rest)) = line.split_once("EADDRINUSE")
        && let Some(path) = rest.split_whitespace().last().filter(|word| word.starts_with('/'))
    {
        return Some(Taken::Path(path.to_owned()));
    }
    match port(&lower) {
        Some(port) => Some(Taken::Port(port)),
        None => in_so_many_words.then_some(Taken::Something),
    }
}

/// The last number that stands where a port does: after a colon, after the word, after the host of a pair.
fn port(line: &str) -> Option<u16> {
    let mut found = None;
    let mut at = 0;
    while let Some(start) = line[at..].find(|c: char| c.is_ascii_digit()).map(|start| at + start) {
        let end = line[start..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |length| start + length);
        let before = &line[..start];
        let stands_so = [":", "port ", "port=", "', "].iter().any(|mark| before.ends_with(mark));
        let is_part = line[end..].starts_with('.') && line[end + 1..].starts_with(|c: char| c.is_ascii_digit());
        if stands_so && !is_part {
            found = line[start..end].parse().ok().filter(|port| *port != 0).or(found);
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_programs_say_it() {
        for (line, expected) in [
            ("Error: listen EADDRINUSE: address already in use :::3000", Some(Taken::Port(3000))),
            ("Error: listen EADDRINUSE: address already in use 127.0.0.1:8080", Some(Taken::Port(8080))),
            ("Error: bind EADDRINUSE null:3000", Some(Taken::Port(3000))),
            ("Error: listen EADDRINUSE: address already in use /run/x.sock", Some(Taken::Path("/run/x.sock".into()))),
            ("2026/11/23 10:20:30 listen tcp :8080: bind: address already in use", Some(Taken::Port(8080))),
            (
                "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
                Some(Taken::Port(8000)),
            ),
            (
                "Address already in use - bind(2) for \"127.0.0.1\" port 3000 (Errno::EADDRINUSE)",
                Some(Taken::Port(3000)),
            ),
            ("error: Failed to start server. Is port 3000 in use?", Some(Taken::Port(3000))),
            (" ⨯ Port 3001 is already in use", Some(Taken::Port(3001))),
            ("Error: Address already in use (os error 98)", Some(Taken::Something)),
            ("OSError: [Errno 98] Address already in use", Some(Taken::Something)),
            ("0.0.0.0:3000: Address already in use (os error 98)", Some(Taken::Port(3000))),
            ("the port of entry is in useful distance", None),
            ("Error: connect ECONNREFUSED 127.0.0.1:5432", None),
            ("", None),
        ] {
            assert_eq!(of_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_names_it_says_more() {
        let lines =
            ["listen EADDRINUSE: address already in use :::3000", "    at x.js:10:20", "  code: 'EADDRINUSE',", "}"];
        assert_eq!(taken(lines.into_iter()), Some(Taken::Port(3000)));
        assert_eq!(taken(["OSError: [Errno 98] Address already in use"].into_iter()), Some(Taken::Something));
        assert_eq!(taken(["all is well"].into_iter()), None);
    }
}
