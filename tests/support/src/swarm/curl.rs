//! curl as the outside judge of what a client sees.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::engine::run;

/// One answer as curl saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first value of a header (name in lower case); empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The rest of the body's line that begins with `name: `; empty if there is none.
    pub fn said(&self, name: &str) -> &str {
        let line = self.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }
}

/// How curl is called: every name it asks for is this machine.
#[derive(Clone, Debug, Default)]
pub struct Curl {
    trust: Option<PathBuf>,
    extra: Vec<String>,
}

impl Curl {
    /// Without any trusted root: only `http://` works.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts exactly the roots in this PEM file.
    #[must_use]
    pub fn trusting(mut self, roots: impl Into<PathBuf>) -> Self {
        self.trust = Some(roots.into());
        self
    }

    /// Adds an argument of curl's.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.extra.push(argument.to_owned());
        self
    }

    /// Gets a URL on a fresh connection; redirections are not followed.
    ///
    /// # Errors
    /// curl's own message.
    pub fn get(&self, url: &str) -> Result<Answer, String> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--include", "--max-time", "10", "--noproxy", "*"])
            .args(["--connect-to", "::127.0.0.1:"])
            .args(&self.extra)
            .arg(url)
            .env_remove("CURL_HOME");
        match &self.trust {
            Some(roots) => command.arg("--cacert").arg(roots),
            None => command.args(["--cacert", "/dev/null"]),
        };
        run(command, None, Duration::from_secs(20)).and_then(|text| parse(&text))
    }
}

/// Takes `--include`'s output apart; interim answers (1xx) are passed over.
fn parse(text: &str) -> Result<Answer, String> {
    let mut rest = text;
    loop {
        let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest.trim_end(), ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let Some(status) = status else { return Err(format!("no status line: {text}")) };
        if (100..200).contains(&status) {
            rest = body;
            continue;
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        return Ok(Answer { status, headers: headers.collect(), body: body.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart() {
        let text = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/2 301 \r\nLocation: https://a/?b:c\r\n\
                    X: 1\r\n\r\nHostname: me\nVersion: 2\n";
        let answer = parse(text).unwrap();
        assert_eq!(answer.status, 301);
        assert_eq!(answer.header("location"), "https://a/?b:c");
        assert_eq!(answer.header("link"), "");
        assert_eq!((answer.said("Version"), answer.said("Nothing")), ("2", ""));
        assert_eq!(parse("HTTP/1.1 404 Not Found").unwrap().status, 404);
        assert!(parse("garbage").is_err());
    }
}
