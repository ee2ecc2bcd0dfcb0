//! A Redis Cluster: which of its servers has a key is learnt from what they say (`MOVED`, `ASK`).
//!
//! No list of slots is asked for: the first key of a slot goes to any server and is sent on, and
//! the slot is known from then on. Whoever is lost is forgotten, and somebody else is asked.
//! (Redis Cluster specification, "Redirection and resharding".)

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Which of the written ones is asked when nobody knows.
    first: AtomicUsize,
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
            match node.ask(&command, asking).await {
                Ok(Reply::Refused(why)) => {
                    let Some(redirection) = Redirection::read(&why) else {
                        return Ok(Reply::Refused(why));
                    };
                    redirections += 1;
                    if redirections > REDIRECTIONS {
                        return Ok(Reply::Refused(why));
                    }
                    let (place, next) = self.node(&redirection, &node)?;
                    asking = redirection.is_once;
                    if let Some(slot) = slot.filter(|_| !redirection.is_once) {
                        slot.store(place + 1, Ordering::Relaxed);
                    }
                    node = next;
                }
                Err(failure) => {
                    failures += 1;
                    if failures == FAILURES {
                        return Err(failure);
                    }
                    if let Some(slot) = slot {
                        slot.store(0, Ordering::Relaxed);
                    }
                    node = self.another(&node).ok_or(failure)?;
                    asking = false;
                }
                answered => return answered,
            }
        }
    }

    fn owner(&self, slot: Option<&AtomicU16>) -> Option<Arc<Node>> {
        let place = slot?.load(Ordering::Relaxed).checked_sub(1)?;
        self.nodes.load().get(usize::from(place)).cloned()
    }

    /// One of those that were written.
    fn any(&self) -> Option<Arc<Node>> {
        let place = self.first.load(Ordering::Relaxed).checked_rem(self.written)?;
        self.nodes.load().get(place).cloned()
    }

    /// One of those that were written, but not this one.
    fn another(&self, lost: &Arc<Node>) -> Option<Arc<Node>> {
        let is_lost = |node: &Arc<Node>| Arc::ptr_eq(node, lost);
        self.any().filter(|node| !is_lost(node)).or_else(|| {
            self.first.fetch_add(1, Ordering::Relaxed);
            self.any().filter(|node| !is_lost(node))
        })
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

    use super::*;

    fn node(host: &str, port: u16) -> Node {
        let second = Duration::from_secs(1);
        let access = Access {
            host: host.into(),
            port,
            tls: None,
            username: String::new(),
            password: "hidden".into(),
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
        assert_eq!(found.access.password, "hidden");
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
        let first = cluster.any().unwrap();
        let second = cluster.another(&first).unwrap();
        assert_eq!(second.access.host, "b");
        // From now on others begin there, too.
        assert!(Arc::ptr_eq(&second, &cluster.any().unwrap()));
        assert!(Arc::ptr_eq(&first, &cluster.another(&second).unwrap()));
        let stranger = Arc::new(node("c", 1));
        assert!(cluster.another(&stranger).is_some());
    }
}
