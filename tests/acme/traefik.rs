//! `acme.json` goes from real Traefik to us and back; no certificate is ordered twice.

use std::path::Path;
use std::time::Duration;

use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::real;

use crate::house::{House, LIMIT};

const RULES: [&str; 1] = ["Host(`domini.test`) || Host(`www.domini.test`)"];

#[test]
fn theirs_is_used_as_it_is_and_ours_by_them() {
    let Some(traefik) = real::traefik("acme: acme.json of Traefik") else { return };
    let ours = Path::new(env!("CARGO_BIN_EXE_swarmgate"));
    for (first, second) in [(traefik.as_path(), ours), (ours, traefik.as_path())] {
        let Some(mut house) = House::new() else { return };
        let running = house.start(first, &RULES);
        let certificate = house.served(&running, "domini.test");
        eventually("written", LIMIT, || {
            match house.stored()["letsencrypt"]["Certificates"].as_array() {
                Some(list) if list.len() == 1 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        running.terminate(Duration::from_secs(20));
        let before = house.stored();

        // Without a CA nothing but the file can be served.
        house.pebble = None;
        let running = house.start(second, &RULES);
        let what = format!("{} after {}", second.display(), first.display());
        assert_eq!(house.served(&running, "domini.test"), certificate, "{what}");
        assert_eq!(house.served(&running, "www.domini.test"), certificate, "{what}");
        running.terminate(Duration::from_secs(20));
        let after = house.stored();
        for member in ["Account", "Certificates"] {
            assert_eq!(after["letsencrypt"][member], before["letsencrypt"][member], "{what}");
        }
    }
}
