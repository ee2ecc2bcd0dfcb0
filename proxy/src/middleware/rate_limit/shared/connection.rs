//! One connection to Redis: commands go out as they come, answers come back in the same order.
//!
//! Nobody has a connection for himself, so a client that leaves in the middle disturbs nobody.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::node::Access;
use super::resp::{self, Reply};
use crate::forward::stream::ServerStream;
use crate::listen;
use crate::resolve::Resolver;

/// So many commands leave together.
const TOGETHER: usize = 64;

thread_local! {
    static RESOLVER: Rc<Resolver> = Rc::default();
}

/// A command, written out, and who waits for its answer.
#[derive(Debug)]
pub(super) struct Job {
    pub command: Vec<u8>,
    /// `ASKING` goes before it.
    pub asking: bool,
    pub answer: oneshot::Sender<Result<Reply, Failure>>,
}

/// Why there is no answer. The text holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection ended: another may fare better.
    Ended(Arc<str>),
    /// It could not be made, or nothing came in time.
    Other(Arc<str>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Ended(why) | Self::Other(why)) = self;
        f.write_str(why)
    }
}

impl Failure {
    fn ended(why: impl fmt::Display) -> Self {
        Self::Ended(why.to_string().into())
    }

    fn other(why: impl fmt::Display) -> Self {
        Self::Other(why.to_string().into())
    }
}

/// Connects, and serves commands until the connection ends or nobody can send any more.
pub(super) async fn run(access: Arc<Access>, mut jobs: mpsc::Receiver<Job>) {
    let failure = match open(&access).await {
        Ok((stream, arrived)) => drive(stream, arrived, &mut jobs, access.read, access.write).await,
        Err(failure) => Some(failure),
    };
    jobs.close();
    let failure = failure.unwrap_or_else(|| Failure::ended("the connection ended"));
    while let Some(job) = jobs.recv().await {
        // Nobody may wait any more.
        drop(job.answer.send(Err(failure.clone())));
    }
}

/// A connection that is let in and has chosen its database.
async fn open(access: &Access) -> Result<(ServerStream, BytesMut), Failure> {
    let dialled = timeout(access.dial, dial(access)).await;
    let mut stream = dialled.map_err(|_| unreached(access.dial))??;
    let mut arrived = BytesMut::new();
    if !access.password.is_empty() {
        let mut words: Vec<&[u8]> = vec![b"AUTH"];
        if !access.username.is_empty() {
            words.push(access.username.as_bytes());
        }
        words.push(access.password.as_bytes());
        if let Reply::Refused(why) = greet(&mut stream, &mut arrived, access, &words).await? {
            // A server that asks for no password is content with any, if there is no user's name.
            let needless = access.username.is_empty() && why.contains("without any password");
            if !needless {
                return Err(refused("AUTH", &why));
            }
        }
    }
    // Servers that know nothing of each other would count apart.
    if access.cluster
        && let Reply::Refused(why) =
            greet(&mut stream, &mut arrived, access, &[b"READWRITE"]).await?
    {
        return Err(match why.contains("cluster support disabled") {
            true => Failure::other(
                "it is no member of a Redis Cluster, which is what several endpoints mean",
            ),
            false => refused("READWRITE", &why),
        });
    }
    if access.db > 0 {
        let number = access.db.to_string();
        let words: [&[u8]; 2] = [b"SELECT", number.as_bytes()];
        if let Reply::Refused(why) = greet(&mut stream, &mut arrived, access, &words).await? {
            return Err(refused("SELECT", &why));
        }
    }
    Ok((stream, arrived))
}

/// Redis repeats what it does not understand, which may be a password: only its first word counts.
fn refused(command: &str, why: &str) -> Failure {
    let word = why.split_whitespace().next().unwrap_or_default();
    let known = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    Failure::other(format!("it refuses {command}: {}", if known { word } else { "ERR" }))
}

async fn greet(
    stream: &mut ServerStream,
    arrived: &mut BytesMut,
    access: &Access,
    words: &[&[u8]],
) -> Result<Reply, Failure> {
    let mut command = Vec::new();
    resp::write(&mut command, words);
    let write = timeout(access.write, async {
        stream.write_all(&command).await?;
        stream.flush().await
    });
    write.await.map_err(|_| late("takes nothing", access.write))?.map_err(Failure::other)?;
    let read = timeout(access.read, async {
        loop {
            if let Some(reply) = resp::read(arrived).map_err(|_| malformed())? {
                return Ok(reply);
            }
            if stream.read_buf(arrived).await.map_err(Failure::other)? == 0 {
                return Err(Failure::other("it hung up on us"));
            }
        }
    });
    read.await.map_err(|_| late("does not answer", access.read))?
}

fn late(what: &str, limit: Duration) -> Failure {
    Failure::other(format!("it {what} for {limit:?}"))
}

fn unreached(within: Duration) -> Failure {
    Failure::other(format!("it could not be reached within {within:?}"))
}

fn malformed() -> Failure {
    Failure::other("it does not answer as a Redis does")
}

async fn dial(access: &Access) -> Result<ServerStream, Failure> {
    let begun = Instant::now();
    let addresses = match access.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let resolver = RESOLVER.with(Rc::clone);
            let resolved = resolver.resolve(&access.host).await;
            resolved.map_err(|error| Failure::other(format!("it does not resolve: {error}")))?
        }
    };
    let addresses: Vec<SocketAddr> =
        addresses.into_iter().map(|address| SocketAddr::new(address, access.port)).collect();
    let stream = connect(&addresses, begun, access.dial).await?;
    listen::prepare_upstream(&stream).map_err(Failure::other)?;
    let Some((config, name)) = &access.tls else {
        return Ok(ServerStream::Plain(stream));
    };
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name.clone(), stream).await;
    stream
        .map(|stream| ServerStream::Tls(Box::new(stream)))
        .map_err(|error| Failure::other(format!("TLS: {error}")))
}

/// The first address that takes a connection. Each gets an equal part of the time that is left, so
/// that one that says nothing leaves some to the others.
async fn connect(
    addresses: &[SocketAddr],
    begun: Instant,
    within: Duration,
) -> Result<TcpStream, Failure> {
    let mut failure = Failure::other("it has no address");
    for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
        let part = within.saturating_sub(begun.elapsed()) / u32::try_from(left).unwrap_or(u32::MAX);
        failure = match timeout(part, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Failure::other(error),
            Err(_) => unreached(within),
        };
    }
    Err(failure)
}

/// Who waits for an answer, and until when: `None` until the command has been written.
type Waiter = (oneshot::Sender<Result<Reply, Failure>>, Option<Instant>);

/// Who waits for answers, first come first served.
#[derive(Default)]
struct Waiting {
    line: RefCell<VecDeque<Waiter>>,
    /// Somebody's time has begun.
    begun: Notify,
}

/// Serves commands; returns why it cannot go on. `None`: nobody sends any more.
async fn drive<S: AsyncRead + AsyncWrite>(
    stream: S,
    arrived: BytesMut,
    jobs: &mut mpsc::Receiver<Job>,
    read: Duration,
    write: Duration,
) -> Option<Failure> {
    let waiting = Waiting::default();
    let (reading, writing) = split(stream);
    let failure = tokio::select! {
        failure = answers(reading, arrived, &waiting) => Some(failure),
        failure = commands(writing, jobs, &waiting, read, write) => failure,
    };
    for (answer, _) in waiting.line.take() {
        let failure = failure.clone().unwrap_or_else(|| Failure::ended("the connection ended"));
        // Nobody may wait any more.
        drop(answer.send(Err(failure)));
    }
    failure
}

async fn commands<S: AsyncRead + AsyncWrite>(
    mut stream: WriteHalf<S>,
    jobs: &mut mpsc::Receiver<Job>,
    waiting: &Waiting,
    read: Duration,
    write: Duration,
) -> Option<Failure> {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    loop {
        if jobs.recv_many(&mut batch, TOGETHER).await == 0 {
            return None;
        }
        bytes.clear();
        for job in batch.drain(..) {
            // Its client has left: nothing is taken for it.
            if !job.answer.is_closed() {
                if job.asking {
                    resp::write(&mut bytes, &[b"ASKING"]);
                    // Nobody needs to hear that it is well.
                    waiting.line.borrow_mut().push_back((oneshot::channel().0, None));
                }
                bytes.extend_from_slice(&job.command);
                waiting.line.borrow_mut().push_back((job.answer, None));
            }
        }
        if bytes.is_empty() {
            continue;
        }
        let written = timeout(write, async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(Failure::ended(error)),
            Err(_) => return Some(late("takes nothing", write)),
        }
        let until = Instant::now() + read;
        for (_, begun) in waiting.line.borrow_mut().iter_mut().filter(|(_, until)| until.is_none())
        {
            *begun = Some(until);
        }
        waiting.begun.notify_one();
    }
}

async fn answers<S: AsyncRead>(
    mut stream: ReadHalf<S>,
    mut arrived: BytesMut,
    waiting: &Waiting,
) -> Failure {
    loop {
        loop {
            match resp::read(&mut arrived) {
                Ok(None) => break,
                Ok(Some(reply)) => {
                    let Some((answer, _)) = waiting.line.borrow_mut().pop_front() else {
                        return Failure::ended("it said something that nobody asked for");
                    };
                    // It is a replica by now: another connection may lead to who is the master.
                    let moved = match &reply {
                        Reply::Refused(why) if why.starts_with("READONLY") => {
                            Some(Failure::ended(why))
                        }
                        _ => None,
                    };
                    // Its client may have left.
                    drop(answer.send(moved.clone().map_or(Ok(reply), Err)));
                    if let Some(moved) = moved {
                        return moved;
                    }
                }
                Err(_) => return malformed(),
            }
        }
        let until = waiting.line.borrow().front().and_then(|(_, until)| *until);
        let read = stream.read_buf(&mut arrived);
        let read = match until {
            Some(until) => match timeout_at(until, read).await {
                Ok(read) => read,
                Err(_) => return Failure::other("it does not answer in time"),
            },
            None => tokio::select! {
                read = read => read,
                () = waiting.begun.notified() => continue,
            },
        };
        match read {
            Ok(0) => return Failure::ended("it hung up"),
            Ok(_) => {}
            Err(error) => return Failure::ended(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// Nobody waits so long here.
    const LONG: Duration = Duration::from_secs(20);

    fn job() -> (Job, oneshot::Receiver<Result<Reply, Failure>>) {
        let (answer, answered) = oneshot::channel();
        let mut command = Vec::new();
        resp::write(&mut command, &[b"PING"]);
        (Job { command, asking: false, answer }, answered)
    }

    /// Has `test` talk to a driven connection's other end.
    fn driven<F: Future<Output = ()>>(
        limit: Duration,
        test: impl FnOnce(DuplexStream, mpsc::Sender<Job>) -> F,
    ) {
        driven_within(limit, limit, test);
    }

    /// The same with a limit for each direction.
    fn driven_within<F: Future<Output = ()>>(
        read: Duration,
        write: Duration,
        test: impl FnOnce(DuplexStream, mpsc::Sender<Job>) -> F,
    ) {
        run(async {
            let (ours, theirs) = tokio::io::duplex(64);
            let (jobs, mut received) = mpsc::channel(8);
            let driving = drive(ours, BytesMut::new(), &mut received, read, write);
            tokio::join!(driving, test(theirs, jobs));
        });
    }

    fn run(future: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future);
    }

    /// Reads so many `PING`s.
    async fn pings(stream: &mut DuplexStream, number: usize) {
        let mut bytes = vec![0; 14 * number];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, "*1\r\n$4\r\nPING\r\n".repeat(number).as_bytes());
    }

    #[test]
    fn answers_come_in_order() {
        driven(LONG, |mut stream, jobs| async move {
            let (first, first_answer) = job();
            let (second, second_answer) = job();
            let (third, third_answer) = job();
            for job in [first, second, third] {
                jobs.send(job).await.unwrap();
            }
            // Who leaves after the command has left loses only his own answer.
            pings(&mut stream, 3).await;
            drop(second_answer);
            stream.write_all(b":1\r\n:2\r\n:").await.unwrap();
            assert_eq!(first_answer.await.unwrap(), Ok(Reply::Integer(1)));
            stream.write_all(b"3\r\n").await.unwrap();
            assert_eq!(third_answer.await.unwrap(), Ok(Reply::Integer(3)));
        });
    }

    #[test]
    fn asking_goes_before_its_command() {
        driven(LONG, |mut stream, jobs| async move {
            let (mut first, first_answer) = job();
            first.asking = true;
            let (second, second_answer) = job();
            for job in [first, second] {
                jobs.send(job).await.unwrap();
            }
            let mut bytes = [0; 16];
            stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"*1\r\n$6\r\nASKING\r\n");
            pings(&mut stream, 2).await;
            stream.write_all(b"+OK\r\n:1\r\n:2\r\n").await.unwrap();
            assert_eq!(first_answer.await.unwrap(), Ok(Reply::Integer(1)));
            assert_eq!(second_answer.await.unwrap(), Ok(Reply::Integer(2)));
        });
    }

    #[test]
    fn who_has_left_before_asks_nothing() {
        driven(LONG, |mut stream, jobs| async move {
            let (gone, answer) = job();
            drop(answer);
            let (stays, answer) = job();
            jobs.send(gone).await.unwrap();
            jobs.send(stays).await.unwrap();
            pings(&mut stream, 1).await;
            stream.write_all(b":1\r\n").await.unwrap();
            assert_eq!(answer.await.unwrap(), Ok(Reply::Integer(1)));
        });
    }

    #[test]
    fn silence_ends_it() {
        let limit = Duration::from_millis(50);
        driven_within(limit, LONG, |mut stream, jobs| async move {
            let (one, answer) = job();
            // Before anybody asks it may last.
            tokio::time::sleep(limit * 5).await;
            jobs.send(one).await.unwrap();
            pings(&mut stream, 1).await;
            let begun = Instant::now();
            assert!(matches!(answer.await.unwrap(), Err(Failure::Other(_))));
            // The time for writing is over with the writing.
            assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
        });
    }

    #[test]
    fn silence_behind_an_answer_ends_it() {
        let limit = Duration::from_millis(50);
        driven_within(limit, LONG, |mut stream, jobs| async move {
            let begun = Instant::now();
            let answers: Vec<_> = (0..3).map(|_| job()).collect();
            let mut waiting = Vec::new();
            for (job, answer) in answers {
                jobs.send(job).await.unwrap();
                waiting.push(answer);
            }
            pings(&mut stream, 3).await;
            stream.write_all(b":1\r\n").await.unwrap();
            let mut got = Vec::new();
            for answer in waiting {
                got.push(answer.await.unwrap().is_ok());
            }
            assert_eq!(got, [true, false, false]);
            assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
        });
    }

    #[test]
    fn what_takes_long_to_write_has_its_time_to_be_answered() {
        let limit = Duration::from_millis(300);
        driven_within(limit, LONG, |mut stream, jobs| async move {
            let (mut one, answer) = job();
            one.command = vec![b'x'; 1000];
            jobs.send(one).await.unwrap();
            tokio::time::sleep(limit * 2).await;
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            stream.write_all(b":1\r\n").await.unwrap();
            assert_eq!(answer.await.unwrap(), Ok(Reply::Integer(1)));
        });
    }

    /// A listener whose queue is full: what connects to it waits. And what fills the queue.
    async fn black_hole() -> (SocketAddr, socket2::Socket, Vec<std::net::TcpStream>) {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        loop {
            let connecting = TcpStream::connect(address);
            match timeout(Duration::from_millis(200), connecting).await {
                Ok(stream) => queued.push(stream.unwrap().into_std().unwrap()),
                Err(_) => return (address, socket, queued),
            }
            assert!(queued.len() < 100, "its queue has no end");
        }
    }

    #[test]
    fn an_address_that_says_nothing_leaves_time_for_others() {
        run(async {
            let (nobody, _socket, _queued) = black_hole().await;
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let there = listener.local_addr().unwrap();
            let limit = Duration::from_secs(3);
            for addresses in [vec![nobody, there], vec![nobody, nobody, there]] {
                let connecting = connect(&addresses, Instant::now(), limit);
                let stream = timeout(limit, connecting).await.expect("it waits for one of them");
                assert_eq!(stream.unwrap().peer_addr().unwrap(), there);
            }
            // Nobody waits longer in all.
            let begun = Instant::now();
            let limit = Duration::from_millis(300);
            let failure = connect(&[nobody, nobody], begun, limit).await.unwrap_err();
            assert_eq!(failure.to_string(), "it could not be reached within 300ms");
            assert!((limit..LONG).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            assert!(connect(&[], begun, limit).await.is_err());
        });
    }

    #[test]
    fn a_server_that_takes_nothing_ends_it() {
        let limit = Duration::from_millis(50);
        driven(limit, |stream, jobs| async move {
            let (mut one, answer) = job();
            one.command = vec![b'x'; 1000];
            jobs.send(one).await.unwrap();
            assert!(matches!(answer.await.unwrap(), Err(Failure::Other(_))));
            drop(stream);
        });
    }

    #[test]
    fn ends() {
        // What the other end does instead of answering; whether another connection is tried.
        let table = [
            ("", true),
            ("-READONLY You can't write against a read only replica.\r\n", true),
            ("HTTP/1.1 400 Bad Request\r\n", false),
        ];
        for (said, again) in table {
            driven(LONG, |mut stream, jobs| async move {
                let (one, answer) = job();
                jobs.send(one).await.unwrap();
                pings(&mut stream, 1).await;
                stream.write_all(said.as_bytes()).await.unwrap();
                if said.is_empty() {
                    drop(stream);
                }
                let failed = answer.await.unwrap().unwrap_err();
                assert_eq!(matches!(failed, Failure::Ended(_)), again, "{failed}");
            });
        }
    }

    #[test]
    fn what_nobody_asked_for_ends_it() {
        driven(LONG, |mut stream, jobs| async move {
            let (one, answer) = job();
            jobs.send(one).await.unwrap();
            pings(&mut stream, 1).await;
            stream.write_all(b":1\r\n:2\r\n").await.unwrap();
            assert_eq!(answer.await.unwrap(), Ok(Reply::Integer(1)));
            // The other end sees that we have gone while there still is who could ask.
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            drop(jobs);
        });
    }

    #[test]
    fn a_password_is_not_repeated() {
        for (why, told) in [
            ("ERR unknown command 'AUTH', with args beginning with: 'hidden'", "ERR"),
            ("WRONGPASS invalid username-password pair", "WRONGPASS"),
            ("hidden", "ERR"),
            ("", "ERR"),
        ] {
            assert_eq!(refused("AUTH", why).to_string(), format!("it refuses AUTH: {told}"));
        }
    }
}
