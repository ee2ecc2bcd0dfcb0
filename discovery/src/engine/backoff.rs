//! How long to wait before the engine is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::failure::Cause;

const FIRST: Duration = Duration::from_millis(500);
/// What changed at an engine that restarts should be live within two seconds of its return.
const SOON: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// How long an engine that answers with errors is asked every second.
const EAGER: Duration = Duration::from_secs(60);

/// Grows by half from 0.5 s. A failed dial costs nearly nothing, so an engine that is away is
/// tried every second for as long as it takes; one that answers but refuses is asked less and
/// less often, up to every minute.
#[derive(Debug, Default)]
pub struct Backoff {
    next: Option<Duration>,
    since: Option<Instant>,
}

impl Backoff {
    /// After success: begin anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The wait after a failure of this kind.
    pub fn wait(&mut self, cause: Cause) -> Duration {
        let since = *self.since.get_or_insert_with(Instant::now);
        let wait = self.next.unwrap_or(FIRST);
        let eager = cause == Cause::Unreachable || since.elapsed() < EAGER;
        let longest = if eager { SOON } else { LONGEST };
        let wait = wait.min(longest);
        self.next = Some(wait.mul_f32(1.5));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(cause: Cause, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..count {
            let wait = backoff.wait(cause);
            waits.push(u64::try_from(wait.as_millis()).unwrap());
            tokio::time::advance(wait).await;
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn growth() {
        assert_eq!(waits(Cause::Unreachable, 6).await, [500, 750, 1000, 1000, 1000, 1000]);
        assert_eq!(waits(Cause::Unreachable, 200).await[199], 1000);
        let refused = waits(Cause::Refused, 90).await;
        assert_eq!(refused[10], 1000);
        assert_eq!(refused[89], 60_000);
    }
}
