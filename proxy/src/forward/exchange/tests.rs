//! Answers that come while their request is still on its way, step by step.

use std::rc::Rc;

use http::{Method, Request};
use swarmgate_config::routing::ServersTransport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::timeout;

use super::*;
use crate::balance::{Limits, ServerKey, Transport};
use crate::connection::{Activity, ClientStream, Stream};
use crate::pool::Pools;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("connected"), far.expect("accepted").0)
}

fn server() -> Arc<Server> {
    let transport = Transport {
        name: String::new(),
        tls: crate::tls::client_config(&ServersTransport::default()).expect("valid"),
        server_name: None,
        limits: Limits::default(),
    };
    let url = "http://10.0.0.1:80".into();
    let key = ServerKey { url, preserve_path: false, transport: String::new(), vip_tasks: None };
    Arc::new(Server::build(key, &transport).expect("a server"))
}

/// The last bytes of a body wait because the server does not read; it answers first and reads then.
/// They have to reach it: it may need them for the rest of its answer.
#[test]
fn the_last_bytes_of_an_upload_are_not_forgotten() {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(async {
        let (mut browser, near) = pair().await;
        let stream = Stream::new(near, Bytes::new(), Rc::new(Activity::default()));
        let client = Client::new(ClientStream::Plain(stream), Bytes::new());
        client.begin(Framing::Chunked, false, true);
        let mut body = RequestBody::http1(&client, None);

        let (near, mut far) = pair().await;
        // The less the sockets take, the sooner they are full.
        socket2::SockRef::from(&near).set_send_buffer_size(4096).expect("set");
        socket2::SockRef::from(&far).set_recv_buffer_size(4096).expect("set");
        let (pools, server) = (Rc::<Pools>::default(), server());
        let lease = pools.lease(&server, ServerStream::Plain(near));
        let (head, ()) =
            Request::builder().method(Method::POST).body(()).expect("valid").into_parts();
        let outgoing =
            Outgoing { head: &head, host: None, prefix: "", limit: None, client: Some(&client) };
        let mut sending = Sending::new(lease, outgoing, &mut body);

        // Until the server's socket takes no more.
        let mut sent = 0_usize;
        let piece = vec![b'x'; 4096];
        loop {
            browser.write_all(b"1000\r\n").await.expect("sent");
            browser.write_all(&piece).await.expect("sent");
            browser.write_all(b"\r\n").await.expect("sent");
            sent += piece.len();
            step(&mut sending).await;
            let wire = sending.lease.as_mut().and_then(Lease::wire).expect("open");
            if !wire.is_flushed() {
                break;
            }
        }
        browser.write_all(b"0\r\n\r\n").await.expect("sent");
        step(&mut sending).await;
        assert!(sending.upload.as_ref().is_some_and(|upload| upload.ended), "it has been read");
        far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await.expect("sent");
        let (_, mut exchange) = sending.await.expect("an answer");
        assert!(exchange.is_uploading());

        // The server reads it all before it goes on.
        let whole = async {
            let (mut read, mut end) = (0, Vec::new());
            let mut buffer = vec![0; 64 * 1024];
            while !end.ends_with(b"0\r\n\r\n") {
                let length = far.read(&mut buffer).await.expect("more");
                assert!(length > 0, "it broke off");
                read += buffer[..length].iter().filter(|byte| **byte == b'x').count();
                let kept = end.len().min(8);
                end.drain(..end.len() - kept);
                end.extend_from_slice(&buffer[length.saturating_sub(8)..length]);
            }
            far.write_all(b"ok").await.expect("sent");
            read
        };
        let answer = std::future::poll_fn(|cx| exchange.poll_frame(cx));
        let both = async { tokio::join!(whole, answer) };
        let (read, frame) = timeout(Duration::from_secs(10), both).await.expect("no deadlock");
        assert_eq!(read, sent);
        let frame = frame.expect("a frame").expect("data");
        assert_eq!(frame.data_ref().map(|data| &data[..]), Some(&b"ok"[..]));
        assert!(exchange.left() == Some(0) && !exchange.is_uploading());
        drop(exchange);
        assert!(pools.take(&server).is_some(), "the connection is free");
    });
}

/// Lets the request go on as far as it can now.
async fn step(sending: &mut Sending<'_>) {
    for _ in 0..3 {
        let polled = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *sending).poll(cx))).await;
        assert!(polled.is_pending(), "there is no answer yet");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
