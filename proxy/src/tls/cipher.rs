//! Names of cipher suites, as logs and metrics show them.

use rustls::CipherSuite;

/// The IANA name, which is Go's as well; rustls' own names of the TLS 1.3 suites differ.
pub fn cipher_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_everything_that_is_served() {
        for suite in crate::tls::provider().cipher_suites.iter() {
            let name = cipher_name(suite.suite());
            assert!(name.starts_with("TLS_") && name.contains("_SHA"), "{name}");
        }
        assert_eq!(cipher_name(CipherSuite::Unknown(0xfefe)), "-");
    }
}
