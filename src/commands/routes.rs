//! `routes`: asks the running proxy for all routes, and prints them as a table.

use std::process::ExitCode;

use swarmgate_proxy::explain::{Ask, Routes, Row};

use super::ask::paint::{Paint, clean};
use super::ask::{self, Common, Words};

/// What `swarmgate routes --help` prints.
const HELP: &str = "\
Usage: swarmgate routes [options]

Lists the routes of the running proxy, those that do not serve and why beneath.

      --host HOST           only those that may take requests for this host
      --entrypoint NAME     only those of this entry point
      --format text|json
      --pid N               which proxy, where several run in this network namespace
      --api URL             ask Swarmgate's API instead, such as http://localhost:8080

Exit code: 0 there is a route, 1 there is none, 2 wrong usage or no proxy to ask. With --host the
proxy's own routes (API, ping, redirections of entry points) do not count: they take any host.
";

/// Runs the command.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let (common, host, entry_point) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return ask::fail(&format!("routes: {error}; see swarmgate routes --help")),
    };
    if common.help {
        return ask::print(|_| HELP.into(), ExitCode::SUCCESS);
    }
    let for_host = !host.is_empty();
    let answer = match ask::answer(&common, &Ask::Routes { host, entry_point }) {
        Ok(answer) => answer,
        Err(error) => return ask::fail(&format!("routes: {error}")),
    };
    let routes: Routes = match serde_json::from_value(answer.clone()) {
        Ok(routes) => routes,
        Err(error) => return ask::fail(&format!("routes: the answer cannot be read: {error}")),
    };
    let code = match routes.routes.iter().any(|row| !(for_host && is_own(row))) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    };
    match common.json {
        true => ask::print(|_| ask::pretty(&answer), code),
        false => ask::print(|paint| render(&routes, paint), code),
    }
}

/// Whether a route is the proxy's own: API, ping, redirections of entry points. They take any host.
fn is_own(row: &Row) -> bool {
    row.router.ends_with("@internal")
}

fn parse(arguments: Vec<String>) -> Result<(Common, String, String), String> {
    let mut words = Words::new(arguments);
    let (mut common, mut host, mut entry_point) = (Common::default(), String::new(), String::new());
    while let Some(word) = words.peek() {
        let word = word.to_owned();
        if let Some(taken) = common.take(&mut words) {
            taken?;
        } else if let Some(value) = words.value(&["--host"]) {
            host = value?;
        } else if let Some(value) = words.value(&["--entrypoint", "--entry-point"]) {
            entry_point = value?;
        } else if word.starts_with('-') {
            return Err(format!("unknown option {word}"));
        } else {
            return Err(format!("{word:?} is not understood"));
        }
    }
    Ok((common, host, entry_point))
}

/// A cell that is wider than this shifts its own row only, characters.
const WIDEST: usize = 40;

/// The columns; the rule comes last, since it may be as long as it likes.
const HEAD: [&str; 8] =
    ["ENTRY POINT", "PRIORITY", "ROUTER", "TLS", "MIDDLEWARES", "SERVICE", "SERVERS", "RULE"];

fn render(routes: &Routes, paint: Paint) -> String {
    let cells: Vec<[String; 8]> = routes.routes.iter().map(cells).collect();
    let mut widths = HEAD.map(str::len);
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            let wide = cell.chars().count();
            if wide <= WIDEST {
                *width = (*width).max(wide);
            }
        }
    }
    let mut text = String::new();
    let mut line = |cells: &[String; 8], tone: fn(Paint, &str) -> String| {
        let last = cells.len().saturating_sub(1);
        let mut line = String::new();
        for (number, (cell, width)) in cells.iter().zip(widths).enumerate() {
            line.push_str(cell);
            if number < last {
                let pad = width.saturating_sub(cell.chars().count()).saturating_add(2);
                line.extend(std::iter::repeat_n(' ', pad));
            }
        }
        text.push_str(&tone(paint, line.trim_end()));
        text.push('\n');
    };
    line(&HEAD.map(str::to_owned), Paint::strong);
    for (row, cells) in routes.routes.iter().zip(&cells) {
        let serves = row.running_tasks != Some(0);
        let tone: fn(Paint, &str) -> String = match row.status.as_str() {
            _ if !serves => Paint::odd,
            "warning" => Paint::odd,
            _ if is_own(row) => Paint::faint,
            _ => |_, text: &str| text.to_owned(),
        };
        line(cells, tone);
    }
    if routes.routes.is_empty() {
        text.push_str("(none)\n");
    }
    let warned = routes.routes.iter().filter(|row| !row.errors.is_empty());
    let warned: Vec<String> =
        warned.map(|row| format!("{}: {}", row.router, row.errors.join("; "))).collect();
    section(&mut text, "Served, but not as written", &warned, paint, Paint::odd);
    let disabled: Vec<String> = routes
        .disabled
        .iter()
        .map(|it| format!("{} ({}): {}", it.router, it.origin, it.errors.join("; ")))
        .collect();
    section(&mut text, "Disabled", &disabled, paint, Paint::bad);
    let mut skipped: Vec<String> = routes
        .skipped
        .iter()
        .map(|it| format!("{} service {:?}: {}", it.provider, it.service, it.reason))
        .collect();
    if routes.skipped_more > 0 {
        skipped.push(format!("and {} more", routes.skipped_more));
    }
    section(&mut text, "Left out", &skipped, paint, Paint::faint);
    text
}

fn section(
    text: &mut String,
    title: &str,
    lines: &[String],
    paint: Paint,
    tone: fn(Paint, &str) -> String,
) {
    if lines.is_empty() {
        return;
    }
    text.push('\n');
    text.push_str(&paint.strong(title));
    text.push('\n');
    let mut last = "";
    for line in lines {
        // A router on several entry points says the same on each.
        if line != last {
            text.push_str("  ");
            text.push_str(&tone(paint, line));
            text.push('\n');
        }
        last = line;
    }
}

/// Those of the proxy's own routers are the highest there are: `max-1` is shorter.
fn priority(priority: i64) -> String {
    match i64::MAX.saturating_sub(priority) {
        0 => "max".into(),
        below @ 1..=1000 => format!("max-{below}"),
        _ => priority.to_string(),
    }
}

fn cells(row: &Row) -> [String; 8] {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let tls = match (&row.cert_resolver, row.tls) {
        (Some(resolver), _) => resolver.clone(),
        (None, true) => "yes".into(),
        (None, false) => String::new(),
    };
    let tasks = match (row.running_tasks, row.vip) {
        (Some(0), _) => "no running task".to_owned(),
        (Some(1), true) => "1 task".to_owned(),
        (Some(count), true) => format!("{count} tasks"),
        _ => String::new(),
    };
    let mut servers = row.servers.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
    let more = row.servers.len().saturating_sub(2).saturating_add(row.servers_more);
    if more > 0 {
        servers.push_str(&format!(" +{more}"));
    }
    let servers = match (servers.is_empty(), tasks.is_empty()) {
        (false, false) => format!("{servers} ({tasks})"),
        (true, false) => tasks,
        _ => servers,
    };
    [
        row.entry_point.clone(),
        priority(row.priority),
        row.router.clone(),
        or_dash(tls),
        or_dash(row.middlewares.join(" ")),
        or_dash(row.service.clone()),
        or_dash(servers),
        match &row.below {
            Some(parent) => format!("{} below {parent}", row.rule),
            None => row.rule.clone(),
        },
    ]
    .map(|cell| clean(&cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let parsed = |line: &[&str]| parse(line.iter().map(|word| (*word).to_owned()).collect());
        let (common, host, entry_point) =
            parsed(&["--host", "a.test", "--entrypoint=web", "--format=json"]).unwrap();
        assert_eq!((host.as_str(), entry_point.as_str(), common.json), ("a.test", "web", true));
        assert!(parsed(&["x"]).unwrap_err().contains("\"x\" is not understood"));
        assert!(parsed(&["--hots=a"]).unwrap_err().contains("unknown option"));
        assert!(HELP.lines().all(|line| line.chars().count() <= 100));
    }

    #[test]
    fn priorities() {
        for (number, expected) in [
            (0, "0"),
            (-3, "-3"),
            (i64::MAX, "max"),
            (i64::MAX - 1, "max-1"),
            (i64::MAX - 1001, "9223372036854774806"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(priority(number), expected);
        }
    }

    #[test]
    fn a_wide_cell_widens_no_other_row() {
        let narrow = Row { router: "a@file".into(), ..Row::default() };
        let wide = Row { middlewares: vec!["m@file".into(); 60], ..narrow.clone() };
        let routes = Routes { routes: vec![narrow, wide], ..Routes::default() };
        let rendered = render(&routes, Paint::default());
        let lines: Vec<&str> = rendered.lines().collect();
        assert!(lines[1].len() < 100 && lines[2].len() > 400, "{rendered}");
    }

    #[test]
    fn a_table() {
        let row = Row {
            entry_point: "web".into(),
            priority: 12,
            router: "a@file".into(),
            service: "s@file".into(),
            servers: vec!["http://1".into(), "http://2".into(), "http://3".into()],
            rule: "Host(`a\u{1b}`)".into(),
            ..Row::default()
        };
        let idle = Row { running_tasks: Some(0), tls: true, ..row.clone() };
        let routes = Routes { routes: vec![row, idle], ..Routes::default() };
        let expected = "\
ENTRY POINT  PRIORITY  ROUTER  TLS  MIDDLEWARES  SERVICE  SERVERS                                  RULE
web          12        a@file  -    -            s@file   http://1 http://2 +1                     Host(`a\\u{1b}`)
web          12        a@file  yes  -            s@file   http://1 http://2 +1 (no running task)  Host(`a\\u{1b}`)
";
        let squeeze = |text: &str| {
            text.lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        let rendered = render(&routes, Paint::default());
        assert_eq!(squeeze(&rendered), squeeze(expected));
        let places: Vec<usize> = rendered
            .lines()
            .zip(["RULE", "Host(", "Host("])
            .map(|(line, word)| line.find(word).unwrap_or_default())
            .collect();
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{rendered}");
    }
}
