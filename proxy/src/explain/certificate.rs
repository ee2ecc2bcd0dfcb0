//! Which certificate a client of this host is shown.

use super::answer::Certificate;
use super::handshake::server_name;
use super::{Target, View};
use crate::tls::Choice;

/// The certificate, as a client with modern signature schemes gets it.
pub(super) fn shown(
    view: View<'_>,
    entry_point: usize,
    target: &Target,
    wanted_from: Option<&str>,
) -> Option<Certificate> {
    let server_name = server_name(target);
    let (info, chosen_by) = view.certificates.shown(server_name.as_deref())?;
    let point = view.snapshot.entry_points.get(entry_point);
    let options = match point.map(|point| point.handshakes.choose(server_name.as_deref())) {
        None | Some(Choice::BuiltIn) => "default".to_owned(),
        Some(Choice::Set(set)) => set.described(),
        Some(Choice::Refused) => "cannot be served: the connection is closed".to_owned(),
    };
    let mut names: Vec<String> = info.sans.clone();
    if names.is_empty() && !info.common_name.is_empty() {
        names.push(info.common_name.clone());
    }
    let issuer = [&info.issuer_cn, &info.issuer_org].into_iter().find(|text| !text.is_empty());
    Some(Certificate {
        server_name,
        names,
        issuer: issuer.cloned().unwrap_or_default(),
        not_before: info.not_before.clone(),
        not_after: info.not_after.clone(),
        status: info.status_now().to_owned(),
        source: info.source.clone(),
        chosen_by: chosen_by.to_owned(),
        options,
        wanted_from: wanted_from.map(str::to_owned),
    })
}
