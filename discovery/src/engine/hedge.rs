//! A call that hangs is made again beside the first one: its connection may be lost, and whoever asks
//! anew may be answered.
//!
//! An engine that was cut off (a stopped machine, a network that forgot its connections) may answer
//! only new connections. Waiting for the time-out of a lost one would leave its return unseen.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Cause, Failure};

/// Makes a call, and another one beside it whenever `impatience` has passed without an answer, `most`
/// of them at the same time. Whichever is answered first counts, be it by a failure; the others are
/// given up, as all are when this is dropped.
///
/// # Errors
/// That failure.
pub async fn hedge<T, F>(
    impatience: Duration,
    most: usize,
    call: impl Fn() -> F,
) -> Result<T, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let mut attempts = JoinSet::new();
    attempts.spawn(call());
    loop {
        tokio::select! {
            Some(answered) = attempts.join_next() => {
                return answered.unwrap_or_else(|error| {
                    Err(Failure::new(Cause::Unreachable, format!("the attempt broke down: {error}")))
                });
            }
            () = sleep(impatience), if attempts.len() < most => {
                attempts.spawn(call());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{Instant, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The first `lost` calls never end, the others take `takes`: the number of calls, and when the
    /// answer came.
    async fn play(lost: usize, takes: Duration) -> (usize, Duration) {
        let calls = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let answered = hedge(SECOND, 3, || {
            let number = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                if number < lost {
                    std::future::pending::<()>().await;
                }
                sleep(takes).await;
                Ok(())
            }
        });
        let _ = timeout(SECOND * 60, answered).await;
        (calls.load(Ordering::Relaxed), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn whichever_is_answered_first() {
        // calls that are lost, what the others take, calls, time
        let table = [
            (0, SECOND / 2, 1, SECOND / 2),
            (1, SECOND / 2, 2, SECOND + SECOND / 2),
            (2, SECOND / 2, 3, SECOND * 2 + SECOND / 2),
            // Slow is not lost: the first answer counts, and there are no more than three.
            (0, SECOND * 10, 3, SECOND * 10),
            (3, SECOND, 3, SECOND * 60),
        ];
        for (lost, takes, calls, time) in table {
            assert_eq!(play(lost, takes).await, (calls, time), "{lost} {takes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_an_answer_and_a_panic_is_a_failure() {
        let failed =
            hedge(SECOND, 3, || async { Err::<(), _>(Failure::new(Cause::NotFound, "x")) });
        assert_eq!(failed.await.map_err(|failure| failure.cause), Err(Cause::NotFound));
        let broken = hedge(SECOND, 3, || async {
            assert!(std::env::args().count() > 1_000, "broken");
            Ok::<(), Failure>(())
        });
        let message = broken.await.map_err(|failure| failure.message).unwrap_err();
        assert!(message.contains("broke down"), "{message}");
    }
}
