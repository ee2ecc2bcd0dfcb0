//! The process's limit of open files: each connection is one, and to a server another.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
    fn the_soft_limit_becomes_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        let lower = before.maximum.map_or(1024, |maximum| maximum / 2);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), ..before }).unwrap();
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: before.maximum, ..before });
    }
}
