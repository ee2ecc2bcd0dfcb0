//! What is in `clientAuth.caFiles`, and what a change of it changes.

use super::*;

#[test]
fn what_counts_is_the_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let options = TlsOptions {
        client_auth: ClientAuth::RequireAndVerify,
        ca_files: vec![path.display().to_string()],
        ..options()
    };
    let (one, two, three) = (authority("1").pem(), authority("2").pem(), authority("3").pem());
    let store: Arc<Store> = Arc::default();
    let build = |text: &[u8], previous: Option<&Arc<Set>>| {
        std::fs::write(&path, text).unwrap();
        Set::build(&"o".into(), &options, &store, previous).unwrap()
    };
    let first = build(format!("{one}{two}").as_bytes(), None);
    for (what, text) in [
        ("the other way round", format!("{two}{one}").into_bytes()),
        ("twice", format!("{one}{two}{one}").into_bytes()),
        ("other ends of lines", format!("{one}{two}").replace('\n', "\r\n").into_bytes()),
        // As Windows writes it.
        ("a comment", [&b"# f\xfcr Kunden\n"[..], one.as_bytes(), two.as_bytes()].concat()),
    ] {
        assert!(Arc::ptr_eq(&first, &build(&text, Some(&first))), "{what}");
    }
    for (what, text) in [
        ("one less", one.clone()),
        ("one more", format!("{one}{two}{three}")),
        ("another", format!("{one}{three}")),
    ] {
        let changed = build(text.as_bytes(), Some(&first));
        assert!(!Arc::ptr_eq(&first, &changed), "{what}");
        assert!(!changed.is_met_by(Some(&first)), "{what}");
    }
    // The same in another place.
    let inline = TlsOptions { ca_files: vec![two, one], ..options.clone() };
    let moved = Set::build(&"o".into(), &inline, &store, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first, &moved));
}

/// Whose signatures nobody verifies.
#[test]
fn weak_keys_are_told() {
    let asks = |client_auth, pem: &str| {
        let options = TlsOptions { client_auth, ca_files: vec![pem.to_owned()], ..options() };
        set("o", &options)
    };
    let verifies = |pem: &str| asks(ClientAuth::RequireAndVerify, pem).remarks().to_vec();
    let remarks = verifies(WEAK);
    let expected = "\"weak\" in the certificate given as text has an RSA key of 1024 bits";
    assert!(remarks.len() == 1 && remarks[0].contains(expected), "{remarks:?}");
    assert_eq!(verifies(&authority("ours").pem()), [""; 0]);
    assert_eq!(verifies(STRONG), [""; 0]);
    let whoever = asks(ClientAuth::RequireAny, WEAK);
    assert_eq!(whoever.remarks(), [""; 0], "nothing is verified");
}

/// `openssl req -x509 -newkey rsa:1024 -subj /CN=weak`.
const WEAK: &str = "\
-----BEGIN CERTIFICATE-----
MIIB/DCCAWWgAwIBAgIUKL1rWwd+yZAW/RxLTFqNtdrNpwgwDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjExNDIyMTdaGA8yMTI2MTAyODE0
MjIxN1owDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkC
gYEAw49zo61lvHzo6EhY38pz7b2pREUL6m8Q7ucMdrOjDszhgo8llAU7lahJG/ZV
OXstN0AbKv9WrGftEzbJiLWOyh9owzfoYWIPfu7DnKoEBMJGLlNkQd2XdVJeTC4/
UN6LHrlI7Rs9Y9y8k7FD20BLs9FyU4lmkW4MvfhPPlKNE+cCAwEAAaNTMFEwHQYD
VR0OBBYEFADlDHsJ42fLF+IHARoo0NSKOCatMB8GA1UdIwQYMBaAFADlDHsJ42fL
F+IHARoo0NSKOCatMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEA
Jx6/kOxYucU8rULTmdoR7XicesLVlI5+SG4Ok/1snjjLfS1dYEwL0Yg1dLO7wzO+
k6p9ggBhGX+TMhdCf2GAwp4MBwOWdG4N6NJ2ql8RkL563wVSRWbUpHG5K4WS2QOZ
0W9q5X//dqFHO7cFO+1o9/v/DJncI9lAfamswOuSpv0=
-----END CERTIFICATE-----
";

/// `openssl req -x509 -newkey rsa:2048 -subj /CN=strong`.
const STRONG: &str = "\
-----BEGIN CERTIFICATE-----
MIIDBTCCAe2gAwIBAgIUM5D1WDTEyGlZNr5g4OqxMpk2C30wDQYJKoZIhvcNAQEL
BQAwETEPMA0GA1UEAwwGc3Ryb25nMCAXDTI2MTEyMTE0MjIxN1oYDzIxMjYxMDI4
MTQyMjE3WjARMQ8wDQYDVQQDDAZzdHJvbmcwggEiMA0GCSqGSIb3DQEBAQUAA4IB
DwAwggEKAoIBAQC0HgdvcMK9FcMxHYHoDzLH8f+bKsM2VzYkgXQPecUf950+z+33
k2RuouSYo1m3R+yKwH4h3fTt+5yRtd0LgjfiIRzN+R2dJ1f7EfzV3dxhPd7dxo2R
cRnRU7D/ccUQsZDCbym75AgfGxsiO69g5jD5MayCFonVcWnaZJlp2+tEb9f7P9NQ
zuPMyejGbUCYsQsxEgB9Au8JSUnQW5sBPDRy//9F7Qm0TXgKcXxd/ULpWWaYbLAM
YhfRTmmjJw3eQRTnDNif0bdPX7tt4xNhi0qVM08Y9ZVZqAx6SukK4AjaAPP1+JYU
Sgp3V6x15ta/9+SY1oRZcwoW5wCMAweCf/U/AgMBAAGjUzBRMB0GA1UdDgQWBBS/
3gwRqZVBHDOO/kNV0ObYCzOEuTAfBgNVHSMEGDAWgBS/3gwRqZVBHDOO/kNV0ObY
CzOEuTAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQAKdC/NttgA
ciIK6UdcvTSej2QNHobF9WQJRqHyeN1+bPegZVBa0nLeJ7UvnigBfvmOKVOzTkx8
Zi61rfNFAQdg6lPhef6c/ccDwnRDfP0Vtrw856NOlVyCAO0VFF2Agk0pB9Iy4oDi
7ZPEx6CJHwy7P/ekpt3DSe3hoZ6JB+ycs0KMM75X9E3GYxCKQuwzYggq5S7So747
DQahmz+6N4euHwcYgh1tbDfgXJEkt7Pg4fAecvPW+audnfK7ucfbK+6vZHzCg05G
lWpa5d7zp0GAjPYK57l2QfDa7mdMNHjCMN9xP/1kuteGCVGQptoQpZtbTCzAD5th
pYs2tz/r4O4a
-----END CERTIFICATE-----
";
