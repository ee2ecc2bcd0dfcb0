//! What the process may have and what its threads take: open files, of which each connection is
//! one, and to a server another; and processor time.

use rustix::process::{
    Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit,
};

/// How much nicer the control plane's threads are than the data plane's. A large configuration is some hundred
/// milliseconds of work: requests that arrive meanwhile come first. Where there are always requests
/// the control plane still gets a quarter of a processor, so that changes do not wait for night.
const NICENESS: i32 = 5;

/// Lets other threads come first when a processor is wanted by several.
pub fn come_second() {
    // For Linux this is the thread, not the process.
    let nicer = getpriority_process(None).map(|niceness| niceness.saturating_add(NICENESS));
    if let Err(error) = nicer.and_then(|nicer| setpriority_process(None, nicer)) {
        tracing::debug!(%error, "The control plane's threads come first, too");
    }
}

/// Raises the soft limit to the hard one, as Go programs do by themselves. Container engines set the
/// soft one to 1024 for the sake of programs that walk all descriptors, which is no limit for a
/// proxy. Where it cannot be raised it stays, which is not worth ending for.
pub fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => {
            tracing::debug!(from = current, to = maximum, "The limit of open files is raised")
        }
        Err(error) => tracing::warn!(%error, "The limit of open files cannot be raised"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_comes_second() {
        let niceness = || getpriority_process(None).unwrap();
        let before = niceness();
        let second = std::thread::spawn(move || {
            come_second();
            niceness()
        });
        assert_eq!(second.join().unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        let lower = before.maximum.map_or(1024, |maximum| maximum / 2);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), ..before }).unwrap();
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: before.maximum, ..before });
    }
}
