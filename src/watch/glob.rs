//! A pattern as in a `.gitignore` into a regular expression over a path without a slash at its beginning.

/// `anchored`: from the base on; else at any depth.
pub(super) fn expression(pattern: &str, anchored: bool) -> String {
    let mut out = String::from(if anchored { "^" } else { "^(?:.*/)?" });
    let mut rest = pattern;
    let mut braces = 0;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '*' => stars(rest, pattern.len() == rest.len() || out.ends_with('/'), &mut out),
            '?' => push(&mut out, "[^/]"),
            '[' => class(rest, &mut out),
            '\\' if rest.len() > 1 => {
                let next = rest[1..].chars().next().unwrap_or('\\');
                push_escaped(&mut out, next);
                1 + next.len_utf8()
            }
            '{' if rest.contains('}') => {
                braces += 1;
                push(&mut out, "(?:")
            }
            '}' if braces > 0 => {
                braces -= 1;
                push(&mut out, ")")
            }
            ',' if braces > 0 => push(&mut out, "|"),
            other => {
                push_escaped(&mut out, other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out + &")".repeat(braces) + "$"
}

fn push(out: &mut String, text: &str) -> usize {
    out.push_str(text);
    1
}

fn push_escaped(out: &mut String, letter: char) {
    if !letter.is_alphanumeric() && letter.is_ascii() && letter != '/' && letter != '_' {
        out.push('\\');
    }
    out.push(letter);
}

/// `**/` is any number of directories, `/**` all that is below, `*` anything but a slash.
fn stars(rest: &str, is_part_begin: bool, out: &mut String) -> usize {
    if is_part_begin && rest.starts_with("**/") {
        out.push_str("(?:.*/)?");
        return 3;
    }
    if is_part_begin && rest == "**" {
        out.push_str(".*");
        return 2;
    }
    out.push_str("[^/]*");
    rest.len() - rest.trim_start_matches('*').len()
}

/// `[a-z]`, `[!a-z]`; one that isn't closed is a letter.
fn class(rest: &str, out: &mut String) -> usize {
    let negated = rest[1..].starts_with(['!', '^']);
    let begin = 1 + usize::from(negated);
    // A bracket at the beginning is one of the letters.
    let body = &rest[begin..];
    let Some(end) = body.char_indices().skip(1).find(|(_, letter)| *letter == ']').map(|(at, _)| at) else {
        return push(out, "\\[");
    };
    out.push_str(if negated { "[^/" } else { "[" });
    for letter in body[..end].chars() {
        if matches!(letter, '[' | ']' | '^' | '&' | '~') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push(']');
    begin + end + 1
}
