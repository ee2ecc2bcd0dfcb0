//! The web replicas behind the service's VIP: each connection goes to the next running task, as
//! Swarm's load balancer does it, and the answer tells which one it was.

use std::io::{self, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use swarmgate_testkit::engine::Engine;
use swarmgate_testkit::wire::{self, Framing, Head};

/// Answers on `address` for the tasks of `service` until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(engine: Arc<Engine>, service: &'static str, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let turn = AtomicUsize::new(0);
    std::thread::Builder::new().name("vip".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(task) = next_task(&engine, service, &turn) else { continue };
            // Nobody waits for these threads: they end with their connections.
            let _ = std::thread::Builder::new().name(task.name.clone()).spawn(move || {
                let _ = serve(stream, &task);
            });
        }
    })?;
    Ok(())
}

struct Task {
    /// `myapp_web.1`.
    name: String,
    address: Option<IpAddr>,
}

fn next_task(engine: &Engine, service: &str, turn: &AtomicUsize) -> Option<Task> {
    let view = engine.service(service)?;
    let running: Vec<_> = view.tasks.iter().filter(|task| task.state == "running").collect();
    let index = turn.fetch_add(1, Ordering::Relaxed).checked_rem(running.len())?;
    let task = running.get(index)?;
    Some(Task {
        name: format!("{service}.{}", task.slot),
        address: task.addresses.values().next().copied(),
    })
}

fn serve(stream: TcpStream, task: &Task) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(head) = Head::read(&mut reader)? {
        if head.framing() != Framing::Unknown {
            wire::body(&mut reader, head.framing())?;
        }
        let mut body = format!("Hostname: {}\n", task.name);
        if let Some(address) = task.address {
            body.push_str(&format!("IP: {address}\n"));
        }
        body.push_str(&format!("{}\n", head.first));
        for (name, value) in &head.headers {
            body.push_str(&format!("{name}: {value}\n"));
        }
        let length = body.len();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
        )?;
        if !head.first.starts_with("HEAD ") {
            writer.write_all(body.as_bytes())?;
        }
    }
    Ok(())
}
