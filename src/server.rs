//! The server: its whole state, with one struct per concern (Redis: `redisServer`, server.h).
//!
//! What it does is in the modules below: [`boot`] starts it, `client_io` reads and writes
//! clients, `call` runs one command and propagates its changes, `requests` handles what
//! commands ask for, [`cron`] is the periodic work, `load` reads a dataset, `shutdown` ends the
//! process.
//! Must not know: the order of events.

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
mod propagation;
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
use crate::keyspace::{Keyspace, Limits, StreamLimits};
use crate::latency::Latency;
use crate::log::{Level, Log};
use crate::networking::Clients;
use crate::os::{Fd, Os};
use crate::rdb::Rdb;

/// The cached time (Redis: `server.ustime`, `mstime`, `unixtime`), updated by server_cron, before
/// each command, and while loading.
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
    /// Estimated share of expired keys that are still in memory.
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
    /// Per command, ordered by name.
    pub commands: BTreeMap<&'static str, CommandStats>,
}

/// Calls of a command and their total duration.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub microseconds: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Answered with an error, maybe after they had been blocked.
    pub failed: u64,
}

/// Offsets to which the file can be truncated.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// Seconds since the epoch.
    pub start_time: i64,
    pub total_bytes: u64,
    /// As of the last progress report.
    pub loaded_bytes: u64,
}

/// The encoding limits of a configuration.
fn limits(config: &Config) -> Limits {
    Limits {
        compact: config.generation.rdb.compact,
        hash_max_ziplist_entries: config.hash_max_ziplist_entries,
        hash_max_ziplist_value: config.hash_max_ziplist_value,
        set_max_intset_entries: config.set_max_intset_entries,
        zset_max_ziplist_entries: config.zset_max_ziplist_entries,
        zset_max_ziplist_value: config.zset_max_ziplist_value,
        list_max_ziplist_size: config.list_max_ziplist_size,
        stream: StreamLimits {
            form: config.generation.rdb.streams,
            node_max_bytes: config.stream_node_max_bytes,
            node_max_entries: config.stream_node_max_entries,
        },
    }
}

/// How a configuration tracks accesses.
fn access_settings(config: &Config) -> Settings {
    let tracking = match config.maxmemory_policy {
        MaxmemoryPolicy::VolatileLru | MaxmemoryPolicy::AllkeysLru => Tracking::IdleTime,
        MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu => Tracking::Frequency,
        _ => Tracking::Nothing,
    };
    Settings {
        tracking,
        aged: config.generation.aged_past_the_clock,
        lfu_decay_time: config.lfu_decay_time,
        lfu_log_factor: config.lfu_log_factor.into(),
        no_shared_integers: config.maxmemory != 0 && tracking != Tracking::Nothing,
    }
}

/// The server's state.
pub struct Server {
    pub config: Config,
    pub log: Log,
    pub bio: Bio,
    pub keyspace: Keyspace,
    pub rdb: Rdb,
    pub aof: Aof,
    pub children: Children,
    /// Progress, while a file is being loaded.
    pub loading: Option<Loading>,
    pub clients: Clients,
    pub time: CachedTime,
    pub stats: Stats,
    pub latency: Latency,
    /// The event loop's epoll descriptor.
    pub epoll: Fd,
    /// Frequency of server_cron: `hz`, or more with many clients.
    pub hz: u32,
    /// Number of runs of server_cron.
    pub cronloops: u64,
    /// server_cron does no work (DEBUG PAUSE-CRON).
    pause_cron: bool,
    /// A transaction is being executed.
    pub in_exec: bool,
    /// A signal requested a shutdown, which server_cron performs.
    pub shutdown_asap: bool,
    expire_cycle: ExpireCycle,
    /// Executed commands of the current unit, see `propagation`.
    pending: Vec<propagation::Pending>,
    /// Seconds since the epoch.
    pub start_time: i64,
    /// 40 random hex digits, new at each start.
    pub run_id: String,
}

impl Server {
    /// A server before its first system call.
    pub fn new(config: Config) -> Server {
        let log = Log { level: config.loglevel, file: config.logfile.clone(), role: 'M' };
        Server {
            bio: Bio::new(config.generation.failed_sync, &log),
            log,
            keyspace: Keyspace {
                generation: config.generation,
                limits: limits(&config),
                access: Access::new(access_settings(&config)),
                ..Keyspace::new(config.databases)
            },
            rdb: Rdb::new(0),
            aof: Aof::new(&config),
            children: Children::new(config.generation.child_report),
            loading: None,
            clients: Clients::default(),
            time: CachedTime::default(),
            stats: Stats::default(),
            latency: Latency::new(config.latency_monitor_threshold),
            epoll: -1,
            hz: config.hz,
            cronloops: 0,
            pause_cron: false,
            in_exec: false,
            shutdown_asap: false,
            expire_cycle: ExpireCycle::new(config.databases),
            pending: Vec::new(),
            start_time: 0,
            run_id: String::new(),
            config,
        }
    }

    /// The AOF, the dataset, and the environment for calls on the AOF.
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
            in_exec: self.in_exec,
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
            in_exec: self.in_exec,
            unixtime: self.time.unixtime(),
            mstime: self.time.mstime(),
        };
        (&mut self.rdb, &self.keyspace, env)
    }

    /// Saves a snapshot, blocking. Returns whether it succeeded.
    pub fn rdb_save(&mut self, os: &mut dyn Os) -> bool {
        let mut signals = self.signals();
        let (rdb, keyspace, mut env) = self.snapshots(os);
        let saved = rdb.save(&mut env, keyspace, &mut |os, _| signals.take(os)).is_ok();
        self.shutdown_asap = signals.shutdown_asap;
        saved
    }

    /// Starts a background save. Returns whether it started.
    pub fn rdb_save_background(&mut self, os: &mut dyn Os) -> bool {
        let (rdb, keyspace, mut env) = self.snapshots(os);
        rdb.save_background(&mut env, keyspace).is_ok()
    }

    /// Flushes the AOF buffer; with `force` even while an fsync is in progress.
    pub fn flush_append_only_file(&mut self, os: &mut dyn Os, force: bool) {
        let (aof, _, mut env) = self.persistence(os);
        aof.flush_append_only_file(&mut env, force);
    }

    /// Starts an AOF rewrite. Returns whether it started.
    pub fn rewrite_append_only_file_background(&mut self, os: &mut dyn Os) -> bool {
        let (aof, keyspace, mut env) = self.persistence(os);
        aof.rewrite_append_only_file_background(&mut env, keyspace).is_ok()
    }

    /// Redis: `updateCachedTime`.
    pub fn update_cached_time(&mut self, os: &mut dyn Os) {
        self.time.ustime = ustime(os);
        self.keyspace.access.set_unixtime(self.time.unixtime());
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
