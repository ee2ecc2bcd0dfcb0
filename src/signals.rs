//! Signals: the stop, and the log files' rotation.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the proxy listens to from its start on (Traefik's meanings).
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user1: Signal,
    user2: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM or SIGINT: stop gracefully; a second one: at once.
    Stop,
    /// SIGUSR1: close and re-open the access log.
    Reopen,
    /// SIGHUP, SIGUSR2: nothing. Files are watched anyway, and dying of SIGHUP helps nobody.
    Nothing,
}

impl Signals {
    /// Begins to listen; from here on no signal has its default action.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next signal's meaning.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.user1.recv() => Asked::Reopen,
            _ = self.hang_up.recv() => Asked::Nothing,
            _ = self.user2.recv() => Asked::Nothing,
        }
    }
}
