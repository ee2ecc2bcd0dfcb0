//! Latest of each provider -> one merged configuration, bursts throttled.

use std::time::Duration;

use swarmgate_config::check::Merged;

use crate::provider::Provider;

/// Runs all providers and calls `apply` with the merged configuration after each change, on the
/// control-plane runtime. Unchanged configurations are dropped; a lone change is applied at once,
/// further changes of the same provider within `throttle` are applied together when it ends.
pub async fn aggregate(
    _providers: Vec<Box<dyn Provider>>,
    _throttle: Duration,
    _apply: impl FnMut(&Merged) + Send,
) {
}
