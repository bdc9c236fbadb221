//! What the static file server serves, and how: PM2's variables, as `PM2_SERVE_…` and `RPM_SERVE_…`.

use super::spec::Listen;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The word that means the static file server where a script is expected.
pub const SCRIPT: &str = "serve";
/// What the variables that we write ourselves begin with; it wins over PM2's.
pub const PREFIX: &str = "RPM_SERVE_";
const PREFIXES: [&str; 2] = [PREFIX, "PM2_SERVE_"];
pub const DEFAULT_PORT: u16 = 8080;
const INDEX: &str = "index.html";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// A directory, seen from the working directory.
    pub path: String,
    pub listen: Listen,
    /// What isn't there is the home page.
    pub spa: bool,
    /// Directories without an index are listed.
    pub listing: bool,
    /// What stands for a directory in the root, and for what isn't there in `spa`: below the root.
    pub homepage: String,
    pub login: Option<Login>,
}

/// Who may see the site.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub password: String,
}

/// Not what they are: this may get into a log.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// A variable that makes no sense. Its value isn't told, as it may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSetting {
    pub variable: String,
    pub allowed: &'static str,
}

impl Site {
    /// Reads the variables: of each that in our spelling, else PM2's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let settings = Settings { variable };
        Ok(Self {
            path: settings.text("PATH").map_or_else(|| ".".to_owned(), |(_, path)| path),
            listen: settings.listen()?,
            spa: settings.switch("SPA")?.unwrap_or_default(),
            listing: settings.switch("FTP")?.unwrap_or_default(),
            homepage: settings.homepage(),
            login: settings.login()?,
        })
    }
}

struct Settings<V> {
    variable: V,
}

impl<V: Fn(&str) -> Option<String>> Settings<V> {
    /// The variable and its value. An empty one is none, and so is what PM2 writes for nothing.
    fn text(&self, name: &str) -> Option<(String, String)> {
        PREFIXES.into_iter().find_map(|prefix| {
            let variable = format!("{prefix}{name}");
            let value = (self.variable)(&variable)?;
            let is_nothing = value.is_empty() || value == "null" || value == "undefined";
            (!is_nothing).then_some((variable, value))
        })
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, BadSetting> {
        let Some((variable, value)) = self.text(name) else { return Ok(None) };
        match value.as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(BadSetting { variable, allowed: "true or false" }),
        }
    }

    fn listen(&self) -> Result<Listen, BadSetting> {
        let port = match self.text("PORT") {
            None => DEFAULT_PORT,
            Some((variable, value)) => {
                value.trim().parse().map_err(|_| BadSetting { variable, allowed: "a port, from 0 to 65535" })?
            }
        };
        let Some((variable, host)) = self.text("HOST") else { return Ok(Listen::Port(port)) };
        let address = match host.as_str() {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host
                .parse()
                .map_err(|_| BadSetting { variable, allowed: "an address of this machine, such as 127.0.0.1" })?,
        };
        Ok(Listen::Tcp(SocketAddr::new(address, port)))
    }

    fn homepage(&self) -> String {
        let homepage = self.text("HOMEPAGE").map(|(_, value)| value.trim_start_matches('/').to_owned());
        homepage.filter(|homepage| !homepage.is_empty()).unwrap_or_else(|| INDEX.to_owned())
    }

    /// Whoever asks for a login gets one, or an error: never a site that is open to all.
    fn login(&self) -> Result<Option<Login>, BadSetting> {
        let (username, password) = (self.text("BASIC_AUTH_USERNAME"), self.text("BASIC_AUTH_PASSWORD"));
        let wanted = match self.switch("BASIC_AUTH")? {
            Some(wanted) => wanted,
            None => username.is_some() || password.is_some(),
        };
        if !wanted {
            return Ok(None);
        }
        let missing = |name: &str| BadSetting { variable: format!("{PREFIX}{name}"), allowed: "needed for a login" };
        let (variable, username) = username.ok_or_else(|| missing("BASIC_AUTH_USERNAME"))?;
        let (_, password) = password.ok_or_else(|| missing("BASIC_AUTH_PASSWORD"))?;
        if username.contains(':') {
            return Err(BadSetting { variable, allowed: "a name without a colon" });
        }
        Ok(Some(Login { username, password }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(variables: &[(&str, &str)]) -> Result<Site, String> {
        let read = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Site::from_variables(read).map_err(|bad| bad.variable)
    }

    #[test]
    fn nothing_said_is_this_directory_on_the_usual_port() {
        let site = site(&[]).unwrap();
        assert_eq!((site.path.as_str(), &site.listen), (".", &Listen::Port(8080)));
        assert_eq!((site.spa, site.listing, site.login), (false, false, None));
        assert_eq!(site.homepage, "index.html");
    }

    #[test]
    fn our_spelling_wins_and_pm2s_counts() {
        let variables =
            [("PM2_SERVE_PATH", "a"), ("RPM_SERVE_PATH", "b"), ("PM2_SERVE_PORT", "1"), ("PM2_SERVE_SPA", "true")];
        let site = site(&variables).unwrap();
        assert_eq!((site.path.as_str(), site.listen, site.spa), ("b", Listen::Port(1), true));
    }

    #[test]
    fn hosts() {
        let listen = |host| site(&[("RPM_SERVE_HOST", host)]).map(|site| site.listen);
        assert_eq!(listen("localhost"), Ok(Listen::Tcp("127.0.0.1:8080".parse().unwrap())));
        assert_eq!(listen("::1"), Ok(Listen::Tcp("[::1]:8080".parse().unwrap())));
        assert_eq!(listen("example.com"), Err("RPM_SERVE_HOST".to_owned()));
    }

    #[test]
    fn a_login_is_whole_or_an_error() {
        const USER: (&str, &str) = ("PM2_SERVE_BASIC_AUTH_USERNAME", "me");
        const PASSWORD: (&str, &str) = ("PM2_SERVE_BASIC_AUTH_PASSWORD", "x:y");
        const ON: (&str, &str) = ("PM2_SERVE_BASIC_AUTH", "true");
        let login = |variables: &[(&str, &str)]| site(variables).map(|site| site.login.is_some());
        assert_eq!(login(&[USER, PASSWORD]), Ok(true));
        assert_eq!(login(&[USER, PASSWORD, ON]), Ok(true));
        assert_eq!(login(&[USER, PASSWORD, ("PM2_SERVE_BASIC_AUTH", "false")]), Ok(false));
        assert_eq!(login(&[("PM2_SERVE_BASIC_AUTH_USERNAME", "null")]), Ok(false));
        assert!(login(&[ON]).is_err() && login(&[USER]).is_err() && login(&[PASSWORD, ON]).is_err());
        assert!(login(&[("RPM_SERVE_BASIC_AUTH_USERNAME", "a:b"), PASSWORD]).is_err());
        assert!(!format!("{:?}", site(&[USER, PASSWORD])).contains("x:y"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (name, value) in [("PM2_SERVE_PORT", "http"), ("RPM_SERVE_PORT", "70000"), ("PM2_SERVE_SPA", "maybe")] {
            assert_eq!(site(&[(name, value)]), Err(name.to_owned()));
        }
    }
}
