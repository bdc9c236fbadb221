//! From a request to its answer. It reads files, so it runs where waiting is allowed.

use super::found::{self, Found, Missing, find, url_of_directory};
use super::kinds::kind;
use super::listing;
use super::login::Lock;
use super::press::Press;
use super::reply::{self, Asked, Content, HTML, Reply};
use super::variant::variants;
use super::wanted::{Senseless, Wanted, wanted};
use crate::domain::site::Site;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::path::{Path, PathBuf};

const INDEX: &str = "index.html";
const NOT_FOUND: &str = "404.html";

/// A site that is served.
pub(super) struct Served {
    pub(super) root: PathBuf,
    homepage: PathBuf,
    lock: Option<Lock>,
    spa: bool,
    listing: bool,
    press: Press,
}

impl Served {
    pub(super) fn new(root: PathBuf, site: &Site) -> Self {
        Self {
            root,
            homepage: PathBuf::from(&site.homepage),
            lock: site.login.as_ref().map(Lock::new),
            spa: site.spa,
            listing: site.listing,
            press: Press::default(),
        }
    }

    pub(super) fn respond(&self, request: &Parts) -> Reply {
        let asked = Asked { method: &request.method, headers: &request.headers };
        if let Some(lock) = &self.lock
            && !lock.opens(request.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))
        {
            return reply::who_are_you(&asked);
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return reply::not_this_method(&asked);
        }
        match wanted(request.uri.path()) {
            Ok(wanted) => self.look(&asked, &wanted, request.uri.query()),
            Err(Senseless::Malformed) => reply::bare(&asked, StatusCode::BAD_REQUEST),
            Err(Senseless::Outside) => reply::bare(&asked, StatusCode::FORBIDDEN),
            // Nobody has to know that it is there.
            Err(Senseless::Hidden) => self.not_found(&asked),
        }
    }

    fn look(&self, asked: &Asked<'_>, wanted: &Wanted, query: Option<&str>) -> Reply {
        match find(&self.root, &wanted.path) {
            Ok(Found::File(file, of)) if !wanted.is_directory => {
                let variants = variants(&self.root, &wanted.path, asked.headers);
                let content = Content {
                    kind: kind(&wanted.path),
                    status: StatusCode::OK,
                    file,
                    of,
                    variants,
                    press: &self.press,
                };
                reply::file(asked, content)
            }
            // With a slash behind it, it would be a directory.
            Ok(Found::File(..)) | Err(Missing::Nothing) => self.absent(asked, &wanted.path),
            Ok(Found::Directory(real)) => self.directory(asked, wanted, &real, query),
            Err(Missing::Forbidden) => reply::bare(asked, StatusCode::FORBIDDEN),
        }
    }

    fn directory(&self, asked: &Asked<'_>, wanted: &Wanted, real: &Path, query: Option<&str>) -> Reply {
        let index = if wanted.path.as_os_str().is_empty() { &self.homepage } else { Path::new(INDEX) };
        let index = wanted.path.join(index);
        let has_index = found::file(&self.root, &index).is_some();
        if !wanted.is_directory && (has_index || self.listing) {
            // What is in it refers to its neighbours.
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            return reply::moved(asked, &format!("{}{query}", url_of_directory(&wanted.path)));
        }
        if has_index {
            return self.send(asked, StatusCode::OK, &index).unwrap_or_else(|| self.not_found(asked));
        }
        if !self.listing {
            return self.absent(asked, &wanted.path);
        }
        match listing::page(&self.root, &wanted.path, real) {
            Ok(page) => reply::page(asked, StatusCode::OK, HTML, page),
            Err(_) => reply::bare(asked, StatusCode::FORBIDDEN),
        }
    }

    /// Of an application in one page: a file of that name in the root, else the page. PM2's rule.
    fn absent(&self, asked: &Asked<'_>, path: &Path) -> Reply {
        if !self.spa {
            return self.not_found(asked);
        }
        let base = path.file_name().map(PathBuf::from);
        let base = base.and_then(|base| self.send(asked, StatusCode::OK, &base));
        base.or_else(|| self.send(asked, StatusCode::OK, &self.homepage)).unwrap_or_else(|| self.not_found(asked))
    }

    fn not_found(&self, asked: &Asked<'_>) -> Reply {
        let page = self.send(asked, StatusCode::NOT_FOUND, Path::new(NOT_FOUND));
        page.unwrap_or_else(|| reply::bare(asked, StatusCode::NOT_FOUND))
    }

    fn send(&self, asked: &Asked<'_>, status: StatusCode, path: &Path) -> Option<Reply> {
        let (file, of) = found::file(&self.root, path)?;
        let variants = variants(&self.root, path, asked.headers);
        Some(reply::file(asked, Content { kind: kind(path), status, file, of, variants, press: &self.press }))
    }
}
