//! What is told of a certificate, option by option.

use http::request;
use rcgen::{
    CertificateParams, CertifiedIssuer, CustomExtension, DnType, DnValue, KeyPair, SanType,
};

use super::*;
use crate::middleware::Middleware;
use crate::middleware::tests::{build, context};
use crate::tls::PeerCertificates;

/// A client's certificate with all that can be told, and its issuer's.
fn chain(common_name: &str) -> Vec<CertificateDer<'static>> {
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = rcgen::DistinguishedName::new();
    issuer.distinguished_name.push(DnType::CountryName, "DE");
    issuer.distinguished_name.push(DnType::OrganizationName, "Issuing, Inc.");
    issuer.distinguished_name.push(DnType::OrganizationalUnitName, "hidden");
    issuer.distinguished_name.push(DnType::CommonName, "The issuer");
    let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let domain = DnType::CustomDnType(vec![0, 9, 2342, 19200300, 100, 1, 25]);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(domain, DnValue::Ia5String("test".try_into().unwrap()));
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::StateOrProvinceName, "Nord");
    params.distinguished_name.push(DnType::LocalityName, "Lille");
    params.distinguished_name.push(DnType::OrganizationName, "Org");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Unit");
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "4711");
    params.serial_number = Some(vec![1, 0, 0, 0, 0, 0, 0, 0, 0].into());
    params.not_before = rcgen::date_time_ymd(2020, 1, 2);
    params.not_after = rcgen::date_time_ymd(2099, 1, 2);
    params.subject_alt_names = vec![
        SanType::URI("spiffe://a/b".try_into().unwrap()),
        SanType::IpAddress("10.0.0.1".parse().unwrap()),
        SanType::DnsName("b.test".try_into().unwrap()),
        SanType::Rfc822Name("a@b.test".try_into().unwrap()),
        SanType::DnsName("*.test".try_into().unwrap()),
    ];
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0])];
    let key = KeyPair::generate().unwrap();
    let own = params.signed_by(&key, &*issuer).unwrap();
    vec![own.der().clone(), issuer.der().clone()]
}

fn pass(options: &str, certificates: Option<&PeerCertificates>) -> request::Parts {
    let built = build(&format!(r#"{{"passTLSClientCert":{options}}}"#)).unwrap();
    let Middleware::Edit(edit) = built else { panic!("it does not wait") };
    let request = http::Request::builder().header(PEM, "old").header(INFO, "old");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let context = Context { certificates, ..context("a.test", true) };
    assert!(matches!(edit.on_request(&mut head, &context), Flow::Next));
    head
}

fn unescaped(value: &HeaderValue) -> String {
    let text = value.to_str().unwrap();
    assert!(!text.contains([' ', '"', ',', '=', ';']), "{text}");
    let bytes = crate::middleware::escape::unescape(text.replace('+', " ").as_bytes()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn in_words() {
    let own = PeerCertificates::from(chain("Common name")[..1].to_vec());
    let all = r#"{"domainComponent":true,"country":true,"province":true,"locality":true,"organization":true,"organizationalUnit":true,"serialNumber":true,"commonName":true}"#;
    let table = [
        ("{}", String::new()),
        (r#"{"notAfter":true}"#, r#"NA="4070995200""#.into()),
        (r#"{"notBefore":true}"#, r#"NB="1577923200""#.into()),
        (r#"{"serialNumber":true}"#, r#"SerialNumber="18446744073709551616""#.into()),
        (r#"{"sans":true}"#, r#"SAN="b.test,*.test,a@b.test,10.0.0.1,spiffe://a/b""#.into()),
        (r#"{"subject":{}}"#, String::new()),
        (r#"{"subject":{"country":true}}"#, r#"Subject="C=FR""#.into()),
        (r#"{"subject":{"province":true}}"#, r#"Subject="ST=Nord""#.into()),
        (r#"{"subject":{"locality":true}}"#, r#"Subject="L=Lille""#.into()),
        (r#"{"subject":{"organization":true}}"#, r#"Subject="O=Org""#.into()),
        (r#"{"subject":{"organizationalUnit":true}}"#, r#"Subject="OU=Unit""#.into()),
        (r#"{"subject":{"serialNumber":true}}"#, r#"Subject="SN=4711""#.into()),
        (r#"{"subject":{"commonName":true}}"#, r#"Subject="CN=Common name""#.into()),
        (r#"{"subject":{"domainComponent":true}}"#, r#"Subject="DC=test""#.into()),
        (r#"{"issuer":{"locality":true}}"#, String::new()),
        (
            &format!(r#"{{"issuer":{all}}}"#),
            r#"Issuer="C=DE,O=Issuing, Inc.,CN=The issuer""#.into(),
        ),
        (
            &format!(
                r#"{{"sans":true,"notAfter":true,"notBefore":true,"serialNumber":true,"issuer":{all},"subject":{all}}}"#
            ),
            [
                r#"Subject="DC=test,C=FR,ST=Nord,L=Lille,O=Org,OU=Unit,SN=4711,CN=Common name""#,
                r#"Issuer="C=DE,O=Issuing, Inc.,CN=The issuer""#,
                r#"SerialNumber="18446744073709551616""#,
                r#"NB="1577923200""#,
                r#"NA="4070995200""#,
                r#"SAN="b.test,*.test,a@b.test,10.0.0.1,spiffe://a/b""#,
            ]
            .join(";"),
        ),
    ];
    for (info, expected) in table {
        // Twice: the second time it is remembered.
        for _ in 0..2 {
            let head = pass(&format!(r#"{{"info":{info}}}"#), Some(&own));
            assert_eq!(unescaped(&head.headers[INFO]), expected, "{info}");
            assert_eq!(head.headers[PEM], "old");
            assert_eq!(head.headers.get_all(INFO).iter().count(), 1);
        }
    }
}

#[test]
fn several_certificates() {
    let chain = chain("c");
    let both = PeerCertificates::from(chain.clone());
    let head = pass(r#"{"pem":true,"info":{"subject":{"commonName":true}}}"#, Some(&both));
    let lines: Vec<String> = chain.iter().map(|der| BASE64_STANDARD.encode(der)).collect();
    assert_eq!(head.headers[PEM], lines.join(","));
    assert_eq!(unescaped(&head.headers[INFO]), r#"Subject="CN=c",Subject="CN=The issuer""#);
}

/// advisories.md C11: whatever a certificate holds, it is one header.
#[test]
fn wicked_names() {
    for name in ["a\r\nX-Admin: 1", "a,b=c;d\"e", "\u{e9}\u{4e2d}", "a\0b", "%0d", "+"] {
        let chain = PeerCertificates::from(chain(name)[..1].to_vec());
        let head = pass(r#"{"info":{"subject":{"commonName":true}}}"#, Some(&chain));
        assert_eq!(unescaped(&head.headers[INFO]), format!("Subject=\"CN={name}\""));
        assert!(!head.headers.contains_key("x-admin"));
    }
    // Nor does one that cannot be read do any harm.
    let broken = PeerCertificates::from(vec![CertificateDer::from(vec![1, 2, 3])]);
    let head = pass(r#"{"pem":true,"info":{"sans":true}}"#, Some(&broken));
    assert_eq!(
        (&head.headers[PEM], &head.headers[INFO]),
        (&"AQID".parse().unwrap(), &"".parse().unwrap())
    );
}

#[test]
fn no_certificate() {
    let head = pass(r#"{"pem":true,"info":{"sans":true}}"#, None);
    assert_eq!(
        (&head.headers[PEM], &head.headers[INFO]),
        (&"old".parse().unwrap(), &"old".parse().unwrap())
    );
}
