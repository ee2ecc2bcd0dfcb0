//! A name server that means no good: each answer of it ends in addresses or a reason, and in time.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::time::timeout;

use super::*;

/// Makes an answer of a question: its number of two bytes, and the question itself.
type Answer = fn(&[u8], &[u8]) -> Vec<u8>;

const GOOD: u16 = 0x8180;
const CUT_OFF: u16 = 0x8380;
const NO_SUCH_NAME: u16 = 0x8183;

/// A message with these flags, this many answers and authorities, and these bytes of them.
fn message(number: &[u8], question: &[u8], flags: u16, counts: [u16; 2], rest: &[u8]) -> Vec<u8> {
    let mut message = number.to_vec();
    for word in [flags, 1, counts[0], counts[1], 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(question);
    message.extend(rest);
    message
}

/// A record of the name that was asked for.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 12];
    for word in [kind, 1, 0, 60, data.len() as u16] {
        record.extend(word.to_be_bytes());
    }
    record.extend(data);
    record
}

fn good(number: &[u8], question: &[u8]) -> Vec<u8> {
    // Those of IPv6 have none.
    match question.ends_with(&[0, 1, 0, 1]) {
        true => message(number, question, GOOD, [1, 0], &record(1, &[192, 0, 2, 1])),
        false => message(number, question, GOOD, [0, 0], &[]),
    }
}

/// What is said; whether there are addresses then, where only one is right.
const ANSWERS: &[(&str, Answer, Option<bool>)] = &[
    ("good", good, Some(true)),
    (
        "many addresses",
        |n, q| message(n, q, GOOD, [3000, 0], &record(1, &[1; 4]).repeat(3000)),
        None,
    ),
    (
        "a name that points to itself",
        |n, q| {
            let at = (12 + q.len()) as u16 | 0xc000;
            message(n, q, GOOD, [1, 0], &[&at.to_be_bytes()[..], &record(1, &[1; 4])[2..]].concat())
        },
        Some(false),
    ),
    (
        "a name that points ahead",
        |n, q| message(n, q, GOOD, [1, 0], &[&[0xff, 0xff][..], &record(1, &[1; 4])[2..]].concat()),
        Some(false),
    ),
    ("a name without end", |n, q| message(n, q, GOOD, [1, 0], &[63; 4000]), Some(false)),
    ("more records than there are", |n, q| message(n, q, GOOD, [65_535, 65_535], &[]), Some(false)),
    (
        "data longer than there is",
        |n, q| message(n, q, GOOD, [1, 0], &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0xff, 0xff, 1]),
        Some(false),
    ),
    (
        "an address of three bytes",
        |n, q| message(n, q, GOOD, [1, 0], &record(1, &[1; 3])),
        Some(false),
    ),
    (
        "SVCB cut off",
        |n, q| message(n, q, GOOD, [1, 0], &record(64, &[0, 1, 0, 0, 1, 0, 9])),
        Some(false),
    ),
    (
        "an alias of itself",
        |n, q| message(n, q, GOOD, [1, 0], &record(5, &[0xc0, 12])),
        Some(false),
    ),
    (
        "aliases without end",
        |n, q| {
            // Each is a letter longer than the one before.
            let mut next = q[..q.len() - 4].to_vec();
            if next[0] >= 60 {
                return message(n, q, GOOD, [0, 0], &[]);
            }
            next[0] += 1;
            next.insert(1, b'a');
            message(n, q, GOOD, [1, 0], &record(5, &next))
        },
        Some(false),
    ),
    (
        "nothing, says another's zone",
        |n, q| {
            let mut soa = b"\x05other\x04test\0".to_vec();
            // SOA, IN, for ever, 27 bytes: two names and five numbers.
            soa.extend([0, 6, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 27]);
            soa.extend(b"\x02ns\0\x01h\0");
            soa.extend([0xff; 20]);
            message(n, q, NO_SUCH_NAME, [0, 1], &soa)
        },
        Some(false),
    ),
    ("cut off, and the rest nowhere", |n, q| message(n, q, CUT_OFF, [0, 0], &[]), Some(false)),
    (
        "another's question",
        |n, q| {
            let mut other = q.to_vec();
            other[1] ^= 1;
            message(n, &other, GOOD, [1, 0], &record(1, &[1; 4]))
        },
        Some(false),
    ),
    ("another's number", |n, q| good(&[!n[0], !n[1]], q), Some(false)),
    ("a question", |n, q| message(n, q, 0x0100, [0, 0], &[]), Some(false)),
    ("no message", |n, _| n.to_vec(), Some(false)),
    ("nonsense", |n, _| [n, &[0xff; 2000][..]].concat(), Some(false)),
];

#[tokio::test]
async fn wicked_answers() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let says: Arc<Mutex<Answer>> = Arc::new(Mutex::new(good as Answer));
    let shared = Arc::clone(&says);
    std::thread::spawn(move || {
        let mut bytes = [0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let Some(rest) = bytes.get(12..length) else { continue };
            // The name ends with an empty label, and type and class follow.
            let Some(end) = rest.iter().position(|byte| *byte == 0) else { continue };
            let Some(question) = rest.get(..end + 5) else { continue };
            let answer = *shared.lock().unwrap();
            let _ = socket.send_to(&answer(&bytes[..2], question), from);
        }
    });
    let mut connection = ConnectionConfig::udp();
    connection.port = port;
    let server = NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    for (number, (what, answer, found)) in ANSWERS.iter().enumerate() {
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config.clone(), provider);
        builder.options_mut().timeout = Duration::from_millis(300);
        let resolver = Resolver::default();
        resolver.inner.set(builder.build().unwrap()).unwrap();
        *says.lock().unwrap() = *answer;
        let resolving = resolver.resolve("wicked.test.");
        let result = timeout(Duration::from_secs(30), resolving).await;
        let result = result.unwrap_or_else(|_| panic!("{what}: no end"));
        let addresses = result.as_ref().is_ok_and(|addresses| !addresses.is_empty());
        assert!(found.is_none_or(|found| found == addresses), "{what}: {result:?}");
        // Whatever was said of one name, the next is found.
        *says.lock().unwrap() = good;
        let next = resolver.resolve(&format!("good{number}.test.")).await;
        assert_eq!(next, Ok(vec![IpAddr::from([192, 0, 2, 1])]), "{what}");
    }
}
