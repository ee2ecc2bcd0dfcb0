//! Entry points: addresses, trusted networks, redirections.

use super::Checker;
use crate::finding::ObjectKind;
use crate::install::{Address, EntryPoint, Protocol};

impl Checker<'_> {
    pub(super) fn entry_points(&mut self) {
        let install = self.install;
        for (name, entry_point) in &install.entry_points {
            self.address(name, entry_point);
            self.networks(name, entry_point);
            self.strategies(name, entry_point);
            self.numbers(name, entry_point);
            self.redirection(name, entry_point);
        }
        self.collisions();
    }

    fn address(&mut self, name: &str, entry_point: &EntryPoint) {
        let names = ["entryPoints", name, "address"];
        match Address::parse(&entry_point.address) {
            Err(message) => {
                let expected = "[host]:port, optionally with /tcp or /udp behind it";
                self.fatal(&names, message, expected);
            }
            Ok(address) if address.protocol == Protocol::Udp => {
                self.warning(&names, "UDP entry points are known but not served yet", "");
            }
            Ok(_) if entry_point.address.is_empty() => {
                let message = "no address: a free port is chosen at each start";
                self.warning(&names, message, "an address such as :80");
            }
            Ok(_) => {}
        }
    }

    fn networks(&mut self, name: &str, entry_point: &EntryPoint) {
        let proxy_protocol = entry_point.proxy_protocol.as_ref();
        let lists = [
            ("forwardedHeaders", Some(&entry_point.forwarded_headers.trusted_ips)),
            ("proxyProtocol", proxy_protocol.map(|settings| &settings.trusted_ips)),
        ];
        for (group, list) in lists {
            for text in list.into_iter().flatten().filter(|text| !is_network(text)) {
                let names = ["entryPoints", name, group, "trustedIPs"];
                let message = format!("invalid CIDR address: {text}");
                self.fatal(&names, message, "addresses or networks such as 10.0.0.0/8");
            }
        }
    }

    fn strategies(&mut self, name: &str, entry_point: &EntryPoint) {
        let http = &entry_point.http;
        let alias = http.alias_headers_strategy.as_deref().unwrap_or_default();
        let underscore = http.underscore_headers_strategy.as_deref().unwrap_or_default();
        for (option, value) in
            [("aliasHeadersStrategy", alias), ("underscoreHeadersStrategy", underscore)]
        {
            if !matches!(value, "" | "keep" | "delete" | "reject") {
                let names = ["entryPoints", name, "http", option];
                let message = format!("unknown strategy {value:?}");
                self.fatal(&names, message, "keep, delete or reject");
            }
        }
        if !alias.is_empty() && !underscore.is_empty() && alias != underscore {
            let names = ["entryPoints", name, "http", "underscoreHeadersStrategy"];
            let message = format!("{underscore:?} contradicts aliasHeadersStrategy {alias:?}");
            self.fatal(&names, message, "the same value, or only aliasHeadersStrategy");
        }
    }

    fn numbers(&mut self, name: &str, entry_point: &EntryPoint) {
        let http2 = &entry_point.http2;
        let numbers = [
            (["http2", "maxConcurrentStreams"], http2.max_concurrent_streams),
            (["http2", "maxDecoderHeaderTableSize"], http2.max_decoder_header_table_size),
            (["http2", "maxEncoderHeaderTableSize"], http2.max_encoder_header_table_size),
            (["http", "maxHeaderBytes"], entry_point.http.max_header_bytes),
        ];
        for ([group, option], number) in numbers {
            if let Some(number) = number.filter(|number| *number < 0) {
                let names = ["entryPoints", name, group, option];
                self.fatal(&names, format!("{number} is negative"), "0 or more");
            }
        }
    }

    fn redirection(&mut self, name: &str, entry_point: &EntryPoint) {
        let redirections = entry_point.http.redirections.as_ref();
        let Some(target) = redirections.and_then(|redirections| redirections.entry_point.as_ref())
        else {
            return;
        };
        let names = ["entryPoints", name, "http", "redirections", "entryPoint", "to"];
        let port = target.to.strip_prefix(':');
        let known = match port {
            Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
            None => self.knows_entry_point(&target.to),
        };
        if known {
            return;
        }
        let message = match port {
            _ if target.to.is_empty() => "no target: nothing is redirected".to_owned(),
            Some(_) => format!("{:?} is not a port: nothing is redirected", target.to),
            None => format!("unknown entry point {:?}: nothing is redirected", target.to),
        };
        let expected = format!("one of {}, or :port", self.entry_point_names());
        self.error((ObjectKind::EntryPoint, name), &names, message, &expected);
    }

    fn collisions(&mut self) {
        let opened = self.install.entry_points_or_default();
        let parsed: Vec<(&String, &EntryPoint, Address)> = opened
            .iter()
            .filter_map(|(name, point)| Some((name, point, Address::parse(&point.address).ok()?)))
            .collect();
        for (at, (name, point, address)) in parsed.iter().enumerate() {
            let earlier = parsed.iter().take(at).find(|(_, other, taken)| {
                taken.collides(address) && !(point.reuse_port && other.reuse_port)
            });
            if let Some((other, ..)) = earlier {
                let names = ["entryPoints", name, "address"];
                let message = format!("{address} is taken by the entry point {other:?} already");
                self.fatal(&names, message, "an address of its own for each entry point");
            }
        }
    }
}

/// An IP address or CIDR network.
fn is_network(text: &str) -> bool {
    use std::net::IpAddr;
    match text.split_once('/') {
        None => text.parse::<IpAddr>().is_ok(),
        Some((address, bits)) => {
            let most = match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            bits.bytes().all(|b| b.is_ascii_digit())
                && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        }
    }
}
