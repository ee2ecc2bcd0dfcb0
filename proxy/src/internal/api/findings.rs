//! What else is listed: certificates in force, and findings.

use serde_json::Value;
use swarmgate_config::finding::{Finding, Severity};

use super::Scene;
use super::list::{Key, Page};
use crate::tls::CertificateInfo;

/// `/api/certificates`.
pub(super) fn certificates(scene: &Scene<'_>) -> Result<Page, String> {
    let query = &scene.query;
    let status = query.get("status");
    let mut rows: Vec<&CertificateInfo> = scene
        .certificates
        .iter()
        .filter(|certificate| {
            let sans = certificate.sans.join(" ");
            let texts =
                [&*certificate.name, &certificate.common_name, &certificate.issuer_cn, &sans];
            (status.is_empty() || status.eq_ignore_ascii_case(certificate.status_now()))
                && query.finds(&texts)
        })
        .collect();
    query.sort(&mut rows, |certificate| {
        let key = match query.get("sortBy") {
            "status" => certificate.status_now(),
            "issuer" => &certificate.issuer_cn,
            "validUntil" => &certificate.not_after,
            _ => &certificate.common_name,
        };
        (Key::Text(key.to_owned()), certificate.name.clone())
    });
    query.page(rows, show_certificate)
}

/// `/api/certificates/{sha256}`.
pub(super) fn certificate(scene: &Scene<'_>, id: &str) -> Option<Value> {
    scene.certificates.iter().find(|certificate| certificate.name == id).map(show_certificate)
}

fn show_certificate(certificate: &CertificateInfo) -> Value {
    let mut shown = serde_json::to_value(certificate).unwrap_or_default();
    if let Value::Object(map) = &mut shown {
        map.insert("status".into(), certificate.status_now().into());
    }
    shown
}

/// `/api/findings`, Swarmgate's own: everything odd in what people wrote, the gravest first.
/// `search` looks into the whole text, `status` takes a severity.
pub(super) fn findings(scene: &Scene<'_>) -> Result<Page, String> {
    let query = &scene.query;
    let wanted = query.get("status");
    let mut rows: Vec<(&Finding, String)> = scene
        .configuration
        .findings
        .iter()
        .map(|finding| (finding, finding.to_string()))
        .filter(|(finding, text)| {
            let object = finding.object.as_ref().map_or("", |(_, name)| name.as_str());
            (wanted.is_empty() || wanted.eq_ignore_ascii_case(severity(finding)))
                && query.finds(&[text, object])
        })
        .collect();
    query.sort(&mut rows, |(finding, text)| {
        let weight = match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        };
        (Key::Number(weight), text.clone())
    });
    query.page(rows, |(finding, text)| {
        let mut shown = serde_json::to_value(finding).unwrap_or_default();
        if let Value::Object(map) = &mut shown {
            map.insert("text".into(), text.into());
            map.insert("from".into(), finding.origin.to_string().into());
        }
        shown
    })
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
