//! A Redis Cluster: which of its servers has a key is learnt from what they say (`MOVED`, `ASK`).
//!
//! No list of slots is asked for: the first key of a slot goes to any server and is sent on, and
//! the slot is known from then on. Whoever is lost is forgotten, and somebody else is asked.
//! (Redis Cluster specification, "Redirection and resharding".)

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use rustls_pki_types::ServerName;

use super::connection::Failure;
use super::node::{Access, Node};
use super::resp::Reply;

/// So many parts are the keys in.
const SLOTS: u16 = 16_384;

/// So often a command is sent on, as by Traefik's client.
const REDIRECTIONS: usize = 3;

/// So many servers may fail a request.
const FAILURES: usize = 3;

/// A server that has failed is passed over for so long where another may do as well, milliseconds (as
/// long as by Traefik's client), and
const PASSED_OVER: u64 = 15_000;

/// for so long where nobody else has the key: requests do not queue for its time-outs.
const ASKED_AGAIN: u64 = 1000;

/// So many servers are known at a time; beyond, all but the written ones are forgotten.
const MOST: usize = 1000;

/// The servers of a cluster.
pub(super) struct Cluster {
    /// How many of them were written; they come first.
    written: usize,
    nodes: ArcSwap<Vec<Arc<Node>>>,
    /// Held while one is added.
    adding: Mutex<()>,
    /// Whose each slot is: a place among `nodes`, and one; 0: nobody knows. A place that is wrong,
    /// or no longer there, costs a redirection.
    slots: Box<[AtomicU16]>,
    /// Who is asked when nobody knows.
    first: AtomicUsize,
    begun: Instant,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis Cluster at ")?;
        for (number, node) in self.nodes.load().iter().take(self.written).enumerate() {
            write!(f, "{}{}", if number > 0 { ", " } else { "" }, node.access)?;
        }
        Ok(())
    }
}

impl Cluster {
    /// Connects to nobody yet. `nodes`: some of its servers, at least one, far fewer than [`MOST`].
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        Self {
            written: nodes.len(),
            nodes: ArcSwap::from_pointee(nodes.into_iter().map(Arc::new).collect()),
            adding: Mutex::default(),
            slots: (0..SLOTS).map(|_| AtomicU16::new(0)).collect(),
            first: AtomicUsize::new(0),
            begun: Instant::now(),
        }
    }

    /// Has whoever has the key run a command on it.
    pub(super) async fn ask(
        &self,
        key: &[u8],
        command: impl Fn() -> Vec<u8>,
    ) -> Result<Reply, Failure> {
        let slot = self.slots.get(usize::from(slot(key)));
        let nobody = || Failure::Other("it has no server".into());
        let mut node = self.owner(slot).or_else(|| self.any()).ok_or_else(nobody)?;
        let (mut asking, mut redirections, mut failures) = (false, 0, 0);
        loop {
            let answer = node.ask(&command, std::mem::take(&mut asking)).await;
            if let Ok(Reply::Refused(why)) = &answer
                && let Some(redirection) = Redirection::read(why)
            {
                self.found(&node);
                redirections += 1;
                if redirections > REDIRECTIONS {
                    return answer;
                }
                let (place, next) = self.node(&redirection, &node)?;
                if self.is_lost(&next, ASKED_AGAIN) {
                    let why = format!("{} has the key, and is lost", next.access);
                    return Err(Failure::Other(why.into()));
                }
                if Arc::ptr_eq(&next, &node) {
                    // Who answers there now has the key, and is not who answers us.
                    node.hang_up();
                }
                asking = redirection.is_once;
                if let Some(slot) = slot.filter(|_| !redirection.is_once) {
                    slot.store(place + 1, Ordering::Relaxed);
                }
                node = next;
                continue;
            }
            let is_well = match &answer {
                Ok(Reply::Refused(why)) => !is_unwell(why),
                answer => answer.is_ok(),
            };
            if is_well {
                self.found(&node);
                return answer;
            }
            self.lose(&node);
            failures += 1;
            node = match self.another(&node).filter(|_| failures < FAILURES) {
                Some(another) => another,
                None => return answer,
            };
        }
    }

    fn owner(&self, slot: Option<&AtomicU16>) -> Option<Arc<Node>> {
        let place = slot?.load(Ordering::Relaxed).checked_sub(1)?;
        self.nodes.load().get(usize::from(place)).cloned()
    }

    /// Whoever may know more; one that is well, if there is any.
    fn any(&self) -> Option<Arc<Node>> {
        self.one(|_| true)
    }

    /// The same, but not this one; others begin there from now on, too.
    fn another(&self, lost: &Arc<Node>) -> Option<Arc<Node>> {
        self.first.fetch_add(1, Ordering::Relaxed);
        self.one(|node| !Arc::ptr_eq(node, lost))
    }

    fn one(&self, suits: impl Fn(&Arc<Node>) -> bool) -> Option<Arc<Node>> {
        let nodes = self.nodes.load();
        let first = self.first.load(Ordering::Relaxed).checked_rem(nodes.len())?;
        let (before, behind) = nodes.split_at_checked(first)?;
        let in_turn = || behind.iter().chain(before).filter(|node| suits(node));
        in_turn()
            .find(|node| !self.is_lost(node, PASSED_OVER))
            .or_else(|| in_turn().next())
            .cloned()
    }

    /// It has not answered: what it had is asked of others, who know who has it now.
    fn lose(&self, lost: &Arc<Node>) {
        lost.lost.store(self.now() + 1, Ordering::Relaxed);
        let place = self.nodes.load().iter().position(|node| Arc::ptr_eq(node, lost));
        let Some(place) = place.and_then(|place| u16::try_from(place + 1).ok()) else { return };
        for slot in &self.slots {
            // Somebody may have learnt better meanwhile.
            let _ = slot.compare_exchange(place, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn found(&self, node: &Node) {
        if node.lost.load(Ordering::Relaxed) > 0 {
            node.lost.store(0, Ordering::Relaxed);
        }
    }

    /// Whether it has failed within so many milliseconds.
    fn is_lost(&self, node: &Node, within: u64) -> bool {
        match node.lost.load(Ordering::Relaxed) {
            0 => false,
            lost => self.now().saturating_sub(lost - 1) < within,
        }
    }

    /// Milliseconds.
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// The server that `from` has named, and its place.
    fn node(
        &self,
        redirection: &Redirection<'_>,
        from: &Node,
    ) -> Result<(u16, Arc<Node>), Failure> {
        let host = redirection.host.unwrap_or(&from.access.host);
        let is_it =
            |node: &Arc<Node>| node.access.port == redirection.port && node.access.host == host;
        let known = |nodes: &[Arc<Node>]| {
            let place = nodes.iter().position(is_it)?;
            Some((u16::try_from(place).ok()?, Arc::clone(nodes.get(place)?)))
        };
        if let Some(known) = known(&self.nodes.load()) {
            return Ok(known);
        }
        // Nothing panics while it holds it, and nobody waits.
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nodes = Vec::clone(&self.nodes.load());
        if let Some(known) = known(&nodes) {
            return Ok(known);
        }
        let tls = match &from.access.tls {
            None => None,
            Some((config, _)) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| {
                    let why = format!("it leads to {host:?}, which no certificate could name");
                    Failure::Other(why.into())
                })?;
                Some((Arc::clone(config), name))
            }
        };
        let access = Access {
            host: host.to_owned(),
            port: redirection.port,
            tls,
            ..Access::clone(&from.access)
        };
        if nodes.len() >= MOST {
            nodes.truncate(self.written);
            self.slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
        }
        let node = Arc::new(Node::new(access, from.lanes()));
        nodes.push(Arc::clone(&node));
        let place = nodes.len() - 1;
        self.nodes.store(Arc::new(nodes));
        Ok((u16::try_from(place).unwrap_or(u16::MAX - 1), node))
    }
}

/// Whether a server says that it can answer nobody: it comes up, or has lost the others.
fn is_unwell(refusal: &str) -> bool {
    let word = refusal.split(' ').next().unwrap_or_default();
    ["CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY", "TRYAGAIN"].contains(&word)
}

/// "Not here": `MOVED 3999 127.0.0.1:6381`, `ASK 3999 127.0.0.1:6381`.
#[derive(Debug, PartialEq, Eq)]
struct Redirection<'a> {
    /// Only this time (`ASK`).
    is_once: bool,
    /// `None`: the host that was asked.
    host: Option<&'a str>,
    port: u16,
}

impl<'a> Redirection<'a> {
    fn read(refusal: &'a str) -> Option<Self> {
        let mut words = refusal.split(' ');
        let is_once = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let _slot = words.next()?;
        // An IPv6 address has no brackets here.
        let (host, port) = words.next()?.rsplit_once(':')?;
        let host = Some(host).filter(|host| !host.is_empty() && *host != "?");
        Some(Self { is_once, host, port: port.parse().ok().filter(|port| *port > 0)? })
    }
}

/// Where a key belongs: CRC-16 (XMODEM) of what stands between its first braces, or of all of it.
fn slot(key: &[u8]) -> u16 {
    let tag = || {
        let begin = key.iter().position(|byte| *byte == b'{')? + 1;
        let rest = key.get(begin..)?;
        let end = rest.iter().position(|byte| *byte == b'}').filter(|end| *end > 0)?;
        rest.get(..end)
    };
    let mut sum = 0u16;
    for byte in tag().unwrap_or(key) {
        sum ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 };
        }
    }
    sum % SLOTS
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn node(host: &str, port: u16) -> Node {
        let second = Duration::from_secs(1);
        let access = Access {
            host: host.into(),
            port,
            tls: None,
            username: String::new(),
            password: String::new(),
            cluster: true,
            db: 0,
            dial: second,
            read: second,
            write: second,
        };
        Node::new(access, 1)
    }

    /// As `CLUSTER KEYSLOT` of Redis 7 says.
    #[test]
    fn slots() {
        for (key, expected) in [
            ("", 0),
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{foo}bar", 12_182),
            ("a{foo}{bar}", 12_182),
            ("bar", 5_061),
            ("foo{bar", 15_278),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn redirections() {
        let to = |is_once, host, port| Some(Redirection { is_once, host, port });
        for (refusal, expected) in [
            ("MOVED 3999 127.0.0.1:6381", to(false, Some("127.0.0.1"), 6381)),
            ("ASK 3999 redis-2:6379", to(true, Some("redis-2"), 6379)),
            ("MOVED 1 ::1:7000", to(false, Some("::1"), 7000)),
            ("MOVED 1 :7000", to(false, None, 7000)),
            ("MOVED 1 ?:7000", to(false, None, 7000)),
            ("MOVED 1 a:0", None),
            ("MOVED 1 a:x", None),
            ("MOVED 1 a", None),
            ("MOVED 1", None),
            ("MOVED", None),
            ("CLUSTERDOWN The cluster is down", None),
            ("", None),
        ] {
            assert_eq!(Redirection::read(refusal), expected, "{refusal}");
        }
    }

    #[test]
    fn servers_are_learnt_and_bounded() {
        let cluster = Cluster::new(vec![node("a", 1), node("b", 1)]);
        assert_eq!(format!("{cluster:?}"), "Redis Cluster at a:1, b:1");
        let from = cluster.any().unwrap();
        let moved = |host, port| Redirection { is_once: false, host, port };
        let (place, known) = cluster.node(&moved(Some("b"), 1), &from).unwrap();
        assert_eq!((place, &*known.access.host), (1, "b"));
        let (place, found) = cluster.node(&moved(None, 2), &from).unwrap();
        assert_eq!((place, &*found.access.host, found.access.port), (2, "a", 2));
        assert_eq!(found.access.read, from.access.read);
        assert!(Arc::ptr_eq(&found, &cluster.node(&moved(Some("a"), 2), &from).unwrap().1));
        cluster.slots[7].store(place + 1, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&found, &cluster.owner(cluster.slots.get(7)).unwrap()));
        for port in 1..=5000 {
            cluster.node(&moved(Some("many"), port), &from).unwrap();
            assert!(cluster.nodes.load().len() <= MOST);
        }
        assert!(cluster.owner(cluster.slots.get(7)).is_none());
        assert_eq!(cluster.any().unwrap().access.host, "a");
    }

    #[test]
    fn who_is_lost_is_passed_over() {
        let cluster = Cluster::new(vec![node("a", 1), node("b", 1)]);
        let redirection = Redirection { is_once: false, host: Some("c"), port: 1 };
        let a = cluster.any().unwrap();
        let (place, c) = cluster.node(&redirection, &a).unwrap();
        let whose = |slot: usize| cluster.slots[slot].load(Ordering::Relaxed);
        for (slot, value) in [(1, 1), (2, place + 1), (3, 1), (4, 2)] {
            cluster.slots[slot].store(value, Ordering::Relaxed);
        }
        cluster.lose(&a);
        assert_eq!((1..=4).map(whose).collect::<Vec<_>>(), [0, 3, 0, 2]);
        assert!(cluster.is_lost(&a, ASKED_AGAIN) && !cluster.is_lost(&c, PASSED_OVER));
        let b = cluster.another(&a).unwrap();
        assert_eq!(b.access.host, "b");
        // From now on others begin there, too.
        assert!(Arc::ptr_eq(&b, &cluster.any().unwrap()));
        cluster.lose(&b);
        // Those that were learnt are asked as well.
        for _ in 0..3 {
            assert!(Arc::ptr_eq(&c, &cluster.any().unwrap()));
            assert!(!Arc::ptr_eq(&c, &cluster.another(&c).unwrap()));
        }
        cluster.lose(&c);
        assert!(cluster.any().is_some());
        cluster.found(&a);
        assert!(Arc::ptr_eq(&a, &cluster.any().unwrap()));
        let alone = Cluster::new(vec![node("a", 1)]);
        assert!(alone.another(&alone.any().unwrap()).is_none());
    }

    /// Says the same to every command but the first, on one connection.
    async fn answer(mut stream: TcpStream, says: String) {
        let mut heard = [0; 1000];
        let mut is_first = true;
        while stream.read(&mut heard).await.is_ok_and(|length| length > 0) {
            // `READWRITE` comes first.
            let says = if std::mem::take(&mut is_first) { "+OK\r\n" } else { &says };
            stream.write_all(says.as_bytes()).await.unwrap();
        }
    }

    #[test]
    fn an_address_that_leads_to_another_by_now() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let talk = async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::task::spawn_local(async move {
                let mut says = format!("-MOVED 1 127.0.0.1:{port}\r\n");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::task::spawn_local(answer(stream, says));
                    says = ":7\r\n".into();
                }
            });
            let cluster = Cluster::new(vec![node("127.0.0.1", port)]);
            cluster.ask(b"k", || b"*1\r\n$4\r\nPING\r\n".to_vec()).await
        };
        let said = tokio::task::LocalSet::new().block_on(&runtime, talk);
        assert_eq!(said, Ok(Reply::Integer(7)));
    }

    #[test]
    fn unwell() {
        for (refusal, expected) in [
            ("CLUSTERDOWN The cluster is down", true),
            ("LOADING Redis is loading the dataset in memory", true),
            ("READONLY You can't write against a read only replica.", true),
            ("NOSCRIPT No matching script. Please use EVAL.", false),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", false),
            ("", false),
        ] {
            assert_eq!(is_unwell(refusal), expected, "{refusal}");
        }
    }
}
