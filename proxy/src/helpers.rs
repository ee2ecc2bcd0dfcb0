//! What takes long is done by helper threads; each kind of work has turns of its own, so that none of
//! them keeps another waiting.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A kind of work that would hold up a data-plane thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Comparing a password with a hash: a tenth of a second of computing.
    Password,
    /// Reading a file of users again.
    Users,
    /// Printing an answer of the API.
    Print,
    /// Taking a configuration that was put to the REST provider.
    Put,
    /// Writing and reading bodies on the disk, which may take its time.
    Body,
    /// Closing their files, which gives the disk its room back.
    Close,
}

/// Every kind, in the order in which they are declared.
const KINDS: [Work; 6] =
    [Work::Password, Work::Users, Work::Print, Work::Put, Work::Body, Work::Close];

impl Work {
    /// How much of it is done at a time for one data-plane thread; the rest waits, in order.
    pub const fn at_a_time(self) -> usize {
        match self {
            Self::Password | Self::Users | Self::Print => 2,
            // Configurations come one after the other anyway.
            Self::Put | Self::Close => 1,
            Self::Body => 8,
        }
    }
}

/// The most helpers that a data-plane thread may have: one for each turn. They are made when there is
/// work for them, and end when there has been none for ten seconds.
pub const MOST: usize = {
    let (mut sum, mut index) = (0, 0);
    while index < KINDS.len() {
        sum += KINDS[index].at_a_time();
        index += 1;
    }
    sum
};

thread_local! {
    static TURNS: [Arc<Semaphore>; KINDS.len()] =
        KINDS.map(|work| Arc::new(Semaphore::new(work.at_a_time())));
}

/// The turns of this thread for such work.
pub(crate) fn turns(work: Work) -> Arc<Semaphore> {
    TURNS.with(|turns| Arc::clone(&turns[work as usize]))
}

/// Has it done when it is its turn. Whoever goes before that takes it back; what has begun is
/// brought to its end.
///
/// # Errors
/// It panicked, or the thread stops.
pub async fn run<T: Send + 'static>(
    work: Work,
    task: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let turn = turns(work).acquire_owned().await.map_err(io::Error::other)?;
    let working = spawn_blocking(move || {
        let done = task();
        // Not before: whoever waited may be gone, and the work goes on.
        drop(turn);
        done
    });
    working.await.map_err(io::Error::other)
}

/// Has it done now, and waits for nobody; false: all turns are taken, and nothing is done.
pub fn start(work: Work, task: impl FnOnce() + Send + 'static) -> bool {
    let Ok(turn) = turns(work).try_acquire_owned() else { return false };
    drop(spawn_blocking(move || {
        task();
        drop(turn);
    }));
    true
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;

    /// Nobody waits so long here.
    const LONG: Duration = Duration::from_secs(20);

    fn on_a_thread<T>(future: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(MOST).build();
        runtime.unwrap().block_on(future)
    }

    /// Takes all turns for such work, as a disk does that does not answer, until the senders go.
    fn hang(work: Work) -> Vec<mpsc::Sender<()>> {
        let hang = |_| {
            let (until, gone) = mpsc::channel::<()>();
            let hanging = move || assert!(gone.recv().is_err());
            assert!(start(work, hanging));
            until
        };
        (0..work.at_a_time()).map(hang).collect()
    }

    #[test]
    fn kinds_are_where_their_numbers_say() {
        assert!(KINDS.iter().enumerate().all(|(index, work)| *work as usize == index));
        assert_eq!(MOST, 16);
    }

    #[test]
    fn no_kind_waits_for_the_others() {
        for work in KINDS {
            on_a_thread(async {
                let others = KINDS.into_iter().filter(|other| *other != work);
                let hanging: Vec<_> = others.map(hang).collect();
                // More than its turns, so that they are also given back.
                for number in 0..work.at_a_time() * 2 {
                    let done = timeout(LONG, run(work, move || number)).await;
                    assert_eq!(done.expect("it waits for others").unwrap(), number, "{work:?}");
                }
                drop(hanging);
            });
        }
    }

    #[test]
    fn so_much_at_a_time() {
        on_a_thread(async {
            let work = Work::Password;
            let mut hanging = hang(work);
            assert!(!start(work, || ()));
            let mut waiting = pin!(run(work, || "done"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            {
                // Who leaves the line takes no turn with him.
                let mut leaves = pin!(run(work, || ()));
                assert!(leaves.as_mut().poll(&mut context).is_pending());
            }
            hanging.pop();
            assert_eq!(timeout(LONG, waiting).await.expect("its turn comes").unwrap(), "done");
            drop(hanging);
            let all = u32::try_from(work.at_a_time()).unwrap();
            let free = timeout(LONG, turns(work).acquire_many_owned(all)).await;
            assert!(free.expect("all turns are given back").is_ok());
        });
    }

    #[test]
    fn who_panics_gives_his_turn_back() {
        on_a_thread(async {
            for _ in 0..3 {
                let failed = run(Work::Put, || panic!("as this test wants it")).await;
                assert!(failed.is_err());
            }
            assert_eq!(turns(Work::Put).available_permits(), 1);
        });
    }
}
