//! The event loop (Redis: `aeMain`, ae.c; `beforeSleep`, server.c).
//!
//! One iteration: compute the timeout; `before_sleep`; epoll_wait; signals; ready descriptors, in
//! the kernel's order; server_cron, if it is due. The timeout is computed *before* before_sleep, so
//! a slow flush delays the next tick, as in Redis.
//! Must not know: commands, and what is in the AOF.

use crate::clock::ustime;
use crate::config::load::load;
use crate::generation::{self, GENERATIONS, Generation};
use crate::os::{Event, Os, STDERR, STDOUT};
use crate::server::Server;
use crate::server::boot::CannotStart;
use crate::server::expire_cycle::CycleType;

/// The timer of server_cron, the only one of ae's time events that exists here.
struct Timer {
    when_ms: i64,
    /// When the timer was last checked, in seconds since the epoch.
    last_time: i64,
}

impl Timer {
    /// Milliseconds until it is due.
    fn ms_left(&self, now_ms: i64) -> u64 {
        self.when_ms.saturating_sub(now_ms).max(0) as u64
    }

    /// Whether it is due. If the clock went back, it is due at once: too early does less harm than
    /// too late (Redis: `processTimeEvents`).
    fn is_due(&mut self, now_ms: i64) -> bool {
        if now_ms / 1000 < self.last_time {
            self.when_ms = 0;
        }
        self.last_time = now_ms / 1000;
        now_ms >= self.when_ms
    }
}

/// Runs the server. `args[0]` is the program's name; `--as GENERATION`, a configuration file and
/// `--directive value …` may follow, in this order.
///
/// Returns the exit code if the server cannot start. A server that has started ends in
/// [`Os::exit`].
pub fn main(os: &mut dyn Os, mut args: Vec<String>) -> i32 {
    let generation = match take_generation(&mut args) {
        Ok(generation) => generation,
        Err(unknown) => {
            let known = GENERATIONS.map(|generation| generation.name).join(", ");
            let text = format!("sabot-server: no generation {unknown}: there are {known}\n");
            let _ = os.write(STDERR, text.as_bytes());
            return 1;
        }
    };
    if let Some(code) = special_options(os, generation, &args) {
        return code;
    }
    let config = match load(os, generation, &args) {
        Ok(config) => config,
        Err(refused) => return refused.0,
    };
    let mut server = Server::new(config);
    // The first tick is due one millisecond after the timer is created, however long loading takes.
    let created_ms = ustime(os) / 1000;
    let mut timer = Timer { when_ms: created_ms + 1, last_time: created_ms / 1000 };
    if let Err(CannotStart(code)) = server.boot(os, &args) {
        return code;
    }
    let mut events = Vec::new();
    loop {
        process_events(&mut server, os, &mut timer, &mut events);
    }
}

/// Takes `--as GENERATION` off the arguments. The error is a name that is none.
fn take_generation(args: &mut Vec<String>) -> Result<&'static Generation, String> {
    if args.get(1).map(String::as_str) != Some("--as") {
        return Ok(GENERATIONS[0]);
    }
    let name = args.get(2).cloned().unwrap_or_default();
    let generation = generation::named(&name).ok_or(name)?;
    args.drain(1..3);
    Ok(generation)
}

/// `--version` and `--help`.
fn special_options(os: &mut dyn Os, generation: &Generation, args: &[String]) -> Option<i32> {
    let text = match args.get(1).map(String::as_str) {
        Some("-v" | "--version") => {
            let (own, redis) = (env!("CARGO_PKG_VERSION"), generation.version);
            format!("sabot-server v={own} redis={redis} bits=64\n")
        }
        Some("-h" | "--help") => {
            "Usage: sabot-server [--as redis-6.0 | --as redis-7.0] [/path/to/redis.conf] \
             [--directive value ...]\n"
                .to_string()
        }
        _ => return None,
    };
    let _ = os.write(STDOUT, text.as_bytes());
    Some(0)
}

/// Redis: `aeProcessEvents`.
fn process_events(
    server: &mut Server,
    os: &mut dyn Os,
    timer: &mut Timer,
    events: &mut Vec<Event>,
) {
    let timeout_ms = timer.ms_left(ustime(os) / 1000);
    before_sleep(server, os);
    events.clear();
    // The only error is EINTR: nothing is ready, and signals are handled next.
    let _ = os.epoll_wait(server.epoll, events, Some(timeout_ms));
    server.take_signals(os);
    for event in events.iter() {
        server.process_file_event(os, *event);
    }
    if timer.is_due(ustime(os) / 1000) {
        let period_ms = server.server_cron(os);
        timer.when_ms = ustime(os) / 1000 + period_ms;
    }
}

/// Runs before each wait. Executed commands are written to the AOF (and synced, under `appendfsync
/// always`) before any reply is sent, unless the flush is postponed or fails.
fn before_sleep(server: &mut Server, os: &mut dyn Os) {
    server.handle_blocked_clients_timeout(os);
    server.active_expire_cycle(os, CycleType::Fast);
    server.process_unblocked_clients(os);
    server.flush_append_only_file(os, false);
    server.handle_clients_with_pending_writes(os);
    server.free_clients_in_async_free_queue(os);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_counts_whole_milliseconds() {
        let mut timer = Timer { when_ms: 5100, last_time: 5 };
        assert_eq!(timer.ms_left(5000), 100);
        assert_eq!(timer.ms_left(5200), 0);
        assert!(!timer.is_due(5099));
        assert!(timer.is_due(5100));
    }

    #[test]
    fn a_clock_that_goes_back_makes_the_timer_due() {
        let mut timer = Timer { when_ms: 5100, last_time: 5 };
        assert!(timer.is_due(4999));
    }
}
