//! The open connections of one entry point on one thread: swept, drained, counted.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::{Activity, Connection};
use crate::settings::Settings;

/// The open connections of one entry point on one thread.
#[derive(Debug, Default)]
pub struct Registry {
    slots: RefCell<Vec<Option<Weak<Connection>>>>,
    free: RefCell<Vec<usize>>,
    emptied: tokio::sync::Notify,
}

impl Registry {
    /// Accepts a connection into the registry; it leaves by being dropped.
    pub fn open(
        self: &Rc<Self>,
        peer: SocketAddr,
        settings: Arc<Settings>,
        activity: Rc<Activity>,
    ) -> Rc<Connection> {
        let mut slots = self.slots.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(None);
            slots.len() - 1
        });
        let connection = Rc::new(Connection::new(peer, settings, activity, Rc::clone(self), slot));
        if let Some(place) = slots.get_mut(slot) {
            *place = Some(Rc::downgrade(&connection));
        }
        connection
    }

    /// Calls `visit` with each open connection.
    pub fn each(&self, visit: impl Fn(&Connection)) {
        let mut index = 0;
        loop {
            // The borrow ends before the visit, which may close the connection.
            let connection = match self.slots.borrow().get(index) {
                Some(slot) => slot.as_ref().and_then(Weak::upgrade),
                None => return,
            };
            if let Some(connection) = connection {
                visit(&connection);
            }
            index += 1;
        }
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.slots.borrow().len() - self.free.borrow().len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until none is open.
    pub async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Ok(mut slots) = self.registry.slots.try_borrow_mut()
            && let Some(slot) = slots.get_mut(self.slot)
        {
            *slot = None;
        }
        self.registry.free.borrow_mut().push(self.slot);
        if self.registry.is_empty() {
            self.registry.emptied.notify_waiters();
        }
    }
}
