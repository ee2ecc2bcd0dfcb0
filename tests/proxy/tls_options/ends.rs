//! Sessions whose certificates expire, as OpenSSL keeps them.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::SystemTime;

use super::*;

/// All sessions have to begin, and to be resumed once, until then.
const SOON: Duration = Duration::from_secs(8);

/// A request by OpenSSL, and all that it tells.
fn ask_by(openssl: &Path, stage: &Stage, arguments: &str) -> String {
    let mut child = Command::new(openssl)
        .args(["s_client", "-ign_eof", "-servername", "mtls.test"])
        .args(["-connect", &format!("127.0.0.1:{}", stage.secure)])
        .args(arguments.split(' '))
        .current_dir(stage.process.directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let request = b"GET / HTTP/1.1\r\nHost: mtls.test\r\nConnection: close\r\n\r\n";
    // It may have been turned away by now.
    let _ = child.stdin.take().unwrap().write_all(request);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Whether a session was resumed, and whether there was an answer.
fn seen(told: &str) -> (bool, bool) {
    let (new, reused) = (told.contains("New, TLSv1"), told.contains("Reused, TLSv1"));
    let new = new || told.contains("New, (NONE)");
    assert!(new || reused, "{told}");
    (reused, told.contains("HTTP/1.1 200"))
}

#[test]
fn a_session_ends_with_its_certificate() {
    let what = "sessions whose certificates expire";
    let Some(program) = real::openssl(what) else { return };
    let openssl = |stage: &Stage, arguments: &str| ask_by(&program, stage, arguments);
    let stage = Stage::set();
    let end = SystemTime::now() + SOON;
    let soon = stage.authority.issue_for("soon", SOON);
    for (name, certificate) in [("soon.pem", &soon), ("later.pem", &stage.ours)] {
        let text = format!("{}{}", certificate.pem, certificate.key);
        stage.process.replace_file(name, &text);
    }
    // By tickets, and by their ids.
    let kinds = ["-tls1_3", "-tls1_2", "-tls1_2 -no_ticket"];
    for (number, kind) in kinds.iter().enumerate() {
        let told = openssl(&stage, &format!("{kind} -cert soon.pem -sess_out begun{number}"));
        assert_eq!(seen(&told), (false, true), "{kind}: {told}");
        // It counts as long as its certificate is valid, whatever else is shown.
        let again = format!("{kind} -cert soon.pem -sess_in begun{number} -sess_out kept{number}");
        let told = openssl(&stage, &again);
        assert_eq!(seen(&told), (true, true), "{kind}: {told}");
    }
    let end = end + Duration::from_secs(1);
    std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    for (number, kind) in kinds.iter().enumerate() {
        // TLS 1.3 gives new tickets with each session that is resumed: they end, too.
        let sessions: &[&str] = if number == 0 { &["begun", "kept"] } else { &["begun"] };
        for session in sessions {
            let told =
                openssl(&stage, &format!("{kind} -cert soon.pem -sess_in {session}{number}"));
            assert_eq!(seen(&told), (false, false), "{kind} {session}: {told}");
            let renewed = format!("{kind} -cert later.pem -sess_in {session}{number}");
            let told = openssl(&stage, &renewed);
            assert_eq!(seen(&told), (false, true), "{kind} {session}: {told}");
        }
    }
}
