//! The socket on which the running proxy answers `explain` and `routes`: nothing has to be
//! configured, nothing is opened to the network.
//!
//! It is an abstract Unix socket named `swarmgate/<pid>`, visible within the network namespace:
//! `docker exec <proxy> /swarmgate explain ...` finds it. Only root and the proxy's own user are
//! answered, by the credentials that the kernel tells. One exchange per connection: a question in
//! JSON until the client ends its side, an answer in JSON until we end ours.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use swarmgate_proxy::Proxy;
use swarmgate_proxy::explain::Ask;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What all names begin with.
const PREFIX: &str = "swarmgate/";
/// Two containers in one network namespace may have the same process id.
const SAME_PID: u32 = 16;
/// For the client's question, and for each step of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// For the whole exchange, as the client sees it.
const WHOLE: Duration = Duration::from_secs(30);
/// The longest question, bytes.
const QUESTION_LIMIT: u64 = 256 * 1024;
/// The longest answer, bytes: 100,000 routes.
const ANSWER_LIMIT: u64 = 256 << 20;
/// So many are answered at once.
const AT_ONCE: usize = 4;

/// Opens the socket and answers on it until the handle is aborted. Without it the proxy serves all
/// the same, so a failure is only told.
pub fn start(proxy: &Arc<Proxy>) -> Option<tokio::task::JoinHandle<()>> {
    match open(std::process::id()) {
        Ok(listener) => Some(tokio::spawn(serve(listener, Arc::downgrade(proxy)))),
        Err(error) => {
            tracing::warn!(%error, "The control socket cannot be opened: `explain` has nobody to ask");
            None
        }
    }
}

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("{PREFIX}{name}"))
}

/// Listens under the first name that is free.
fn open(pid: u32) -> io::Result<UnixListener> {
    let mut name = pid.to_string();
    let mut number = 1;
    loop {
        match StdListener::bind_addr(&address(&name)?) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return UnixListener::from_std(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && number < SAME_PID => {
                number += 1;
                name = format!("{pid}.{number}");
            }
            Err(error) => return Err(error),
        }
    }
}

async fn serve(listener: UnixListener, proxy: Weak<Proxy>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "The control socket cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Strangers take none of the places.
        if !admits(&stream) {
            continue;
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let proxy = Weak::clone(&proxy);
        tokio::spawn(async move {
            if let Err(error) = exchange(stream, proxy).await {
                tracing::debug!(%error, "The control socket's client was lost");
            }
            drop(place);
        });
    }
}

/// Whether the client is answered; one that is not is told so.
fn admits(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let Ok(peer) = stream.peer_cred() else { return false };
    let admitted = is_admitted(peer.uid(), own);
    if !admitted {
        let uid = peer.uid();
        tracing::debug!(uid, "The control socket refuses a client");
        // It fits into the empty buffer of a new socket.
        let refusal = refusal(&format!("user {uid} is not answered; expected root or user {own}"));
        let _ = stream.try_write(&refusal);
    }
    admitted
}

/// Whether a client of this user is answered.
fn is_admitted(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

async fn exchange(mut stream: UnixStream, proxy: Weak<Proxy>) -> io::Result<()> {
    let mut question = Vec::new();
    let mut limited = (&mut stream).take(QUESTION_LIMIT);
    timeout(PATIENCE, limited.read_to_end(&mut question)).await??;
    // Milliseconds of work: not on the thread that applies changes.
    let replying = tokio::task::spawn_blocking(move || reply(&question, &proxy));
    let reply = replying.await.map_err(io::Error::other)?;
    // A large answer to a slow reader takes as long as it makes progress.
    for piece in reply.chunks(64 * 1024) {
        timeout(PATIENCE, stream.write_all(piece)).await??;
    }
    timeout(PATIENCE, stream.shutdown()).await?
}

fn refusal(why: &str) -> Vec<u8> {
    json!({ "error": why }).to_string().into_bytes()
}

/// `{"answer": ...}` or `{"error": "..."}`.
fn reply(question: &[u8], proxy: &Weak<Proxy>) -> Vec<u8> {
    let ask: Ask = match serde_json::from_slice(question) {
        Ok(ask) => ask,
        Err(error) => return refusal(&format!("the question cannot be read: {error}")),
    };
    let Some(proxy) = proxy.upgrade() else { return refusal("the proxy is stopping") };
    let answer = match ask {
        Ask::Explain(question) => proxy.explain(&question).map(serde_json::to_value),
        Ask::Routes { host, entry_point } => {
            proxy.routes(&host, &entry_point).map(serde_json::to_value)
        }
    };
    match answer {
        Ok(Ok(answer)) => json!({ "answer": answer }).to_string().into_bytes(),
        Ok(Err(error)) => refusal(&error.to_string()),
        Err(error) => refusal(&error),
    }
}

/// A socket of a running proxy, as its clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    /// Its name behind `swarmgate/`.
    name: String,
    /// Its process is one of our own process namespace: where several containers share a network,
    /// it is the one whose container we are in.
    ours: bool,
}

/// Asks a running proxy: the one of this name (its process id), or else the only one.
///
/// # Errors
/// Why nobody could be asked, or what is wrong with the question.
pub async fn ask(wanted: Option<&str>, ask: &Ask) -> Result<Value, String> {
    let listed = std::fs::read_to_string("/proc/net/unix")
        .map_err(|error| format!("cannot look for running proxies: /proc/net/unix: {error}"))?;
    let own = rustix::process::geteuid().as_raw();
    let mut found = Vec::new();
    let mut strangers = Vec::new();
    let mut busy = Vec::new();
    for name in names(&listed) {
        let stream = match connect(&name).await {
            Ok(stream) => stream,
            // Its queue is full: waiting would leave the command to whoever took the name.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                busy.push(name);
                continue;
            }
            // It has just ended.
            Err(_) => continue,
        };
        let Ok(peer) = stream.peer_cred() else { continue };
        // Anybody may take such a name, and a question may hold secrets.
        if !is_trusted(peer.uid(), own) {
            strangers.push(format!("{name} of user {}", peer.uid()));
            continue;
        }
        let pid = peer.pid().filter(|pid| *pid > 0).map(|pid| pid.to_string());
        let ours = pid.as_deref() == name.split('.').next();
        found.push((Found { name, ours }, stream));
    }
    let candidates: Vec<Found> = found.iter().map(|(found, _)| found.clone()).collect();
    let chosen = choose(&candidates, wanted, &strangers, &busy)?;
    let Some((_, stream)) = found.into_iter().nth(chosen) else {
        return Err("the proxy has just ended".into());
    };
    let exchange = timeout(WHOLE, converse(stream, ask)).await;
    let answer = exchange
        .map_err(|_| "the proxy does not answer".to_owned())?
        .map_err(|error| format!("the proxy does not answer: {error}"))?;
    read_reply(&answer)
}

/// Whether questions may be sent to a process of this user.
fn is_trusted(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own || own == 0
}

/// Never waits: where the listener's queue is full, the error is `WouldBlock`.
async fn connect(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect(format!("\0{PREFIX}{name}")).await
}

async fn converse(mut stream: UnixStream, ask: &Ask) -> io::Result<Vec<u8>> {
    let question = serde_json::to_vec(ask)?;
    // Who is refused is told so before the question was read.
    let sent = stream.write_all(&question).await;
    let ended = stream.shutdown().await;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    if answer.is_empty() {
        sent.and(ended)?;
    }
    Ok(answer)
}

/// The answer in a reply, or the error.
fn read_reply(reply: &[u8]) -> Result<Value, String> {
    let reply: Value = serde_json::from_slice(reply)
        .map_err(|error| format!("the proxy's answer cannot be read: {error}"))?;
    match reply {
        Value::Object(mut reply) => match (reply.remove("answer"), reply.remove("error")) {
            (Some(answer), _) => Ok(answer),
            (None, Some(Value::String(error))) => Err(error),
            _ => Err("the proxy's answer cannot be read".into()),
        },
        _ => Err("the proxy's answer cannot be read".into()),
    }
}

/// Names behind `swarmgate/` of the listening sockets in `/proc/net/unix`, in order.
fn names(listed: &str) -> Vec<String> {
    let mut names: Vec<String> = listed
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let flags = fields.nth(3)?;
            let path = fields.nth(3)?;
            // __SO_ACCEPTCON
            let listens = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 0x1_0000 != 0);
            let name = path.strip_prefix('@')?.strip_prefix(PREFIX)?;
            let plain = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            (listens && plain && !name.is_empty()).then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Which of them is asked. `busy`: those that have no place for one more client.
fn choose(
    found: &[Found],
    wanted: Option<&str>,
    strangers: &[String],
    busy: &[String],
) -> Result<usize, String> {
    let full = |name: &str| format!("{PREFIX}{name} does not answer: its queue is full");
    let list = || found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = wanted {
        let place = found.iter().position(|it| it.name == wanted);
        if place.is_none() && busy.iter().any(|name| name == wanted) {
            return Err(full(wanted));
        }
        return place.ok_or_else(|| match found {
            [] => format!("no running proxy has the process id {wanted}"),
            _ => {
                format!("no running proxy has the process id {wanted}; expected one of {}", list())
            }
        });
    }
    let mut ours = found.iter().enumerate().filter(|(_, it)| it.ours);
    match (found, ours.next(), ours.next()) {
        ([_], ..) => Ok(0),
        ([], ..) if !busy.is_empty() => Err(full(&busy.join(", "))),
        ([], ..) if !strangers.is_empty() => Err(format!(
            "the running proxy belongs to somebody else ({}); expected root or its own user to ask",
            strangers.join(", ")
        )),
        ([], ..) => Err("no running proxy was found in this network namespace; expected one: \
                         docker exec <proxy> /swarmgate explain ..., or --api URL"
            .into()),
        (_, Some((only, _)), None) => Ok(only),
        _ => Err(format!("several proxies run here; expected --pid with one of {}", list())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_admitted() {
        // Client, proxy.
        for (uid, own, expected) in [
            (0, 0, true),
            (0, 65534, true),
            (65534, 65534, true),
            (1000, 0, false),
            (1000, 65534, false),
        ] {
            assert_eq!(is_admitted(uid, own), expected, "{uid} {own}");
        }
        // Proxy, client.
        for (uid, own, expected) in [
            (0, 0, true),
            (0, 1000, true),
            (1000, 1000, true),
            (1000, 0, true),
            (1001, 1000, false),
        ] {
            assert_eq!(is_trusted(uid, own), expected, "{uid} {own}");
        }
    }

    #[test]
    fn names_in_the_kernels_list() {
        let listed = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 2 @swarmgate/17\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 2 @swarmgate/1.2\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 2 @swarmgate/18\n\
            0000000000000000: 00000003 00000000 00010000 0001 03 2 @swarmgate/../x\n\
            0000000000000000: 00000003 00000000 00010000 0001 03 2 @swarmgate/\n\
            0000000000000000: 00000003 00000000 00010000 0001 03 2 /run/swarmgate/19\n\
            0000000000000000: 00000003 00000000 00010000 0001 03 2\n\ngarbage\n";
        assert_eq!(names(listed), ["1.2", "17"]);
    }

    #[test]
    fn which_one_is_asked() {
        let found = |list: &[(&str, bool)]| {
            let one = |(name, ours): &(&str, bool)| Found { name: (*name).into(), ours: *ours };
            list.iter().map(one).collect::<Vec<_>>()
        };
        type Row<'a> = (&'a [(&'a str, bool)], Option<&'a str>, Result<usize, &'a str>);
        let table: [Row<'_>; 8] = [
            (&[], None, Err("no running proxy")),
            (&[], Some("7"), Err("process id 7")),
            (&[("7", false)], None, Ok(0)),
            (&[("7", true), ("8", true)], None, Err("one of 7, 8")),
            (&[("1", false), ("1.2", true)], None, Ok(1)),
            (&[("1", false), ("1.2", false)], None, Err("--pid with one of 1, 1.2")),
            (&[("7", true), ("8", true)], Some("8"), Ok(1)),
            (&[("7", true)], Some("9"), Err("expected one of 7")),
        ];
        for (list, wanted, expected) in table {
            let chosen = choose(&found(list), wanted, &[], &[]);
            match expected {
                Ok(place) => assert_eq!(chosen, Ok(place), "{list:?} {wanted:?}"),
                Err(part) => {
                    let error = chosen.unwrap_err();
                    assert!(error.contains(part), "{list:?} {wanted:?}: {error}");
                }
            }
        }
        let error = choose(&[], None, &["7 of user 5".into()], &[]).unwrap_err();
        assert!(error.contains("7 of user 5"), "{error}");
        for wanted in [None, Some("9")] {
            let error = choose(&[], wanted, &[], &["9".into()]).unwrap_err();
            assert!(error.contains("swarmgate/9 does not answer"), "{error}");
        }
        // Somebody else's does not stand in the way.
        assert_eq!(choose(&found(&[("7", false)]), None, &[], &["9".into()]), Ok(0));
    }

    #[test]
    fn replies() {
        assert_eq!(read_reply(br#"{"answer":{"a":1}}"#), Ok(json!({ "a": 1 })));
        assert_eq!(read_reply(br#"{"error":"no"}"#), Err("no".to_owned()));
        for broken in [&b""[..], b"{}", b"[]", b"{\"error\":1}", b"\xff"] {
            assert!(read_reply(broken).unwrap_err().contains("cannot be read"));
        }
    }

    #[tokio::test]
    async fn two_with_one_process_id() {
        // No process has this number: Linux ends at 2^22.
        let pid = 4_200_000_000 + std::process::id() % 1000;
        let (first, second) = (open(pid).unwrap(), open(pid).unwrap());
        let listed = std::fs::read_to_string("/proc/net/unix").unwrap();
        let known = names(&listed);
        for name in [pid.to_string(), format!("{pid}.2")] {
            assert!(known.contains(&name), "{name}: {known:?}");
        }
        drop((first, second));
    }

    #[tokio::test]
    async fn hostile_questions() {
        let long = vec![b'['; 1 << 20];
        for question in [&b""[..], b"{}", b"null", b"\xff\xfe", b"{\"explain\":7}", &long] {
            let (client, server) = UnixStream::pair().unwrap();
            let serving = tokio::spawn(exchange(server, Weak::new()));
            let (mut reading, mut writing) = client.into_split();
            let asking = async {
                // What is too long may be cut off.
                let _ = writing.write_all(question).await;
                drop(writing);
            };
            let mut answer = Vec::new();
            let answering = reading.read_to_end(&mut answer);
            let (_, _) = tokio::join!(asking, answering);
            if question.len() < 1000 {
                assert!(read_reply(&answer).is_err(), "{question:?}");
            }
            let _ = serving.await.unwrap();
        }
    }
}
