//! The values of all directives, with their defaults (Redis: the fields of `redisServer`
//! that config.c fills).
//!
//! Must not know: how the directives are spelled.

use std::collections::BTreeMap;

use crate::generation::{Generation, REDIS_6_0};
use crate::log::Level;

/// When the AOF is synced (`appendfsync`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFsync {
    Always,
    Everysec,
    No,
}

/// Which keys Redis would evict (`maxmemory-policy`). Here nothing is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxmemoryPolicy {
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
    AllkeysLru,
    AllkeysLfu,
    AllkeysRandom,
    Noeviction,
}

impl MaxmemoryPolicy {
    /// In Redis' order.
    pub(super) const ALL: [MaxmemoryPolicy; 8] = [
        MaxmemoryPolicy::VolatileLru,
        MaxmemoryPolicy::VolatileLfu,
        MaxmemoryPolicy::VolatileRandom,
        MaxmemoryPolicy::VolatileTtl,
        MaxmemoryPolicy::AllkeysLru,
        MaxmemoryPolicy::AllkeysLfu,
        MaxmemoryPolicy::AllkeysRandom,
        MaxmemoryPolicy::Noeviction,
    ];
    /// In the same order.
    pub(super) const NAMES: [&str; 8] = [
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "noeviction",
    ];
}

/// Who may do what an intruder could abuse (`enable-debug-command`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectedAction {
    No,
    Yes,
    /// Clients on this machine.
    Local,
}

impl ProtectedAction {
    /// In Redis' order.
    pub(super) const ALL: [ProtectedAction; 3] =
        [ProtectedAction::No, ProtectedAction::Yes, ProtectedAction::Local];
    /// In the same order.
    pub(super) const NAMES: [&str; 3] = ["no", "yes", "local"];

    /// Whether a client may do it (Redis: `allowProtectedAction`).
    pub fn allows(self, local: bool) -> bool {
        match self {
            ProtectedAction::No => false,
            ProtectedAction::Yes => true,
            ProtectedAction::Local => local,
        }
    }
}

/// The value of every directive that has an effect. Sizes are in bytes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which Redis the server is.
    pub generation: &'static Generation,
    pub port: u16,
    pub bind: Vec<String>,
    pub unixsocket: Option<String>,
    pub tcp_backlog: i32,
    pub maxclients: u32,
    /// The password for AUTH; empty for none.
    pub requirepass: String,
    /// Seconds after which an idle client is closed; 0 for never.
    pub timeout: u32,
    pub protected_mode: bool,
    pub enable_debug_command: ProtectedAction,
    /// There are no modules, so it has no effect.
    pub enable_module_command: ProtectedAction,
    pub enable_protected_configs: ProtectedAction,
    pub client_query_buffer_limit: u64,
    /// Above this many bytes, commands that need memory are refused; 0 for no limit.
    pub maxmemory: u64,
    pub maxmemory_policy: MaxmemoryPolicy,
    pub lfu_log_factor: u32,
    /// Minutes.
    pub lfu_decay_time: u32,
    /// Events of at least this many milliseconds are recorded; 0 disables.
    pub latency_monitor_threshold: i64,
    pub databases: usize,
    pub dir: Option<String>,
    pub pidfile: Option<String>,
    pub logfile: String,
    pub loglevel: Level,
    pub hz: u32,
    pub dynamic_hz: bool,
    /// Save points, as (seconds, changes).
    pub save: Vec<(u64, u64)>,
    pub dbfilename: String,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    pub rdb_save_incremental_fsync: bool,
    pub stop_writes_on_bgsave_error: bool,
    /// Microseconds to sleep after each saved key, for tests.
    pub rdb_key_save_delay: u64,
    /// Microseconds to sleep after each loaded key or command, for tests.
    pub key_load_delay: u64,
    pub appendonly: bool,
    pub appendfilename: String,
    /// The directory of an AOF of many parts.
    pub appenddirname: String,
    /// Write the time into an AOF of many parts, as annotations.
    pub aof_timestamp_enabled: bool,
    /// Keep the parts that are no longer needed, for tests.
    pub aof_disable_auto_gc: bool,
    pub appendfsync: AppendFsync,
    pub no_appendfsync_on_rewrite: bool,
    pub auto_aof_rewrite_percentage: u64,
    pub auto_aof_rewrite_min_size: u64,
    pub aof_load_truncated: bool,
    pub aof_use_rdb_preamble: bool,
    pub aof_rewrite_incremental_fsync: bool,
    pub hash_max_ziplist_entries: usize,
    pub hash_max_ziplist_value: usize,
    pub set_max_intset_entries: usize,
    pub zset_max_ziplist_entries: usize,
    pub zset_max_ziplist_value: usize,
    pub list_max_ziplist_size: i32,
    pub stream_node_max_bytes: u64,
    pub stream_node_max_entries: u64,
    /// The absolute path of the configuration file; empty for none.
    pub config_file: String,
    /// Directives that are accepted without effect, as given.
    pub ignored: BTreeMap<&'static str, String>,
}

impl Config {
    /// The defaults of a generation.
    pub fn of(generation: &'static Generation) -> Config {
        Config { generation, ..Config::default() }
    }
}

/// The defaults of Redis 6.0, which later ones kept.
impl Default for Config {
    fn default() -> Self {
        Config {
            generation: &REDIS_6_0,
            port: 6379,
            bind: Vec::new(),
            unixsocket: None,
            tcp_backlog: 511,
            maxclients: 10000,
            requirepass: String::new(),
            timeout: 0,
            protected_mode: true,
            enable_debug_command: ProtectedAction::No,
            enable_module_command: ProtectedAction::No,
            enable_protected_configs: ProtectedAction::No,
            client_query_buffer_limit: 1 << 30,
            maxmemory: 0,
            maxmemory_policy: MaxmemoryPolicy::Noeviction,
            lfu_log_factor: 10,
            lfu_decay_time: 1,
            latency_monitor_threshold: 0,
            databases: 16,
            dir: None,
            pidfile: None,
            logfile: String::new(),
            loglevel: Level::Notice,
            hz: 10,
            dynamic_hz: true,
            save: vec![(3600, 1), (300, 100), (60, 10000)],
            dbfilename: "dump.rdb".to_string(),
            rdbcompression: true,
            rdbchecksum: true,
            rdb_save_incremental_fsync: true,
            stop_writes_on_bgsave_error: true,
            rdb_key_save_delay: 0,
            key_load_delay: 0,
            appendonly: false,
            appendfilename: "appendonly.aof".to_string(),
            appenddirname: "appendonlydir".to_string(),
            aof_timestamp_enabled: false,
            aof_disable_auto_gc: false,
            appendfsync: AppendFsync::Everysec,
            no_appendfsync_on_rewrite: false,
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: 64 << 20,
            aof_load_truncated: true,
            aof_use_rdb_preamble: true,
            aof_rewrite_incremental_fsync: true,
            hash_max_ziplist_entries: 512,
            hash_max_ziplist_value: 64,
            set_max_intset_entries: 512,
            zset_max_ziplist_entries: 128,
            zset_max_ziplist_value: 64,
            list_max_ziplist_size: -2,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            config_file: String::new(),
            ignored: BTreeMap::new(),
        }
    }
}
