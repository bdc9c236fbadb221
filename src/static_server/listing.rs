//! What is in a directory, as a page.

use super::found::{self, Found};
use super::wanted::encode;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

/// More are not shown: who has more has no use for a page of them.
const MOST: usize = 10_000;

const STYLE: &str = "body{font:14px/1.6 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.1rem 1rem .1rem 0}\
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
    @media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}a{color:#8ab4f8}}";

struct Entry {
    name: Vec<u8>,
    size: u64,
    modified: Option<SystemTime>,
    is_directory: bool,
}

/// The page of the directory at `path` below the root. `real` is where it is.
pub(super) fn page(root: &Path, path: &Path, real: &Path) -> io::Result<String> {
    let mut entries: Vec<Entry> =
        fs::read_dir(real)?.filter_map(|entry| self::entry(root, path, &entry.ok()?)).take(MOST).collect();
    entries.sort_by(|a, b| (!a.is_directory, &a.name).cmp(&(!b.is_directory, &b.name)));
    Ok(text(&format!("/{}", path.display()), &entries, path.as_os_str().is_empty()))
}

/// What can be served of it: nothing hidden, nothing that leads elsewhere.
fn entry(root: &Path, path: &Path, entry: &fs::DirEntry) -> Option<Entry> {
    let name = entry.file_name();
    if name.as_bytes().starts_with(b".") {
        return None;
    }
    let (of, is_directory) = match found::find(root, &path.join(&name)).ok()? {
        Found::File(_, of) => (of, false),
        Found::Directory(real) => (fs::metadata(real).ok()?, true),
    };
    Some(Entry { name: name.as_bytes().to_vec(), size: of.len(), modified: of.modified().ok(), is_directory })
}

fn text(title: &str, entries: &[Entry], is_root: bool) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1><table><thead><tr><th>Name</th><th class=\"n\">Bytes</th><th>Changed</th></tr></thead><tbody>\n"
    );
    if !is_root {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for Entry { name, size, modified, is_directory } in entries {
        let slash = if *is_directory { "/" } else { "" };
        let shown = escape(&String::from_utf8_lossy(name));
        // A name with a colon would else be taken for a scheme.
        let link = encode(name);
        let size = if *is_directory { String::new() } else { size.to_string() };
        let changed = modified.map(httpdate::fmt_http_date).unwrap_or_default();
        _ = writeln!(
            page,
            "<tr><td><a href=\"./{link}{slash}\">{shown}{slash}</a></td><td class=\"n\">{size}</td><td>{changed}</td></tr>"
        );
    }
    page.push_str("</tbody></table></body></html>\n");
    page
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_are_text_and_never_markup() {
        let root = tempfile::tempdir().unwrap();
        let evil = "<img src=x onerror=alert(1)>\"'&";
        for name in [evil, "javascript:alert(1)", ".hidden", "a b"] {
            fs::write(root.path().join(name), "12345").unwrap();
        }
        fs::create_dir(root.path().join("z-sub")).unwrap();
        symlink("/etc/passwd", root.path().join("leak")).unwrap();
        let page = page(root.path(), Path::new(""), root.path()).unwrap();
        assert!(!page.contains("<img") && !page.contains("onerror=alert(1)>"), "{page}");
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
        assert!(page.contains("href=\"./javascript%3Aalert%281%29\""), "{page}");
        assert!(page.contains("href=\"./a%20b\">a b</a></td><td class=\"n\">5</td>"));
        assert!(!page.contains("hidden") && !page.contains("leak") && !page.contains("../"));
        assert!(page.find("z-sub/").unwrap() < page.find("a%20b").unwrap(), "directories come first");
    }
}
