//! `digestAuth`: a challenge, and what the proxies make of answers to it.

use std::io;

use md5::{Digest, Md5};
use swarmgate_testkit::client::{Client, Response};

use crate::conversations::told;
use crate::outcome;
use crate::setup::{Side, World};

/// What a client says.
#[derive(Clone)]
struct Said {
    host: &'static str,
    scheme: &'static str,
    user: &'static str,
    /// The realm that the password belongs to.
    realm: &'static str,
    password: &'static str,
    target: &'static str,
    uri: &'static str,
    nonce: String,
    opaque: String,
    count: &'static str,
    qop: &'static str,
    /// With its comma.
    algorithm: &'static str,
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parameter(challenge: &str, name: &str) -> String {
    let after = challenge.split_once(&format!("{name}=\"")).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

impl Said {
    /// Right in all respects, with a nonce that is new.
    fn begin(client: &mut Client, host: &'static str) -> io::Result<Self> {
        let answer = client.exchange(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        Ok(Self {
            host,
            scheme: "Digest",
            user: "bob",
            realm: "traefik",
            password: "secret",
            target: "/foo/x?c=d",
            uri: "/foo/x?c=d",
            nonce: parameter(challenge, "nonce"),
            opaque: parameter(challenge, "opaque"),
            count: "00000001",
            qop: "auth",
            algorithm: ", algorithm=MD5",
        })
    }

    fn ask(&self, client: &mut Client) -> io::Result<Response> {
        let Self { host, scheme, user, realm, password, target, uri, .. } = self;
        let Self { nonce, opaque, count, qop, algorithm, .. } = self;
        let ha1 = md5(&format!("{user}:{realm}:{password}"));
        let ha2 = md5(&format!("GET:{uri}"));
        let response = md5(&format!("{ha1}:{nonce}:{count}:cn:{qop}:{ha2}"));
        client.exchange(format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Web-User: root\r\n\
             Authorization: {scheme} username=\"{user}\", realm=\"x\", nonce=\"{nonce}\", \
             uri=\"{uri}\", opaque=\"{opaque}\", qop={qop}, nc={count}, cnonce=\"cn\", \
             response=\"{response}\"{algorithm}\r\n\r\n"
        ))
    }
}

/// The answer without what is chance: of that, the length.
fn lines(side: &Side, name: &str, answer: Response) -> Vec<String> {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let chance = [parameter(challenge, "nonce"), parameter(challenge, "opaque")];
    let lines = outcome::lines(side, Ok(answer));
    lines
        .into_iter()
        // What is signed is chance; the other is the difference "gzip".
        .filter(|line| !line.starts_with("upstream header authorization: "))
        .filter(|line| line != "upstream header accept-encoding: gzip")
        .map(|mut line| {
            for text in chance.iter().filter(|text| !text.is_empty()) {
                line = line.replace(text, &format!("({})", text.len()));
            }
            format!("{name}: {line}")
        })
        .collect()
}

pub fn counts(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        let mut said = Said::begin(client, "da.test")?;
        let mut told = Vec::new();
        // As they come.
        for (number, count) in
            ["00000001", "00000001", "2", "0000000A", "9", "a", "B", "x", "", "ffffffffffffffff"]
                .into_iter()
                .enumerate()
        {
            said.count = count;
            let answer = said.ask(client)?;
            told.extend(lines(side, &format!("{number} {count}"), answer));
        }
        Ok(told)
    })
}

pub fn variants(side: &Side, _: &World) -> Vec<String> {
    type Change = fn(&mut Said);
    let table: &[(&str, Change)] = &[
        ("right", |_| {}),
        ("no algorithm", |said| said.algorithm = ""),
        ("quoted algorithm", |said| said.algorithm = ", algorithm=\"MD5\""),
        ("MD5-sess", |said| said.algorithm = ", algorithm=MD5-sess"),
        ("SHA-256", |said| said.algorithm = ", algorithm=SHA-256"),
        ("auth-int", |said| said.qop = "auth-int"),
        ("quoted qop", |said| said.qop = "\"auth\""),
        ("scheme in lower case", |said| said.scheme = "digest"),
        ("two blanks", |said| said.scheme = "Digest "),
        ("Basic", |said| said.scheme = "Basic"),
        ("another nonce", |said| said.nonce = "AAAAAAAAAAAAAAAA".into()),
        ("another opaque", |said| said.opaque = "AAAAAAAAAAAAAAAA".into()),
        ("no opaque", |said| said.opaque = String::new()),
        ("wrong password", |said| said.password = "Secret"),
        ("unknown user", |said| said.user = "nobody"),
        ("no user", |said| said.user = ""),
        ("user of another realm", |said| (said.user, said.realm) = ("eve", "other")),
        ("beginning of the path", |said| said.uri = "/foo"),
        ("the root", |said| said.uri = "/"),
        ("another query", |said| said.uri = "/foo/x?x"),
        ("no query", |said| said.uri = "/foo/x"),
        ("longer path", |said| said.uri = "/foo/x/y"),
        ("another path", |said| said.uri = "/x"),
        ("whole url", |said| said.uri = "http://da.test/foo/x?c=d"),
        ("nothing asked for", |said| said.uri = ""),
        ("escaped letters", |said| said.uri = "/%66oo/x"),
        ("broken escape", |said| said.uri = "/foo%2"),
        ("path that is cleaned", |said| (said.target, said.uri) = ("/x/../foo", "/x/../foo")),
    ];
    told(side, |client| {
        let mut told = Vec::new();
        for (name, change) in table {
            let mut said = Said::begin(client, "da.test")?;
            change(&mut said);
            // A right one proves nothing of the wrong one before it: each has its own nonce.
            let answer = said.ask(client)?;
            told.extend(lines(side, name, answer));
        }
        Ok(told)
    })
}

pub fn others(side: &Side, _: &World) -> Vec<String> {
    told(side, |client| {
        let mut told = Vec::new();
        for (host, realm) in
            [("da-realm.test", "a \"b\" c"), ("da-none.test", "x"), ("da-field.test", "traefik")]
        {
            let mut said = Said { realm, ..Said::begin(client, host)? };
            let answer = said.ask(client)?;
            told.extend(lines(side, host, answer));
            said.count = "00000002";
            said.password = "wrong";
            let answer = said.ask(client)?;
            told.extend(lines(side, &format!("{host} wrong"), answer));
        }
        Ok(told)
    })
}
