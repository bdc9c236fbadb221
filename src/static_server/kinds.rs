//! Content types by extension.

use std::path::Path;

/// What is sent as something that a browser keeps on disk.
const UNKNOWN: &str = "application/octet-stream";

#[rustfmt::skip] // a table
const KINDS: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"), ("aac", "audio/aac"), ("apng", "image/apng"), ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"), ("avif", "image/avif"), ("bmp", "image/bmp"), ("bz2", "application/x-bzip2"),
    ("cjs", "text/javascript; charset=utf-8"), ("css", "text/css; charset=utf-8"), ("csv", "text/csv; charset=utf-8"),
    ("doc", "application/msword"), ("epub", "application/epub+zip"), ("flac", "audio/flac"), ("gif", "image/gif"),
    ("gz", "application/gzip"), ("htm", "text/html; charset=utf-8"), ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"), ("ics", "text/calendar; charset=utf-8"), ("jpeg", "image/jpeg"), ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"), ("json", "application/json"), ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"), ("log", "text/plain; charset=utf-8"), ("m4a", "audio/mp4"), ("m4v", "video/mp4"),
    ("map", "application/json"), ("md", "text/markdown; charset=utf-8"), ("mid", "audio/midi"),
    ("mjs", "text/javascript; charset=utf-8"), ("mkv", "video/x-matroska"), ("mov", "video/quicktime"), ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"), ("mpeg", "video/mpeg"), ("oga", "audio/ogg"), ("ogg", "audio/ogg"), ("ogv", "video/ogg"),
    ("opus", "audio/ogg"), ("otf", "font/otf"), ("pdf", "application/pdf"), ("png", "image/png"),
    ("rar", "application/vnd.rar"), ("rss", "application/rss+xml"), ("rtf", "application/rtf"), ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"), ("tgz", "application/gzip"), ("tif", "image/tiff"), ("tiff", "image/tiff"),
    ("toml", "application/toml"), ("ts", "video/mp2t"), ("ttf", "font/ttf"), ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"), ("wasm", "application/wasm"), ("wav", "audio/wav"), ("weba", "audio/webm"),
    ("webm", "video/webm"), ("webmanifest", "application/manifest+json"), ("webp", "image/webp"), ("woff", "font/woff"),
    ("woff2", "font/woff2"), ("xhtml", "application/xhtml+xml"), ("xml", "application/xml"), ("yaml", "application/yaml"),
    ("yml", "application/yaml"), ("zip", "application/zip"), ("zst", "application/zstd"),
];

/// A file without an extension is text to PM2; so it is here.
pub(super) fn kind(path: &Path) -> &'static str {
    let Some(extension) = path.extension() else { return "text/plain; charset=utf-8" };
    let extension = extension.to_string_lossy().to_ascii_lowercase();
    match KINDS.binary_search_by(|(known, _)| (*known).cmp(extension.as_str())) {
        Ok(index) => KINDS[index].1,
        Err(_) => UNKNOWN,
    }
}

/// Whether it gets smaller by compression: text of all sorts; pictures, sounds, archives and fonts are compressed.
pub(super) fn is_compressible(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default();
    let is_text = kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml");
    is_text
        || ["application/json", "application/xml", "application/yaml", "application/toml", "application/wasm"]
            .contains(&kind)
        || ["image/bmp", "image/x-icon", "font/ttf", "font/otf"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_compressing() {
        for (path, expected) in [
            ("a.html", true),
            ("a.js", true),
            ("a.svg", true),
            ("a.webmanifest", true),
            ("a.wasm", true),
            ("LICENSE", true),
            ("a.png", false),
            ("a.woff2", false),
            ("a.gz", false),
            ("a.unknown", false),
        ] {
            assert_eq!(is_compressible(kind(Path::new(path))), expected, "{path}");
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(KINDS.is_sorted_by(|(one, _), (other, _)| one < other));
    }

    #[test]
    fn kinds_of_files() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/APP.MIN.JS", "text/javascript; charset=utf-8"),
            ("x.wasm", "application/wasm"),
            ("LICENSE", "text/plain; charset=utf-8"),
            ("a.unknown", UNKNOWN),
        ] {
            assert_eq!(kind(Path::new(path)), expected, "{path}");
        }
    }
}
