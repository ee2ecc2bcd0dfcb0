//! The HTTP provider: asks one URL again and again; what it answered last keeps serving.

mod client;
mod url;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::decode::{Format, decode_routing_text};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::install;
use swarmgate_config::routing::Configuration;
use tokio::time::sleep;

use self::client::{Answer, Client};
use crate::provider::{Provider, Update, Updates};

const NAME: &str = "http";
/// The first wait after a failure; each further one is half as long again (as Traefik's).
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

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
                state.look(answer, http.client.shown());
                (None, http.interval)
            }
            Err(message) => {
                let pause = wait;
                wait = wait.mul_f32(1.5).min(LONGEST_WAIT);
                (Some(message), pause)
            }
        };
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

impl State {
    /// Decodes an answer, unless it is the one before.
    fn look(&mut self, answer: Answer, shown: &str) {
        if self.seen.as_ref() == Some(&answer) {
            return;
        }
        match decode(&answer, shown) {
            Ok(mut configuration) => {
                if let Some(before) = &self.good {
                    configuration.share(before);
                }
                self.good = Some(configuration);
                self.bad = None;
            }
            Err(finding) => self.bad = Some(finding),
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
// Once an answer: boxing the finding would buy nothing.
#[allow(clippy::result_large_err)]
fn decode(answer: &Answer, shown: &str) -> Result<Configuration, Finding> {
    let wrong = |message: &str, expected: &str| {
        let origin = Origin::File { file: shown.into(), line: None, column: None };
        Finding::new(Severity::Error, origin, message)
            .on(ObjectKind::Provider, NAME)
            .expected(expected)
    };
    let text = std::str::from_utf8(&answer.body)
        .map_err(|_| wrong("the answer is no UTF-8 text", "YAML, JSON or TOML in UTF-8"))?;
    // More often an accident than a wish to take everything down.
    if text.trim().is_empty() {
        return Err(wrong("the answer is empty", "{} for a configuration without anything"));
    }
    let format = if answer.toml { Format::Toml } else { Format::Yaml };
    decode_routing_text(NAME, shown, text, format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { body: body.to_owned().into(), toml: false }
    }

    #[test]
    fn good_answers_outlive_bad_ones() {
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
            ("http: {routers: {x: {rul: y}}}", false, "x@http"),
            ("{}", false, ""),
        ];
        let mut state = State::default();
        for (body, routed, part) in table {
            state.look(answer(body), "http://h/");
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
    fn places_are_lines_of_the_answer() {
        let text = "http:\n  routers:\n    r: {rule: x, servce: s}\n";
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
