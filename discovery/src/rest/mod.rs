//! The REST provider: what somebody puts to `/api/providers/rest` is the configuration, whole, until
//! something else is put there or the process ends (as with Traefik).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use swarmgate_config::decode::{Format, decode_routing_text};
use swarmgate_config::routing::Configuration;
use tokio::sync::watch;

use crate::provider::{Provider, Update, Updates};

const NAME: &str = "rest";
/// Where the configuration came from, in findings.
const PLACE: &str = "PUT /api/providers/rest";

/// The provider's other end: takes a request's body, gives what is to be answered: the
/// configuration as it was understood, as JSON, or what is wrong with it. May take milliseconds.
pub type Put = Arc<dyn Fn(&[u8]) -> Result<String, String> + Send + Sync>;

/// The provider.
#[derive(Debug)]
pub struct Rest {
    put: watch::Receiver<Option<Arc<Configuration>>>,
}

impl Rest {
    /// The provider and where to put configurations.
    pub fn new() -> (Self, Put) {
        let (sender, put) = watch::channel(None);
        let take = move |body: &[u8]| {
            let (configuration, echo) = decode(body)?;
            sender.send_replace(Some(Arc::new(configuration)));
            Ok(echo)
        };
        (Self { put }, Arc::new(take))
    }
}

impl Provider for Rest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut put = self.put;
        Box::pin(async move {
            let provider: Arc<str> = NAME.into();
            loop {
                let configuration = put.borrow_and_update().clone();
                if let Some(configuration) = configuration {
                    let update = Update { provider: provider.clone(), configuration };
                    if updates.send(update).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    changed = put.changed() => if changed.is_err() {
                        // Nobody can put anything any more; what was put goes on serving.
                        return updates.closed().await;
                    },
                    () = updates.closed() => return,
                }
            }
        })
    }
}

/// The first JSON value of the body, and how it is echoed.
fn decode(body: &[u8]) -> Result<(Configuration, String), String> {
    // As Traefik's decoder: what follows the first value is not looked at.
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("EOF".into()),
    };
    if !matches!(value, Value::Object(_) | Value::Null) {
        return Err("json: cannot unmarshal into a configuration: expected an object".into());
    }
    let echo = value.to_string();
    // JSON is YAML; `null` asks for nothing.
    let text = if value.is_null() { "{}" } else { &echo };
    let configuration = decode_routing_text(NAME, PLACE, text, Format::Yaml)
        .map_err(|finding| finding.to_string())?;
    Ok((configuration, echo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let good = r#"{"http":{"routers":{"r":{"rule":"Path(`/`)","service":"s"}}}} trailing"#;
        let (configuration, echo) = decode(good.as_bytes()).unwrap();
        assert_eq!(configuration.routers.keys().collect::<Vec<_>>(), ["r"]);
        assert_eq!(echo, good.trim_end_matches(" trailing"));
        for (body, empty) in [("{}", true), ("null", true), (r#"{"other":1}"#, true)] {
            let (configuration, _) = decode(body.as_bytes()).unwrap();
            assert_eq!(configuration.routers.is_empty(), empty, "{body}");
        }
        for (body, part) in [
            ("", "EOF"),
            ("[]", "expected an object"),
            ("7", "expected an object"),
            ("{\"http\":", "EOF"),
            ("http: {}", "line 1"),
            ("{\"a\": \"\u{1}\"}", "control character"),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{body}: {error}");
        }
        assert!(decode(&[b'"', 0xff, b'"']).is_err());
        let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert!(decode(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_bad_router_is_told_with_its_place() {
        let body = r#"{"http":{"routers":{"r":{"rul":"x"}, "good": {"rule": "x"}}}}"#;
        let (configuration, _) = decode(body.as_bytes()).unwrap();
        assert_eq!(configuration.routers.keys().collect::<Vec<_>>(), ["good"]);
        let told = configuration.findings[0].to_string();
        assert!(told.starts_with(PLACE) && told.contains("rul"), "{told}");
    }

    #[tokio::test]
    async fn the_last_one_counts() {
        let (provider, put) = Rest::new();
        let (sender, mut updates) = tokio::sync::mpsc::channel(4);
        let task = tokio::spawn(Box::new(provider).run(sender));
        assert!(put(b"{").is_err());
        for name in ["a", "b"] {
            let body = format!(r#"{{"http":{{"routers":{{"{name}":{{"rule":"x"}}}}}}}}"#);
            put(body.as_bytes()).unwrap();
            let update = updates.recv().await.unwrap();
            assert_eq!(&*update.provider, "rest");
            assert!(update.configuration.routers.contains_key(name));
        }
        drop(updates);
        task.await.unwrap();
    }
}
