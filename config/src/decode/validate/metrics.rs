//! `metrics`: entry points that are not there, labels and buckets that cannot be.

use super::Checker;
use crate::finding::ObjectKind;
use crate::install::Prometheus;

impl Checker<'_> {
    pub(super) fn metrics(&mut self) {
        let install = self.install;
        let Some(prometheus) = install.metrics.as_ref().and_then(|it| it.prometheus.as_ref())
        else {
            return;
        };
        let entry_point = &prometheus.entry_point;
        if !prometheus.manual_routing && !self.knows_entry_point(entry_point) {
            let message = format!("unknown entry point {entry_point:?}: metrics are not served");
            let expected = self.entry_point_names();
            let names = ["metrics", "prometheus", "entryPoint"];
            self.error((ObjectKind::EntryPoint, entry_point), &names, message, &expected);
        }
        for (label, header) in &prometheus.header_labels {
            let wrong = Prometheus::bad_label(label).map(|why| format!("{label:?}: {why}"));
            let wrong = wrong.or_else(|| {
                (!is_header_name(header)).then(|| format!("{header:?} is not a header name"))
            });
            if let Some(message) = wrong {
                let names = ["metrics", "prometheus", "headerLabels", label];
                let expected = "a label such as agent with a header such as User-Agent";
                self.warning(&names, format!("{message}; it is left out"), expected);
            }
        }
        let bounds = &prometheus.buckets;
        if bounds.iter().any(|bound| !bound.is_finite())
            || bounds.windows(2).any(|pair| matches!(pair, [a, b] if a >= b))
        {
            let names = ["metrics", "prometheus", "buckets"];
            let message = format!("{bounds:?} are not in ascending order: they are sorted");
            self.warning(&names, message, "seconds, such as 0.1,0.3,1.2,5");
        }
    }
}

/// RFC 9110 section 5.6.2: a token.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
