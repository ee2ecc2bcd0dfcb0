//! The open loop's schedule: when which request is due, whatever the target does.

/// Requests at a fixed rate. All times are nanoseconds since the run's begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    begin: u64,
    interval: f64,
    next: u64,
    /// Requests up to here were looked at when no connection was free.
    waited: u64,
}

impl Schedule {
    /// `rate` requests per second from `begin` on.
    pub fn new(begin: u64, rate: f64) -> Self {
        Self { begin, interval: 1e9 / rate, next: 0, waited: 0 }
    }

    /// When the next request is due.
    pub fn due(&self) -> u64 {
        self.begin + (self.next as f64 * self.interval) as u64
    }

    /// The next request leaves: when it was due, and whether it waited for a connection.
    pub fn take(&mut self) -> (u64, bool) {
        let taken = (self.due(), self.next < self.waited);
        self.next += 1;
        taken
    }

    /// No connection is free at `now`: those that are due by then have to wait.
    pub fn wait(&mut self, now: u64) {
        let due = (now.saturating_sub(self.begin) as f64 / self.interval) as u64 + 1;
        self.waited = self.waited.max(due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_the_rate() {
        let mut schedule = Schedule::new(1000, 3.0);
        let due: Vec<u64> = (0..4).map(|_| schedule.take().0).collect();
        assert_eq!(due, [1000, 333_334_333, 666_667_666, 1_000_001_000]);
        let mut fast = Schedule::new(0, 70_000.0);
        for _ in 0..7_000_000 {
            fast.take();
        }
        assert_eq!(fast.due() / 1_000_000, 100_000);
    }

    #[test]
    fn those_that_wait_are_known() {
        let mut schedule = Schedule::new(0, 1000.0);
        assert_eq!(schedule.take(), (0, false));
        schedule.wait(2_500_000);
        assert_eq!(schedule.take(), (1_000_000, true));
        assert_eq!(schedule.take(), (2_000_000, true));
        assert_eq!(schedule.take(), (3_000_000, false));
    }
}
