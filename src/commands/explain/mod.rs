//! `explain`: asks the running proxy what would become of a request, and why.

mod text;

use std::process::ExitCode;

use swarmgate_proxy::explain::{Ask, Explanation, Question};

use super::ask::{self, Common, Words};

/// What `swarmgate explain --help` prints.
const HELP: &str = "\
Usage: swarmgate explain URL [options]

Asks the running proxy what would become of a request, and why. Nothing is sent to any service.

  -X, --method METHOD       the method; GET unless given
  -H, --header 'Name: value'
                            a header; may be repeated
      --from IP             the client's address; 192.0.2.1, a stranger, unless given
      --entrypoint NAME     the entry point; by the URL's scheme and port unless given
      --format text|json
      --pid N               which proxy, where several run in this network namespace
      --api URL             ask Swarmgate's API instead, such as http://localhost:8080

Exit code: 0 a router takes the request, 1 none does, 2 wrong usage or no proxy to ask.
";

/// Runs the command.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let (common, question) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return ask::fail(&format!("explain: {error}; see swarmgate explain --help")),
    };
    if common.help {
        return ask::print(|_| HELP.into(), ExitCode::SUCCESS);
    }
    let answer = match question.check().and_then(|()| ask::answer(&common, &Ask::Explain(question)))
    {
        Ok(answer) => answer,
        Err(error) => return ask::fail(&format!("explain: {error}")),
    };
    let explanation: Explanation = match serde_json::from_value(answer.clone()) {
        Ok(explanation) => explanation,
        Err(error) => return ask::fail(&format!("explain: the answer cannot be read: {error}")),
    };
    let code = match explanation.router {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    };
    match common.json {
        true => ask::print(|_| ask::pretty(&answer), code),
        false => ask::print(|paint| text::render(&explanation, paint), code),
    }
}

fn parse(arguments: Vec<String>) -> Result<(Common, Question), String> {
    let mut words = Words::new(arguments);
    let (mut common, mut question) = (Common::default(), Question::default());
    let mut url: Option<String> = None;
    while let Some(word) = words.peek() {
        let word = word.to_owned();
        if word == "--" {
            // No URL begins with a dash.
            words.take();
        } else if let Some(taken) = common.take(&mut words) {
            taken?;
        } else if let Some(method) = words.value(&["-X", "--method", "--request"]) {
            question.method = method?;
        } else if let Some(line) = words.value(&["-H", "--header"]) {
            question.headers.push(line?);
        } else if let Some(ip) = words.value(&["--from"]) {
            question.from = ip?;
        } else if let Some(name) = words.value(&["--entrypoint", "--entry-point"]) {
            question.entry_point = name?;
        } else if word.starts_with('-') {
            return Err(format!("unknown option {word}"));
        } else if url.is_some() {
            return Err(format!("one URL is explained at a time, {word:?} is another"));
        } else {
            url = words.take();
        }
    }
    match url {
        Some(url) => question.url = url,
        None if common.help => {}
        None => return Err("the URL is missing".into()),
    }
    Ok((common, question))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<(Common, Question), String> {
        parse(line.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn command_lines() {
        let line = [
            "http://a.test",
            "-X",
            "POST",
            "-HA: b",
            "-H",
            "C: d",
            "--from=::1",
            "--entryPoint",
            "web",
            "--format",
            "json",
        ];
        let (common, question) = parsed(&line).unwrap();
        let expected = Question {
            url: "http://a.test".into(),
            method: "POST".into(),
            headers: vec!["A: b".into(), "C: d".into()],
            from: "::1".into(),
            entry_point: "web".into(),
        };
        assert_eq!(question, expected);
        assert!(common.json && !common.help);
        assert!(parsed(&["--help"]).unwrap().0.help);
        assert_eq!(parsed(&["--", "a"]).unwrap().1.url, "a");
        for (line, expected) in [
            (&[][..], "the URL is missing"),
            (&["a", "b"], "\"b\" is another"),
            (&["a", "--frm", "x"], "unknown option --frm"),
            (&["a", "--from"], "--from lacks its value"),
            (&["a", "-X"], "-X lacks its value"),
            (&["a", "--format", "xml"], "text or json"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expected), "{line:?}: {error}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        assert!(HELP.lines().all(|line| line.chars().count() <= 100));
    }
}
