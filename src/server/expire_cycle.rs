//! The active expire cycle: keys past their time go even when nobody asks for them (Redis:
//! `activeExpireCycle`, with `active-expire-effort` 1).
//!
//! A slow cycle runs with server_cron and may take a quarter of its period; a fast one runs before
//! each wait, and only when the last cycle ran out of time or left many stale keys.
//! Must not know: how a removal is written down.

use super::Server;
use crate::clock::ustime;
use crate::keyspace::expire::sample;
use crate::os::Os;

/// How many databases one cycle looks at.
const DBS_PER_CALL: usize = 16;
/// How many keys one round looks at in a database.
const KEYS_PER_LOOP: usize = 20;
/// Microseconds that a fast cycle may take; twice that passes before the next one.
const FAST_DURATION: i64 = 1000;
/// Share of its period, in percent, that a slow cycle may take.
const SLOW_TIME_PERC: i64 = 25;
/// Share of stale keys, in percent, that is left alone.
const ACCEPTABLE_STALE: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleType {
    Slow,
    Fast,
}

/// The running totals of one cycle.
#[derive(Default)]
struct Progress {
    start: i64,
    timelimit: i64,
    iteration: u64,
    sampled: usize,
    expired: usize,
}

impl Server {
    /// One cycle, when one is due.
    pub fn active_expire_cycle(&mut self, os: &mut dyn Os, cycle_type: CycleType) {
        if !self.expire_cycle.enabled {
            return;
        }
        let start = ustime(os);
        if cycle_type == CycleType::Fast && !self.start_fast_cycle(start) {
            return;
        }
        let mut dbs = self.keyspace.dbs.len();
        if !self.expire_cycle.timelimit_exit {
            dbs = dbs.min(DBS_PER_CALL);
        }
        let slow_limit = SLOW_TIME_PERC * 1_000_000 / i64::from(self.hz) / 100;
        let timelimit =
            if cycle_type == CycleType::Fast { FAST_DURATION } else { slow_limit.max(1) };
        let mut progress = Progress { start, timelimit, ..Progress::default() };
        self.expire_cycle.timelimit_exit = false;
        for _ in 0..dbs {
            let db = self.expire_cycle.current_db % self.keyspace.dbs.len();
            self.expire_cycle.current_db = db + 1;
            self.expire_db(os, db, &mut progress);
            if self.expire_cycle.timelimit_exit {
                break;
            }
        }
        self.account_for_cycle(os, &progress);
    }

    fn start_fast_cycle(&mut self, start: i64) -> bool {
        let stale = self.stats.expired_stale_perc * 100.0 >= ACCEPTABLE_STALE as f64;
        let due = start >= self.expire_cycle.last_fast_cycle + FAST_DURATION * 2;
        if !(self.expire_cycle.timelimit_exit || stale) || !due {
            return false;
        }
        self.expire_cycle.last_fast_cycle = start;
        true
    }

    /// Rounds of sampling in one database, until few stale keys turn up or the time is over.
    fn expire_db(&mut self, os: &mut dyn Os, index: usize, progress: &mut Progress) {
        loop {
            progress.iteration += 1;
            if self.keyspace.dbs[index].expires.is_empty() {
                return;
            }
            let now_ms = ustime(os) / 1000;
            let cursor = &mut self.expire_cycle.cursors[index];
            let round = sample(&mut self.keyspace.dbs[index], cursor, KEYS_PER_LOOP, now_ms);
            let expired = round.expired.len();
            progress.sampled += round.seen;
            progress.expired += expired;
            for key in round.expired {
                self.propagate_expire(os, index, key);
            }
            if progress.iteration.is_multiple_of(16)
                && ustime(os) - progress.start > progress.timelimit
            {
                self.expire_cycle.timelimit_exit = true;
                self.stats.expired_time_cap_reached_count += 1;
                return;
            }
            if expired * 100 / round.seen <= ACCEPTABLE_STALE {
                return;
            }
        }
    }

    fn account_for_cycle(&mut self, os: &mut dyn Os, progress: &Progress) {
        let elapsed = ustime(os) - progress.start;
        self.stats.expire_cycle_time_used += elapsed.max(0) as u64;
        self.latency.add_sample_if_needed(os, "expire-cycle", elapsed / 1000);
        let current = match progress.sampled {
            0 => 0.0,
            sampled => progress.expired as f64 / sampled as f64,
        };
        self.stats.expired_stale_perc = current * 0.05 + self.stats.expired_stale_perc * 0.95;
    }
}
