//! A coarse clock per data-plane thread: reading it costs a load, not a system call.
//!
//! The worker advances it every [`TICK`]; time-outs of connections and pools are kept in ticks and
//! are therefore late by at most two of them.

use std::cell::Cell;
use std::time::Duration;

/// How often a worker advances its clock and sweeps.
pub const TICK: Duration = Duration::from_millis(250);

thread_local! {
    static NOW: Cell<u32> = const { Cell::new(1) };
}

/// The present tick of this thread; never 0.
pub fn now() -> u32 {
    NOW.get()
}

/// Advances this thread's clock by `ticks`.
pub fn advance(ticks: u32) {
    NOW.set(NOW.get().wrapping_add(ticks).max(1));
}

/// How many ticks a duration takes, rounded up, at least one.
pub fn ticks(duration: Duration) -> u32 {
    let ticks = duration.as_millis().div_ceil(TICK.as_millis()).max(1);
    u32::try_from(ticks).unwrap_or(u32::MAX / 4).min(u32::MAX / 4)
}

/// The tick at which `duration` from now is over; one more, because the present tick has begun.
pub fn after(duration: Duration) -> u32 {
    after_ticks(ticks(duration))
}

/// As [`after`], with the duration in ticks.
pub fn after_ticks(ticks: u32) -> u32 {
    now().wrapping_add(ticks).wrapping_add(1).max(1)
}

/// Whether the tick `deadline` is reached (0: there is no deadline).
pub fn reached(deadline: u32) -> bool {
    deadline != 0 && now().wrapping_sub(deadline) < u32::MAX / 2
}
