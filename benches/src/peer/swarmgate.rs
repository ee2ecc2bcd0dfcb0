//! Swarmgate: the same options and the same routing file as Traefik, one data-plane thread.

use std::io;
use std::path::Path;

use super::find::{self, Found};
use super::site::Site;
use super::{Start, traefik};

/// The given program, else `swarmgate` on PATH.
pub fn find(given: Option<&Path>) -> Result<Found, String> {
    match given {
        None => find::program("swarmgate", &["version"]),
        Some(program) => Ok(Found {
            program: program.to_owned(),
            version: find::version(program, &["version"])?,
        }),
    }
}

/// Writes the routing file and says how it is started.
pub fn prepare(site: &Site, folder: &Path) -> io::Result<Start> {
    Ok(Start::new(traefik::arguments(site, folder)?).with("SWARMGATE_THREADS", "1"))
}
