//! Transfers of known length, their ends and their errors.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::super::tests::{pattern, run, sockets};
use super::super::{buffer, pipe};
use super::*;

struct Whole {
    read: u64,
    written: u64,
    result: Result<State, Failed>,
}

/// Polls until there is no more to come.
async fn all(splice: &mut Splice, from: &TcpStream, to: &TcpStream) -> Whole {
    let (mut read, mut written) = (0, 0);
    loop {
        let result = match poll_fn(|cx| splice.poll(cx, from, to)).await {
            Ok(moved) => {
                assert!(moved.written < BURST + (1 << 20), "others have their turn");
                read += moved.read as u64;
                written += moved.written as u64;
                match moved.state {
                    State::Going => {
                        assert!(moved.read + moved.written > 0, "ready for nothing");
                        continue;
                    }
                    end => Ok(end),
                }
            }
            Err(failed) => Err(failed),
        };
        return Whole { read, written, result };
    }
}

#[test]
fn exactly_so_many_bytes_pass() {
    run(async {
        for length in [0, 1, 4095, 65_536, (1 << 20) + 7, 9 << 20] {
            let (mut source, mut from) = sockets(None).await;
            let (to, mut end) = sockets(None).await;
            let sent = pattern(length, length + 100);
            let mut splice = Splice::exactly(length as u64);
            let mut got = vec![0; length];
            let send = async { source.write_all(&sent).await.unwrap() };
            let receive = async { end.read_exact(&mut got).await.unwrap() };
            let (whole, (), _) = tokio::join!(all(&mut splice, &from, &to), send, receive);
            assert_eq!(whole.result.unwrap(), State::Complete, "{length}");
            assert_eq!((whole.read, whole.written), (length as u64, length as u64));
            assert_eq!((splice.remaining(), splice.held()), (0, 0));
            assert!(got == sent[..length], "{length}");
            assert_eq!(pipe::counts().out, 0, "{length}");
            // What comes after is still in the source, and nothing more in the destination.
            let mut rest = [0; 100];
            from.read_exact(&mut rest).await.unwrap();
            assert_eq!(rest, sent[length..], "{length}");
            drop(to);
            assert_eq!(end.read(&mut rest).await.unwrap(), 0, "{length}");
        }
    });
}

#[test]
fn a_source_that_ends_early_is_told() {
    run(async {
        for length in [0, 10, 300_000] {
            let (mut source, from) = sockets(None).await;
            let (to, mut end) = sockets(None).await;
            let sent = pattern(0, length);
            let mut splice = Splice::exactly(length as u64 + 5);
            let send = async {
                source.write_all(&sent).await.unwrap();
                source.shutdown().await.unwrap();
            };
            let (whole, ()) = tokio::join!(all(&mut splice, &from, &to), send);
            assert_eq!(whole.result.unwrap(), State::Ended, "{length}");
            assert_eq!(whole.written, length as u64);
            assert_eq!(splice.remaining(), 5);
            drop(to);
            let mut got = Vec::new();
            end.read_to_end(&mut got).await.unwrap();
            assert!(got == sent, "{length}");
        }
    });
}

#[test]
fn bytes_go_on_before_the_rest_has_come() {
    run(async {
        let (mut source, from) = sockets(None).await;
        let (to, mut end) = sockets(None).await;
        let mut splice = Splice::exactly(15);
        let talk = async {
            for _ in 0..3 {
                source.write_all(b"piece").await.unwrap();
                let mut got = [0; 5];
                end.read_exact(&mut got).await.unwrap();
                assert_eq!(&got, b"piece");
                // Waiting, it holds no pipe.
                sleep(Duration::from_millis(20)).await;
                assert_eq!(pipe::counts().out, 0);
            }
        };
        let (whole, ()) = tokio::join!(all(&mut splice, &from, &to), talk);
        assert_eq!(whole.result.unwrap(), State::Complete);
    });
}

#[test]
fn after_a_burst_others_have_their_turn() {
    run(async {
        let (mut source, from) = sockets(None).await;
        let (to, mut end) = sockets(None).await;
        source.write_all(b"some").await.unwrap();
        from.readable().await.unwrap();
        let mut splice = Splice::exactly(4);
        splice.burst = BURST;
        let mut went_on = Vec::new();
        let mut turns = 0;
        poll_fn(|cx| {
            turns += 1;
            assert!(turns < 100, "it goes on");
            let polled = splice.poll(cx, &from, &to);
            went_on.push(polled.is_ready());
            // It is called again without any event on a socket.
            if polled.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(!went_on[0], "it has had its turn");
        end.read_exact(&mut [0; 4]).await.unwrap();
    });
}

#[test]
fn errors_tell_whose_they_are() {
    run(async {
        // The source is reset after some bytes.
        let (mut source, from) = sockets(None).await;
        let (to, mut end) = sockets(None).await;
        let mut splice = Splice::exactly(1000);
        let send = async {
            source.write_all(b"some").await.unwrap();
            end.read_exact(&mut [0; 4]).await.unwrap();
            source.set_zero_linger().unwrap();
            drop(source);
        };
        let (whole, ()) = tokio::join!(all(&mut splice, &from, &to), send);
        assert!(matches!(whole.result, Err(Failed::Read(_))));
        assert_eq!(whole.written, 4);
        assert_eq!(splice.remaining(), 996);

        // The destination is reset.
        let (mut source, from) = sockets(None).await;
        let (to, end) = sockets(None).await;
        end.set_zero_linger().unwrap();
        drop(end);
        let mut splice = Splice::until_end();
        let send = async { source.write_all(b"some").await.unwrap() };
        let (whole, ()) = tokio::join!(all(&mut splice, &from, &to), send);
        assert!(matches!(whole.result, Err(Failed::Write(_))));
        assert_eq!(whole.written, 0);

        // There is no pipe: nothing is lost.
        let (mut source, mut from) = sockets(None).await;
        let (to, _end) = sockets(None).await;
        pipe::refuse();
        let mut splice = Splice::exactly(4);
        let send = async { source.write_all(b"some").await.unwrap() };
        let (whole, ()) = tokio::join!(all(&mut splice, &from, &to), send);
        assert!(matches!(whole.result, Err(Failed::NoPipe(_))));
        assert_eq!((splice.remaining(), splice.held()), (4, 0));
        let mut got = [0; 4];
        from.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"some");
        assert_eq!(buffer::out(), 0);
    });
}
