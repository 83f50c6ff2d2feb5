//! The server: all of its state in one place, one struct for each concern.
//!
//! What it does is in the rooms below: [`boot`] brings it up, [`call`] runs one command and
//! propagates what it changed, [`requests`] does what commands ask for, [`cron`] what time asks
//! for, [`load`] reads a dataset, [`shutdown`] ends it.
//! Must not know: which descriptor became ready when.

mod blocked;
pub mod boot;
mod call;
mod client_io;
mod client_requests;
mod config_rewrite;
pub mod cron;
mod events;
pub mod expire_cycle;
mod info;
mod load;
mod requests;
mod shutdown;
pub mod signals;
mod snapshots;

use std::collections::BTreeMap;

use crate::aof::{Aof, Env};
use crate::bio::Bio;
use crate::clock::ustime;
use crate::config::{Config, MaxmemoryPolicy};
use crate::env::Children;
use crate::keyspace::access::{Access, Settings, Tracking};
use crate::keyspace::expire::ExpireCycle;
use crate::keyspace::{Bytes, Keyspace, Limits};
use crate::latency::Latency;
use crate::log::{Level, Log};
use crate::networking::Clients;
use crate::os::{Fd, Os};
use crate::rdb::Rdb;

/// The time as of the last look at the clock (Redis: `server.ustime`, `mstime`, `unixtime`). It is
/// refreshed by server_cron and before each command, and by nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct CachedTime {
    /// Microseconds since the epoch.
    pub ustime: i64,
}

impl CachedTime {
    /// Milliseconds since the epoch.
    pub fn mstime(self) -> i64 {
        self.ustime / 1000
    }

    /// Seconds since the epoch.
    pub fn unixtime(self) -> i64 {
        self.ustime / 1_000_000
    }
}

/// Counters since the start or the last CONFIG RESETSTAT.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub numcommands: u64,
    pub numconnections: u64,
    pub rejected_conn: u64,
    pub expiredkeys: u64,
    /// Estimated share of keys that are past their time and still there.
    pub expired_stale_perc: f64,
    pub expired_time_cap_reached_count: u64,
    /// Microseconds spent in active expire cycles.
    pub expire_cycle_time_used: u64,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub total_reads_processed: u64,
    pub total_writes_processed: u64,
    /// Of each command that was called, in the order of their names.
    pub commands: BTreeMap<&'static str, CommandStats>,
}

/// How often a command was called, and how long that took in all.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub microseconds: u64,
}

/// How far loading has come.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// Seconds since the epoch.
    pub start_time: i64,
    pub total_bytes: u64,
    /// As of the last pause.
    pub loaded_bytes: u64,
}

/// The limits that a configuration states.
fn limits(config: &Config) -> Limits {
    Limits {
        hash_max_ziplist_entries: config.hash_max_ziplist_entries,
        hash_max_ziplist_value: config.hash_max_ziplist_value,
        set_max_intset_entries: config.set_max_intset_entries,
        zset_max_ziplist_entries: config.zset_max_ziplist_entries,
        zset_max_ziplist_value: config.zset_max_ziplist_value,
        list_max_ziplist_size: config.list_max_ziplist_size,
    }
}

/// How uses of values are kept, by that configuration.
fn access_settings(config: &Config) -> Settings {
    let tracking = match config.maxmemory_policy {
        MaxmemoryPolicy::VolatileLru | MaxmemoryPolicy::AllkeysLru => Tracking::IdleTime,
        MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu => Tracking::Frequency,
        _ => Tracking::Nothing,
    };
    Settings {
        tracking,
        lfu_decay_time: config.lfu_decay_time,
        lfu_log_factor: config.lfu_log_factor.into(),
        no_shared_integers: config.maxmemory != 0 && tracking != Tracking::Nothing,
    }
}

/// Everything.
pub struct Server {
    pub config: Config,
    pub log: Log,
    pub bio: Bio,
    pub keyspace: Keyspace,
    pub rdb: Rdb,
    pub aof: Aof,
    pub children: Children,
    /// How far loading has come, while a file is being loaded.
    pub loading: Option<Loading>,
    pub clients: Clients,
    pub time: CachedTime,
    pub stats: Stats,
    pub latency: Latency,
    /// The event loop's epoll descriptor.
    pub epoll: Fd,
    /// How often server_cron runs in a second: `hz`, or more when there are many clients.
    pub hz: u32,
    /// How often server_cron has run.
    pub cronloops: u64,
    /// A signal asked for the end; server_cron sees to it.
    pub shutdown_asap: bool,
    expire_cycle: ExpireCycle,
    /// Seconds since the epoch.
    pub start_time: i64,
    /// 40 hex digits, another for each start.
    pub run_id: String,
}

impl Server {
    /// A server that has made no system call yet.
    pub fn new(config: Config) -> Server {
        Server {
            log: Log { level: config.loglevel, file: config.logfile.clone(), role: 'M' },
            bio: Bio::new(),
            keyspace: Keyspace {
                limits: limits(&config),
                access: Access::new(access_settings(&config)),
                ..Keyspace::new(config.databases)
            },
            rdb: Rdb::new(0),
            aof: Aof::new(&config),
            children: Children::default(),
            loading: None,
            clients: Clients::default(),
            time: CachedTime::default(),
            stats: Stats::default(),
            latency: Latency::new(config.latency_monitor_threshold),
            epoll: -1,
            hz: config.hz,
            cronloops: 0,
            shutdown_asap: false,
            expire_cycle: ExpireCycle::new(config.databases),
            start_time: 0,
            run_id: String::new(),
            config,
        }
    }

    /// The AOF and the dataset, each with what it works with.
    pub fn persistence<'a>(
        &'a mut self,
        os: &'a mut dyn Os,
    ) -> (&'a mut Aof, &'a mut Keyspace, Env<'a>) {
        let env = Env {
            os,
            config: &self.config,
            log: &self.log,
            bio: &self.bio,
            children: &mut self.children,
            latency: &mut self.latency,
            epoll: self.epoll,
            unixtime: self.time.unixtime(),
            mstime: self.time.mstime(),
        };
        (&mut self.aof, &mut self.keyspace, env)
    }

    /// The same for snapshots.
    pub fn snapshots<'a>(&'a mut self, os: &'a mut dyn Os) -> (&'a mut Rdb, &'a Keyspace, Env<'a>) {
        let env = Env {
            os,
            config: &self.config,
            log: &self.log,
            bio: &self.bio,
            children: &mut self.children,
            latency: &mut self.latency,
            epoll: self.epoll,
            unixtime: self.time.unixtime(),
            mstime: self.time.mstime(),
        };
        (&mut self.rdb, &self.keyspace, env)
    }

    /// Saves a snapshot while everybody waits; whether it worked.
    pub fn rdb_save(&mut self, os: &mut dyn Os) -> bool {
        let mut signals = self.signals();
        let (rdb, keyspace, mut env) = self.snapshots(os);
        let saved = rdb.save(&mut env, keyspace, &mut |os, _| signals.take(os)).is_ok();
        self.shutdown_asap = signals.shutdown_asap;
        saved
    }

    /// Has a child save a snapshot; whether it started.
    pub fn rdb_save_background(&mut self, os: &mut dyn Os) -> bool {
        let (rdb, keyspace, mut env) = self.snapshots(os);
        rdb.save_background(&mut env, keyspace).is_ok()
    }

    /// Writes what was executed to the AOF; `force` does so even while an fsync is in progress.
    pub fn flush_append_only_file(&mut self, os: &mut dyn Os, force: bool) {
        let (aof, _, mut env) = self.persistence(os);
        aof.flush_append_only_file(&mut env, force);
    }

    /// Starts a rewrite in a child; whether it started.
    pub fn rewrite_append_only_file_background(&mut self, os: &mut dyn Os) -> bool {
        let (aof, keyspace, mut env) = self.persistence(os);
        aof.rewrite_append_only_file_background(&mut env, keyspace).is_ok()
    }

    /// Appends a command to the AOF, if there is one (Redis: `propagate`).
    fn propagate(&mut self, os: &mut dyn Os, db: usize, argv: &[Bytes]) {
        let (aof, _, mut env) = self.persistence(os);
        if aof.state != crate::aof::State::Off {
            aof.feed_append_only_file(&mut env, db, argv);
        }
    }

    /// A key that was past its time and is gone: the file has to say so, because whoever loads it
    /// expires nothing by itself (Redis: `propagateExpire`).
    fn propagate_expire(&mut self, os: &mut dyn Os, db: usize, key: Bytes) {
        self.stats.expiredkeys += 1;
        self.propagate(os, db, &[b"DEL".to_vec(), key]);
    }

    /// Redis: `updateCachedTime`.
    pub fn update_cached_time(&mut self, os: &mut dyn Os) {
        self.time.ustime = ustime(os);
        self.keyspace.access.see_time(self.time.unixtime());
    }

    pub fn verbose(&self, os: &mut dyn Os, message: &str) {
        self.log.line(os, Level::Verbose, message);
    }

    pub fn notice(&self, os: &mut dyn Os, message: &str) {
        self.log.line(os, Level::Notice, message);
    }

    pub fn warning(&self, os: &mut dyn Os, message: &str) {
        self.log.line(os, Level::Warning, message);
    }
}
