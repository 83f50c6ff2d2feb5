//! The active expire cycle: deletes expired keys in the background (Redis: `activeExpireCycle`,
//! expire.c, with `active-expire-effort` 1).
//!
//! A slow cycle runs in server_cron and may take a quarter of its period. A fast one may run before
//! each wait, if the last cycle ran out of time or many expired keys are left.
//! Must not know: how deletions are propagated.

use super::Server;
use crate::clock::ustime;
use crate::keyspace::expire::sample;
use crate::os::Os;

/// Databases per cycle.
const DBS_PER_CALL: usize = 16;
/// Keys per round of sampling.
const KEYS_PER_LOOP: usize = 20;
/// Time limit of a fast cycle in microseconds; the next starts after twice that at the earliest.
const FAST_DURATION: i64 = 1000;
/// Time limit of a slow cycle, in percent of its period.
const SLOW_TIME_PERC: i64 = 25;
/// Acceptable share of expired keys, in percent.
const ACCEPTABLE_STALE: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleType {
    Slow,
    Fast,
}

/// The running totals of one cycle.
#[derive(Default)]
struct CycleTotals {
    start: i64,
    timelimit: i64,
    iteration: u64,
    sampled: usize,
    expired: usize,
}

impl Server {
    /// Runs a cycle, if one is due.
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
        let mut totals = CycleTotals { start, timelimit, ..CycleTotals::default() };
        self.expire_cycle.timelimit_exit = false;
        for _ in 0..dbs {
            let db = self.expire_cycle.current_db % self.keyspace.dbs.len();
            self.expire_cycle.current_db = db + 1;
            self.expire_db(os, db, &mut totals);
            if self.expire_cycle.timelimit_exit {
                break;
            }
        }
        self.end_unit(os, false);
        self.record_cycle(os, &totals);
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

    /// Samples one database until few expired keys are found or time is up.
    fn expire_db(&mut self, os: &mut dyn Os, index: usize, totals: &mut CycleTotals) {
        loop {
            totals.iteration += 1;
            if self.keyspace.dbs[index].expires.is_empty() {
                return;
            }
            let now_ms = ustime(os) / 1000;
            let cursor = &mut self.expire_cycle.cursors[index];
            let round = sample(&mut self.keyspace.dbs[index], cursor, KEYS_PER_LOOP, now_ms);
            let expired = round.expired.len();
            totals.sampled += round.seen;
            totals.expired += expired;
            for key in round.expired {
                self.propagate_expire(os, index, key);
            }
            if totals.iteration.is_multiple_of(16) && ustime(os) - totals.start > totals.timelimit {
                self.expire_cycle.timelimit_exit = true;
                self.stats.expired_time_cap_reached_count += 1;
                return;
            }
            if expired * 100 / round.seen <= ACCEPTABLE_STALE {
                return;
            }
        }
    }

    fn record_cycle(&mut self, os: &mut dyn Os, totals: &CycleTotals) {
        let elapsed = ustime(os) - totals.start;
        self.stats.expire_cycle_time_used += elapsed.max(0) as u64;
        self.latency.add_sample_if_needed(os, "expire-cycle", elapsed / 1000);
        let current = match totals.sampled {
            0 => 0.0,
            sampled => totals.expired as f64 / sampled as f64,
        };
        self.stats.expired_stale_perc = current * 0.05 + self.stats.expired_stale_perc * 0.95;
    }
}
