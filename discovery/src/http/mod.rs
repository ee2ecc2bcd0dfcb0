//! The HTTP provider: asks one URL again and again; what it answered last keeps serving.

mod client;
mod url;

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::decode::{Format, decode_routing_text};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::install;
use swarmgate_config::routing::Configuration;
use tokio::time::sleep;

use self::client::{Answer, Client, Trouble};
use crate::provider::{Provider, Update, Updates};

const NAME: &str = "http";
/// The first wait after a failure; each further one is half as long again (as Traefik's).
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// No server is left alone for longer because it asks for that.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// The provider.
#[derive(Debug)]
pub struct Http {
    client: Client,
    interval: Duration,
}

impl Http {
    /// Reads the settings. The error says what is wrong with them.
    pub fn new(settings: &install::Http) -> Result<Self, String> {
        let interval = settings.poll_interval.positive();
        let interval = interval.ok_or("pollInterval: expected more than zero")?;
        Ok(Self { client: Client::new(settings)?, interval })
    }
}

impl Provider for Http {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, updates))
    }
}

/// What is known between one request and the next.
#[derive(Default)]
struct State {
    /// The last answer that was looked at, good or bad: it need not be looked at again.
    seen: Option<Answer>,
    /// What the last good answer said.
    good: Option<Configuration>,
    /// What is wrong with the last bad answer that came in time.
    bad: Option<Finding>,
}

async fn run(http: Http, updates: Updates) {
    let provider: Arc<str> = NAME.into();
    let mut state = State::default();
    let mut wait = FIRST_WAIT;
    let mut last: Option<Arc<Configuration>> = None;
    loop {
        let (trouble, pause) = match http.client.get().await {
            Ok(answer) => {
                wait = FIRST_WAIT;
                state.look(answer, http.client.shown()).await;
                (None, http.interval)
            }
            Err(trouble) => {
                let pause = pause(&trouble, wait, http.interval, state.good.is_some());
                wait = wait.mul_f32(1.5).min(LONGEST_WAIT);
                (Some(trouble), spread(pause))
            }
        };
        let trouble = trouble.map(|trouble| trouble.message().to_owned());
        let configuration = state.configuration(trouble, http.client.shown());
        if last.as_deref() != Some(&configuration) {
            let configuration = Arc::new(configuration);
            last = Some(configuration.clone());
            let update = Update { provider: provider.clone(), configuration };
            if updates.send(update).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = updates.closed() => return,
        }
    }
}

/// How long to wait after trouble. Whoever answers, if only by an error, is asked no more often for it
/// than for good answers, and rests as long as it asks for; a server that is being started has nobody
/// else's good answer to fall back to.
fn pause(trouble: &Trouble, wait: Duration, interval: Duration, good: bool) -> Duration {
    let Trouble::Answered(_, rest) = trouble else { return wait };
    let usual = if good { interval.min(LONGEST_WAIT) } else { Duration::ZERO };
    wait.max(usual).max(rest.unwrap_or_default().min(LONGEST_REST))
}

/// Up to a fifth longer, so that many proxies do not come back at the same time.
fn spread(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let share = u32::try_from(random % 200).unwrap_or_default();
    pause + pause / 1_000 * share
}

impl State {
    /// Decodes an answer, unless it is the one before.
    async fn look(&mut self, answer: Answer, shown: &str) {
        if self.seen.as_ref() == Some(&answer) {
            return;
        }
        // A large one takes long, and others wait on this thread.
        let decoding = tokio::task::spawn_blocking({
            let (answer, shown) = (answer.clone(), shown.to_owned());
            move || decode(&answer, &shown)
        });
        let decoded = decoding.await.unwrap_or_else(|error| {
            let origin = Origin::Provider { provider: NAME.into() };
            let message = format!("reading the answer broke down: {error}");
            let finding = Finding::new(Severity::Error, origin, message);
            Err(Box::new(finding.on(ObjectKind::Provider, NAME)))
        });
        match decoded {
            Ok(mut configuration) => {
                if let Some(before) = &self.good {
                    configuration.share(before);
                }
                self.good = Some(configuration);
                self.bad = None;
            }
            Err(finding) => self.bad = Some(*finding),
        }
        self.seen = Some(answer);
    }

    /// The last good configuration, and why it may be old.
    fn configuration(&self, trouble: Option<String>, shown: &str) -> Configuration {
        let mut configuration = self.good.clone().unwrap_or_default();
        let stays = match self.good {
            Some(_) => "; what it answered last keeps serving",
            None => "",
        };
        configuration.findings.extend(self.bad.clone().map(|mut finding| {
            finding.message.push_str(stays);
            finding
        }));
        configuration.findings.extend(trouble.map(|message| {
            let origin = Origin::Provider { provider: NAME.into() };
            let message = format!("{shown}: {message}{stays}; it is asked again and again");
            Finding::new(Severity::Warning, origin, message).on(ObjectKind::Provider, NAME)
        }));
        configuration
    }
}

/// Traefik reads every answer as YAML, which JSON is too; TOML has to be announced.
fn decode(answer: &Answer, shown: &str) -> Result<Configuration, Box<Finding>> {
    let wrong = |message: &str, expected: &str| {
        let origin = Origin::File { file: shown.into(), line: None, column: None };
        let finding = Finding::new(Severity::Error, origin, message);
        Box::new(finding.on(ObjectKind::Provider, NAME).expected(expected))
    };
    let text = std::str::from_utf8(&answer.body)
        .map_err(|_| wrong("the answer is no UTF-8 text", "YAML, JSON or TOML in UTF-8"))?;
    // More often an accident than a wish to take everything down.
    let outright = "{} for a configuration without anything";
    if is_empty(text) {
        return Err(wrong("the answer is empty", outright));
    }
    let format = if answer.toml { Format::Toml } else { Format::Yaml };
    let configuration = decode_routing_text(NAME, shown, text, format).map_err(|mut finding| {
        // It is no file, and no install configuration would do.
        if finding.message.contains("holds no keys") {
            finding.message = "the answer holds no keys".into();
            finding.expected = Some("keys with values, such as \"http:\"".into());
        }
        Box::new(finding)
    })?;
    // Most often another document: `{"error": "rate limited"}`.
    match configuration.findings.first() {
        Some(first) if defines_nothing(&configuration) => {
            let message = format!("the answer defines nothing that can be read: {first}");
            Err(wrong(&message, outright))
        }
        _ => Ok(configuration),
    }
}

fn defines_nothing(configuration: &Configuration) -> bool {
    configuration.routers.is_empty()
        && configuration.services.is_empty()
        && configuration.middlewares.is_empty()
        && configuration.servers_transports.is_empty()
        && configuration.certificates.is_empty()
        && configuration.tls_options.is_empty()
        && configuration.tls_stores.is_empty()
}

/// Whether there is nothing in a text but comments, marks of a document and `null`.
fn is_empty(text: &str) -> bool {
    let mut words = text
        .lines()
        .flat_map(|line| line.split_whitespace().take_while(|word| !word.starts_with('#')));
    words.all(|word| matches!(word, "---" | "..." | "~" | "null" | "Null" | "NULL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { body: body.to_owned().into(), toml: false }
    }

    #[tokio::test]
    async fn good_answers_outlive_bad_ones() {
        let good =
            "{\"http\": {\"routers\": {\"r\": {\"rule\": \"Path(`/`)\", \"service\": \"s\"}}}}";
        // answer, whether there is a router, part of a finding
        let table = [
            ("http: [", false, "http://h/:2:1: not valid YAML"),
            (good, true, ""),
            ("http: [", true, "keeps serving"),
            ("http: [", true, "keeps serving"),
            ("", true, "the answer is empty"),
            (good, true, ""),
            ("null", true, "the answer is empty"),
            ("# nothing yet\n---\n", true, "the answer is empty"),
            ("{\"error\": \"rate limited\"}", true, "unknown key \"error\""),
            ("{\"http\": {\"routerz\": {}}}", true, "defines nothing that can be read"),
            ("http: {routers: {x: {rul: y}}}", true, "defines nothing that can be read"),
            ("- a", true, "the answer holds no keys"),
            ("http: {routers: {x: {rul: y}}, services: {s: {loadBalancer: {}}}}", false, "x@http"),
            (good, true, ""),
            ("{}", false, ""),
            (good, true, ""),
            ("http: {}", false, ""),
        ];
        let mut state = State::default();
        for (body, routed, part) in table {
            state.look(answer(body), "http://h/").await;
            let configuration = state.configuration(None, "http://h/");
            assert_eq!(configuration.routers.contains_key("r"), routed, "{body}");
            let told: Vec<String> =
                configuration.findings.iter().map(|it| format!("{it} {:?}", it.object)).collect();
            assert_eq!(told.is_empty(), part.is_empty(), "{body}: {told:?}");
            assert!(part.is_empty() || told[0].contains(part), "{body}: {told:?}");
        }
        let silent = state.configuration(Some("no answer".into()), "http://h/");
        let told = silent.findings[0].to_string();
        assert_eq!(
            told,
            "provider http: http://h/: no answer; what it answered last keeps serving; it is \
             asked again and again"
        );
    }

    #[test]
    fn who_answers_is_not_asked_more_often() {
        let silent = || Trouble::Silent("x".into());
        let answered =
            |rest: Option<u64>| Trouble::Answered("x".into(), rest.map(Duration::from_secs));
        // trouble, wait, interval, whether there was a good answer, pause
        let table = [
            (silent(), 1, 30, true, 1),
            (answered(None), 1, 30, true, 30),
            (answered(None), 40, 30, true, 40),
            (answered(None), 1, 7200, true, 60),
            (answered(None), 1, 30, false, 1),
            (answered(Some(100)), 1, 30, false, 100),
            (answered(Some(100)), 1, 30, true, 100),
            (answered(Some(u64::MAX)), 1, 30, true, 3600),
        ];
        for (trouble, wait, interval, good, expected) in table {
            let (wait, interval) = (Duration::from_secs(wait), Duration::from_secs(interval));
            let pause = pause(&trouble, wait, interval, good);
            assert_eq!(pause.as_secs(), expected, "{trouble:?} {wait:?} {interval:?} {good}");
            let spread = spread(pause);
            assert!(spread >= pause && spread < pause * 6 / 5, "{spread:?}");
        }
    }

    #[test]
    fn places_are_lines_of_the_answer() {
        let text = "http:\n  routers:\n    r: {rule: x, servce: s}\n    good: {rule: x}\n";
        let configuration = decode(&answer(text), "http://h/c.yml").unwrap();
        let told = configuration.findings[0].to_string();
        assert!(told.starts_with("http://h/c.yml:3:"), "{told}");
        // A template is text here.
        let text = "http: {routers: {r: {rule: 'HostRegexp(`{{x}}`)', service: s}}}";
        let configuration = decode(&answer(text), "http://h/").unwrap();
        assert!(configuration.routers.contains_key("r"));
        let toml = Answer { toml: true, ..answer("[http.routers.r]\nrule = 'x'\n") };
        assert!(decode(&toml, "http://h/").unwrap().routers.contains_key("r"));
        let latin = Answer { body: vec![b'a', 0xe9].into(), toml: false };
        assert!(decode(&latin, "http://h/").unwrap_err().to_string().contains("UTF-8"));
    }
}
