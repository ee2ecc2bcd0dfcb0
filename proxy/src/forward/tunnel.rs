//! After a 101: bytes both ways until one side ends.

use std::rc::Rc;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::sync::Notify;

use super::headers::{Upgrade, clean_answer};
use crate::body::Body;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::pool::Lease;

/// Per direction and tunnel, bytes.
const BUFFER: usize = 16 * 1024;

/// Checks a 101 against what was asked for, makes the client's 101 and starts the tunnel.
pub fn open(
    connection: &Rc<Connection>,
    wanted: &Upgrade,
    client: OnUpgrade,
    mut answer: Response<hyper::body::Incoming>,
    lease: Lease,
) -> Result<Response<Body>, Failure> {
    let fits =
        answer.headers().get(UPGRADE).is_some_and(|got| wanted.names(got.as_bytes().trim_ascii()));
    if !fits {
        return Err(Failure::BadUpgrade);
    }
    let protocol = answer.headers().get(UPGRADE).cloned().unwrap_or_else(|| wanted.0.clone());
    let server = hyper::upgrade::on(&mut answer);
    let (mut head, _) = answer.into_parts();
    clean_answer(&mut head.headers);
    head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    head.headers.insert(UPGRADE, protocol);
    let killed = Rc::new(Notify::new());
    connection.become_tunnel(Rc::clone(&killed));
    // The connection stays registered, and so drained and counted, as long as the tunnel is open.
    let connection = Rc::clone(connection);
    tokio::task::spawn_local(async move {
        let relay = async {
            let (Ok(client), Ok(server)) = tokio::join!(client, server) else { return };
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            // Either side's end or failure ends both: there is nobody to tell.
            let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
        };
        tokio::select! {
            () = relay => {}
            () = killed.notified() => {}
        }
        drop((connection, lease));
    });
    Ok(Response::from_parts(head, Body::Empty))
}
