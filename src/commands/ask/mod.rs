//! What `explain` and `routes` have in common: whom they ask, how they print, how they end.

pub mod api;
pub mod paint;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;
use swarmgate_proxy::explain::Ask;

use self::paint::Paint;
use crate::control_socket;

/// Wrong usage, or nobody to ask.
pub const USAGE: u8 = 2;

/// Options of both commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Print JSON instead of text.
    pub json: bool,
    /// The proxy's process id, as its socket is named.
    pub pid: Option<String>,
    /// The API to ask instead of the socket.
    pub api: Option<String>,
    /// Only tell how the command is used.
    pub help: bool,
}

impl Common {
    /// Takes an option that both commands have; `None`: it is none of them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, words: &mut Words) -> Option<Result<(), String>> {
        let word = words.peek()?;
        if matches!(word, "-h" | "-help" | "--help") {
            words.take();
            self.help = true;
            return Some(Ok(()));
        }
        let taken = words.value(&["--format"]).map(|value| {
            let format = value?;
            self.json = match format.as_str() {
                "json" => true,
                "text" => false,
                other => return Err(format!("--format {other:?}; expected text or json")),
            };
            Ok(())
        });
        taken
            .or_else(|| {
                let value = words.value(&["--pid"])?;
                Some(value.and_then(|pid| {
                    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
                    if pid.is_empty() || !pid.bytes().all(plain) {
                        return Err(format!("--pid {pid:?}; expected a process id such as 1"));
                    }
                    self.pid = Some(pid);
                    Ok(())
                }))
            })
            .or_else(|| Some(words.value(&["--api"])?.map(|url| self.api = Some(url))))
    }
}

/// The words of a command line, read one by one.
#[derive(Debug)]
pub struct Words {
    words: std::iter::Peekable<std::vec::IntoIter<String>>,
}

impl Words {
    /// All words behind the command's name.
    pub fn new(words: Vec<String>) -> Self {
        Self { words: words.into_iter().peekable() }
    }

    /// The next word, which stays.
    pub fn peek(&mut self) -> Option<&str> {
        self.words.peek().map(String::as_str)
    }

    /// The next word.
    pub fn take(&mut self) -> Option<String> {
        self.words.next()
    }

    /// The value of an option, if the next word is one of these: `--name value`, `--name=value`,
    /// for a single letter also `-Nvalue`. Names have no case, but for letters.
    pub fn value(&mut self, names: &[&str]) -> Option<Result<String, String>> {
        let word = self.peek()?;
        let mut attached = None;
        let found = names.iter().find(|name| {
            if !name.starts_with("--") {
                attached = word.strip_prefix(**name).map(str::to_owned);
                return attached.is_some();
            }
            let (head, value) = match word.split_once('=') {
                Some((head, value)) => (head, Some(value.to_owned())),
                None => (word, None),
            };
            attached = value;
            head.eq_ignore_ascii_case(name)
        })?;
        let name = (*found).to_owned();
        self.take();
        let attached = attached.filter(|value| name.starts_with("--") || !value.is_empty());
        let value = attached.or_else(|| self.take());
        Some(value.ok_or_else(|| format!("{name} lacks its value")))
    }
}

/// Asks, on the control socket or over the API.
///
/// # Errors
/// Why there is no answer.
pub fn answer(common: &Common, ask: &Ask) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot ask: {error}"))?;
    let answer = runtime.block_on(async {
        match &common.api {
            Some(url) => api::ask(url, ask).await,
            None => control_socket::ask(common.pid.as_deref(), ask).await,
        }
    });
    // A resolver that still waits must not hold up the end.
    runtime.shutdown_background();
    answer
}

/// Prints to standard output; colour only where a person looks and has not refused it. Returns
/// `code`, or that of a failure.
pub fn print(text: impl FnOnce(Paint) -> String, code: ExitCode) -> ExitCode {
    let mut out = std::io::stdout();
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let text = text(Paint { colour });
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Nobody may be listening (`| head`): the exit code is the answer then.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            fail(&format!("the output cannot be written: {error}"))
        }
        _ => code,
    }
}

/// Says why there is no answer.
pub fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", paint::clean(message));
    ExitCode::from(USAGE)
}

/// JSON for people and programs: indented, one newline at the end.
pub fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".into());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Words {
        Words::new(line.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn values() {
        type Row<'a> = (&'a [&'a str], &'a [&'a str], Option<Result<&'a str, &'a str>>);
        let table: [Row<'_>; 10] = [
            (&["--pid", "7"], &["--pid"], Some(Ok("7"))),
            (&["--PID=7"], &["--pid"], Some(Ok("7"))),
            (&["--pid="], &["--pid"], Some(Ok(""))),
            (&["--pid"], &["--pid"], Some(Err("--pid lacks its value"))),
            (&["-XPOST"], &["-X", "--method"], Some(Ok("POST"))),
            (&["-X", "POST"], &["-X", "--method"], Some(Ok("POST"))),
            (&["--method", "POST"], &["-X", "--method"], Some(Ok("POST"))),
            (&["--pids", "7"], &["--pid"], None),
            (&["7"], &["--pid"], None),
            (&[], &["--pid"], None),
        ];
        for (line, names, expected) in table {
            let got = words(line).value(names);
            let got = got.as_ref().map(|it| it.as_deref().map_err(String::as_str));
            assert_eq!(got, expected, "{line:?}");
        }
    }

    #[test]
    fn common_options() {
        let mut common = Common::default();
        let mut line = words(&["--format=json", "--pid", "7", "--api", "http://x", "--help", "z"]);
        while let Some(taken) = common.take(&mut line) {
            taken.unwrap();
        }
        let expected =
            Common { json: true, pid: Some("7".into()), api: Some("http://x".into()), help: true };
        assert_eq!((common, line.take().as_deref()), (expected, Some("z")));
        for (line, expected) in [
            (&["--format", "xml"][..], "--format \"xml\"; expected text or json"),
            (&["--pid="], "--pid \"\"; expected a process id such as 1"),
            (&["--pid", "x"], "--pid \"x\"; expected a process id such as 1"),
        ] {
            let refused = Common::default().take(&mut words(line)).unwrap();
            assert_eq!(refused.unwrap_err(), expected);
        }
    }
}
