//! What git says that it wants: lines of `key=value`.

use std::net::{Ipv4Addr, Ipv6Addr};

use percent_encoding::percent_decode;

use crate::cli::output;
use crate::vault::{Error, Prefix, Result, Secret, escape, segment};

/// What git sends, as far as it matters here.
#[derive(Default)]
pub struct Request {
    protocol: String,
    host: String,
    path: String,
    /// The user, if git knows or has one.
    pub username: Option<String>,
    /// The password that was used.
    pub password: Option<Secret>,
    /// The password is good for a while only.
    pub expires: bool,
}

impl Request {
    /// Reads lines up to a blank one. Keys that nobody here knows are passed over.
    ///
    /// # Errors
    /// Usage for what is no such line.
    pub fn parse(text: &Secret) -> Result<Self> {
        let mut request = Self::default();
        for line in text.bytes().split(|byte| *byte == b'\n') {
            if line.is_empty() {
                break;
            }
            let at = line.iter().position(|byte| *byte == b'=');
            // The line is not repeated: there may be a password in it.
            let at = at.ok_or_else(|| Error::usage("a line without `=` where git describes"))?;
            let (key, value) = (&line[..at], &line[at + 1..]);
            if value.contains(&0) {
                return Err(Error::usage("a zero byte where git describes what it wants"));
            }
            request.set(key, value)?;
        }
        Ok(request)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        match key {
            b"protocol" => self.protocol = text("protocol", value)?,
            b"host" => self.host = text("host", value)?,
            b"path" => self.path = text("path", value)?,
            b"username" => self.username = Some(text("username", value)?),
            b"password" => self.password = Some(Secret::copy_of(value)),
            b"password_expiry_utc" | b"ephemeral" => self.expires = true,
            // As if nothing had been said before.
            b"url" => *self = Self::of_url(value)?,
            _ => {}
        }
        // An empty user is none.
        self.username = self.username.take().filter(|user| !user.is_empty());
        Ok(())
    }

    /// `PROTOCOL://[USER[:PASSWORD]@]HOST[/PATH]`, percent-encoded.
    fn of_url(url: &[u8]) -> Result<Self> {
        let wrong = || Error::usage("not a URL where git describes what it wants");
        let at = url.windows(3).position(|three| three == b"://").ok_or_else(wrong)?;
        let (protocol, rest) = (&url[..at], &url[at + 3..]);
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let (place, path) = rest.split_at(end);
        let mut request = Self { protocol: text("protocol", protocol)?, ..Self::default() };
        let host = match place.iter().rposition(|byte| *byte == b'@') {
            None => place,
            Some(at) => {
                let user = &place[..at];
                let colon = user.iter().position(|byte| *byte == b':');
                let (user, password) = user.split_at(colon.unwrap_or(user.len()));
                request.username = Some(decoded("username", user)?);
                if let [_, password @ ..] = password {
                    let mut decoded = Secret::with_capacity(password.len());
                    percent_decode(password).for_each(|byte| decoded.push(byte));
                    if decoded.bytes().iter().any(|byte| b"\n\0".contains(byte)) {
                        return Err(wrong());
                    }
                    request.password = Some(decoded);
                }
                &place[at + 1..]
            }
        };
        request.host = decoded("host", host)?;
        let path = path.strip_prefix(b"/").unwrap_or(path);
        request.path = decoded("path", path)?;
        Ok(request)
    }

    /// Where its users are; `None` for what is not served.
    ///
    /// # Errors
    /// Usage for a host or a path that is none.
    pub fn place(&self, folder: &Prefix, http: bool) -> Result<Option<Prefix>> {
        // Git writes hosts of other letters as they were typed. Which ASCII name is meant is for a
        // name server's rules to say, so that nothing here is kept for one.
        if self.host.is_empty() || !self.host.is_ascii() {
            return Ok(None);
        }
        let host = Host::parse(&self.host)?;
        let begin = match self.protocol.as_str() {
            "https" => "",
            "http" if http || host.is_this_machine() => "http+",
            "http" => {
                output::note(&format!(
                    "note: no password is given out for http to {}, where others can read it; \
                     --http does",
                    host.name
                ));
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let mut place = match folder.as_str() {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        place.push_str(&segment(&format!("{begin}{}", host.written(begin.is_empty()))));
        for part in self.path.trim_matches('/').split('/').filter(|_| !self.path.is_empty()) {
            if part.is_empty() {
                return Err(Error::usage(format!(
                    "not a path of a repository: {}",
                    escape(&self.path)
                )));
            }
            place.push('/');
            place.push_str(&segment(part));
        }
        Prefix::parse(&place).map(Some)
    }
}

fn text(key: &str, value: &[u8]) -> Result<String> {
    String::from_utf8(value.to_vec())
        .map_err(|_| Error::usage(format!("the {key} that git names is not UTF-8")))
}

fn decoded(key: &str, value: &[u8]) -> Result<String> {
    let value: Vec<u8> = percent_decode(value).collect();
    match value.iter().any(|byte| b"\n\0".contains(byte)) {
        true => Err(Error::usage(format!("a line break in the {key} of a URL"))),
        false => text(key, &value),
    }
}

/// A name or an address, and a port.
struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            // Without the text: what is in the wrong place may be a piece of a password.
            Error::usage("what git names is no host").hint(
                "ASCII letters, digits, `.`, `-`, `_`, or an address in brackets; then a port",
            )
        };
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                let number = port.parse().ok().filter(|n| *n > 0 && !port.starts_with('+'));
                (name, Some(number.ok_or_else(wrong)?))
            }
            _ => (text, None),
        };
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let legal = match address {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
                name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(plain)
            }
        };
        match legal && name.len() <= 253 {
            true => Ok(Self { name: name.to_ascii_lowercase(), port }),
            false => Err(wrong()),
        }
    }

    /// Without the port that is meant anyway.
    fn written(&self, tls: bool) -> String {
        let usual = if tls { 443 } else { 80 };
        match self.port.filter(|port| *port != usual) {
            Some(port) => format!("{}:{port}", self.name),
            None => self.name.clone(),
        }
    }

    /// What goes there does not leave this machine.
    fn is_this_machine(&self) -> bool {
        let address = self.name.trim_start_matches('[').trim_end_matches(']');
        self.name == "localhost"
            || address.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            || address.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request> {
        Request::parse(&Secret::copy_of(text.as_bytes()))
    }

    fn place(text: &str, http: bool) -> std::result::Result<Option<String>, String> {
        let place = parsed(text).and_then(|r| r.place(&Prefix::parse("git").unwrap(), http));
        place.map(|place| place.map(|p| p.to_string())).map_err(|e| e.message)
    }

    #[test]
    fn a_request_names_a_place() {
        for (text, expected) in [
            ("protocol=https\nhost=GitHub.com\n", "git/github.com"),
            (
                "protocol=https\nhost=h:8443\npath=org/repo.git\n\nhost=x\n",
                "git/h:8443/org/repo.git",
            ),
            ("protocol=https\nhost=h:443\n", "git/h"),
            ("protocol=https\nhost=[::1]:8443\n", "git/%5B::1%5D:8443"),
            ("protocol=http\nhost=localhost:3000\n", "git/http+localhost:3000"),
            ("protocol=http\nhost=127.8.9.1\n", "git/http+127.8.9.1"),
            ("protocol=http\nhost=[::1]\n", "git/http+%5B::1%5D"),
            (
                "capability[]=authtype\nwwwauth[]=Basic realm=\"x\"\nnew=y\nprotocol=https\nhost=h\n",
                "git/h",
            ),
            ("url=https://ann:p%40ss@h:8443/a%20b/\n", "git/h:8443/a%20b"),
            ("host=x\nurl=https://h\nusername=bob\n", "git/h"),
            ("protocol=https\nhost=h\npath=../..\n", "git/h/%2E./%2E."),
            ("protocol=https\nhost=h\npath=.vault/team\n", "git/h/%2Evault/team"),
        ] {
            assert_eq!(place(text, false), Ok(Some(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_not_served_has_no_place() {
        for text in [
            "",
            "protocol=https\n",
            "host=h\n",
            "protocol=http\nhost=h\n",
            "protocol=http\nhost=127.0.0.1.example.com\n",
            "protocol=http\nhost=localhost.example.com\n",
            "protocol=smtp\nhost=h\n",
            "protocol=HTTPS\nhost=h\n",
            "protocol=https\nhost=b\u{fc}cher.example\n",
            "protocol=https\nhost=git\u{2024}example\n",
            "url=https://ann:x@b%C3%BCcher.example/\n",
            "protocol=cert\npath=/home/ann/key.pem\n",
        ] {
            assert_eq!(place(text, false), Ok(None), "{text}");
        }
        assert_eq!(place("protocol=http\nhost=h\n", true), Ok(Some("git/http+h".to_owned())));
    }

    #[test]
    fn what_could_mean_another_host_is_refused() {
        for host in [
            "a/b",
            "..",
            ".h",
            "-h",
            "h h",
            "h\u{7f}",
            "h\r",
            "a@b",
            "h:",
            "h:0",
            "h:65536",
            "h:+1",
            "h:x",
            "h%2f",
            "[::1",
            "[h]",
            "h]",
            "::1",
            "a,b",
            "h\\x",
            &"x".repeat(254),
        ] {
            let text = format!("protocol=https\nhost={host}\n");
            assert!(place(&text, true).is_err(), "{host:?}");
        }
        for text in [
            "protocol=https\nhost=h\npath=a//b\n",
            "url=https://h%0ahost=evil/\n",
            "url=https://a%0ab@h/\n",
            "url=https://a:b%0ac@h/\n",
            "url=h/x\n",
            "protocol=https\nhost=h\0\n",
            "protocol=https\nhost\n",
            "protocol=https\nhost=\u{0}\n",
        ] {
            assert!(place(text, true).is_err(), "{text:?}");
        }
        let error = parsed("password\n").err().expect("refused");
        assert!(!error.in_full().contains("password"), "{error}");
    }

    #[test]
    fn users_and_passwords_are_taken_as_they_are() {
        let request = parsed("protocol=https\nhost=h\nusername=a=b\npassword= x=y \n").unwrap();
        assert_eq!(request.username.as_deref(), Some("a=b"));
        assert_eq!(request.password.unwrap().bytes(), b" x=y ");
        let request = parsed("url=https://ann%40x:p%3Ass@h/\n").unwrap();
        assert_eq!(request.username.as_deref(), Some("ann@x"));
        assert_eq!(request.password.unwrap().bytes(), b"p:ss");
        assert!(parsed("username=\n").unwrap().username.is_none());
        assert!(parsed("password_expiry_utc=1\n").unwrap().expires);
    }
}
