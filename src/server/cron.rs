//! The periodic work, `hz` times a second (Redis: `serverCron`, `checkChildrenDone`, server.c).
//!
//! Must not know: when it is called.

use super::Server;
use super::expire_cycle::CycleType;
use crate::aof::{State, Status};
use crate::child::ChildOutcome;
use crate::child_info::ProcessType;
use crate::log::Level;
use crate::os::{Os, Wait, WaitStatus, strerror};

/// With more clients than this per call, server_cron is called more often.
const MAX_CLIENTS_PER_CLOCK_TICK: usize = 200;
const MAX_HZ: u32 = 500;

impl Server {
    /// One tick. Returns the milliseconds until the next.
    pub fn server_cron(&mut self, os: &mut dyn Os) -> i64 {
        self.update_cached_time(os);
        self.adapt_hz();
        if self.pause_cron {
            self.take_signals(os);
            return i64::from(1000 / self.hz);
        }
        self.keyspace.access.tick(self.time.mstime());
        self.take_signals(os);
        if self.shutdown_asap {
            self.shut_down_by_signal(os);
        }
        if self.run_with_period(5000) {
            self.log_databases(os);
        }
        self.clients_cron(os);
        self.active_expire_cycle(os, CycleType::Slow);
        self.children_cron(os);
        self.flush_cron(os);
        self.scheduled_save_cron(os);
        self.cronloops += 1;
        i64::from(1000 / self.hz)
    }

    /// Whether work with this period is due in this tick (Redis: `run_with_period`).
    fn run_with_period(&self, period_ms: u64) -> bool {
        let tick_ms = u64::from(1000 / self.hz);
        period_ms <= tick_ms || self.cronloops.is_multiple_of(period_ms / tick_ms)
    }

    fn adapt_hz(&mut self) {
        self.hz = self.config.hz;
        while self.config.dynamic_hz
            && self.clients.len() / self.hz as usize > MAX_CLIENTS_PER_CLOCK_TICK
        {
            self.hz *= 2;
            if self.hz > MAX_HZ {
                self.hz = MAX_HZ;
                break;
            }
        }
    }

    fn log_databases(&self, os: &mut dyn Os) {
        for (index, db) in self.keyspace.dbs.iter().enumerate() {
            let (keys, volatile) = (db.dict.len(), db.expires.len());
            if keys > 0 {
                // The size that Redis' hash table would have.
                let slots = keys.next_power_of_two().max(4);
                let line =
                    format!("DB {index}: {keys} keys ({volatile} volatile) in {slots} slots HT.");
                self.verbose(os, &line);
            }
        }
        let clients = self.clients.len();
        let line = format!("{clients} clients connected (0 replicas), 0 bytes in use");
        self.log.line(os, Level::Debug, &line);
    }

    /// Starts a scheduled rewrite; then reaps a child that has ended or, if none is running, starts
    /// a save if a save point was reached, or else a rewrite if the AOF has grown.
    fn children_cron(&mut self, os: &mut dyn Os) {
        if !self.children.any() && self.aof.rewrite_scheduled && !self.is_rewrite_limited(os) {
            self.rewrite_append_only_file_background(os);
        }
        if self.children.any() {
            if self.run_with_period(1000) {
                self.children.receive_progress(os);
            }
            self.check_children_done(os);
        } else {
            self.save_if_due(os);
            self.rewrite_if_grown(os);
        }
    }

    fn is_rewrite_limited(&mut self, os: &mut dyn Os) -> bool {
        let (aof, _, mut env) = self.persistence(os);
        aof.is_rewrite_limited(&mut env)
    }

    fn save_if_due(&mut self, os: &mut dyn Os) {
        let due = self.rdb.save_point_reached(&self.config, self.time.unixtime());
        if let Some((seconds, changes)) = due {
            self.notice(os, &format!("{changes} changes in {seconds} seconds. Saving..."));
            self.rdb_save_background(os);
        }
    }

    /// The save of BGSAVE SCHEDULE has the lowest priority.
    fn scheduled_save_cron(&mut self, os: &mut dyn Os) {
        if !self.children.any()
            && self.rdb.scheduled_save_due(self.time.unixtime())
            && self.rdb_save_background(os)
        {
            self.rdb.bgsave_scheduled = false;
        }
    }

    fn rewrite_if_grown(&mut self, os: &mut dyn Os) {
        let percentage = self.config.auto_aof_rewrite_percentage;
        if self.aof.state != State::On
            || self.children.any()
            || percentage == 0
            || self.aof.current_size <= self.config.auto_aof_rewrite_min_size
        {
            return;
        }
        let base = self.aof.rewrite_base_size.max(1);
        let growth = (self.aof.current_size * 100 / base) as i64 - 100;
        if growth >= percentage as i64 && !self.is_rewrite_limited(os) {
            self.notice(os, &format!("Starting automatic rewriting of AOF on {growth}% growth"));
            self.rewrite_append_only_file_background(os);
        }
    }

    /// Redis: `checkChildrenDone`.
    fn check_children_done(&mut self, os: &mut dyn Os) {
        match os.wait3(Wait::NoHang) {
            Ok(None) => return,
            Ok(Some((pid, status))) if Some(pid) == self.children.rdb => {
                let (rdb, _, mut env) = self.snapshots(os);
                rdb.background_save_done_handler(&mut env, status);
                self.receive_child_info(os, status);
            }
            Ok(Some((pid, status))) if Some(pid) == self.children.aof => {
                let (aof, _, mut env) = self.persistence(os);
                aof.background_rewrite_done_handler(&mut env, status);
                self.receive_child_info(os, status);
            }
            Ok(Some((pid, _))) => {
                self.warning(os, &format!("Warning, detected child with unmatched pid: {pid}"));
                return self.children.after_other_child(os);
            }
            Err(errno) => {
                let reason = strerror(errno);
                let rdb = self.children.rdb.unwrap_or(-1);
                let aof = self.children.aof.unwrap_or(-1);
                let line = self.config.generation.words.wait_error(&reason, rdb, aof);
                self.warning(os, &line);
                return self.children.after_other_child(os);
            }
        }
        self.children.close_info_pipe(os);
    }

    /// Stores the report of a successful child.
    fn receive_child_info(&mut self, os: &mut dyn Os, status: WaitStatus) {
        if ChildOutcome::of(status) != ChildOutcome::Success {
            return;
        }
        match self.children.receive_info(os) {
            Some((ProcessType::Rdb, cow)) => self.rdb.stat_rdb_cow_bytes = cow,
            Some((ProcessType::Aof, cow)) => self.aof.stat_aof_cow_bytes = cow,
            None => {}
        }
    }

    /// Retries a postponed flush every tick, a failed one every second.
    fn flush_cron(&mut self, os: &mut dyn Os) {
        if self.aof.flush_postponed_start != 0 {
            self.flush_append_only_file(os, false);
        }
        if self.run_with_period(1000) && self.aof.last_write_status == Status::Err {
            self.flush_append_only_file(os, false);
        }
    }
}
