//! The table of directives: name, type, limits, and access to the value (Redis: `configs`,
//! config.c).
//!
//! Must not know: where the words come from.

use std::sync::LazyLock;

use super::accepted::{IGNORED, ONLY_OF_6_0, ONLY_OF_7_0, SUPPORTED};
use super::directive::{Directive, Kind};
use super::settings::{AppendFsync, Config, MaxmemoryPolicy, ProtectedAction};
use crate::generation::{Directives, Generation};
use crate::log::Level;

macro_rules! yes_no {
    ($name:literal, $modifiable:literal, $field:ident) => {
        Directive {
            name: $name,
            modifiable: $modifiable,
            protected: false,
            kind: Kind::YesNo(|config| config.$field, |config, value| config.$field = value),
        }
    };
}

macro_rules! number {
    ($kind:ident, $name:literal, $modifiable:literal, $field:ident, $low:expr, $high:expr) => {
        Directive {
            name: $name,
            modifiable: $modifiable,
            protected: false,
            kind: Kind::$kind(
                $low,
                $high,
                (|config| config.$field as i64, |config, value| config.$field = value as _),
            ),
        }
    };
}

macro_rules! text {
    ($name:literal, $modifiable:literal, $field:ident, $check:expr) => {
        Directive {
            name: $name,
            modifiable: $modifiable,
            protected: false,
            kind: Kind::Text(
                |config| config.$field.clone(),
                |config, value| {
                    let check: fn(&str) -> Result<(), String> = $check;
                    check(value)?;
                    config.$field = value.to_string();
                    Ok(())
                },
            ),
        }
    };
}

macro_rules! optional_text {
    ($name:literal, $field:ident) => {
        Directive {
            name: $name,
            modifiable: false,
            protected: false,
            kind: Kind::Text(
                |config| config.$field.clone().unwrap_or_default(),
                |config, value| {
                    config.$field = (!value.is_empty()).then(|| value.to_string());
                    Ok(())
                },
            ),
        }
    };
}

macro_rules! protected_action {
    ($name:literal, $field:ident) => {
        Directive {
            name: $name,
            modifiable: false,
            protected: false,
            kind: Kind::Choice(
                &ProtectedAction::NAMES,
                |config| index_of(&ProtectedAction::ALL, config.$field),
                |config, choice| config.$field = ProtectedAction::ALL[choice],
            ),
        }
    };
}

const INT_MAX: i64 = i32::MAX as i64;
const LOGLEVELS: [Level; 4] = [Level::Debug, Level::Verbose, Level::Notice, Level::Warning];
const FSYNC_POLICIES: [AppendFsync; 3] =
    [AppendFsync::Everysec, AppendFsync::Always, AppendFsync::No];

static REDIS_6_0: LazyLock<Vec<Directive>> = LazyLock::new(|| {
    let mut all = shared(ziplist_limits());
    all.extend(accepted(ONLY_OF_6_0));
    all
});

static REDIS_7_0: LazyLock<Vec<Directive>> = LazyLock::new(|| {
    let mut all = shared(listpack_limits());
    all.extend(multi_part_aof());
    all.extend(protected_actions());
    all.extend(accepted(ONLY_OF_7_0));
    for directive in &mut all {
        directive.protected = PROTECTED.contains(&directive.name);
    }
    all
});

/// Where files are, which an intruder could abuse.
const PROTECTED: [&str; 2] = ["dir", "dbfilename"];

/// All directives of a generation, those with an effect first.
pub fn of(generation: &Generation) -> &'static [Directive] {
    match generation.directives {
        Directives::Redis60 => &REDIS_6_0,
        Directives::Redis70 => &REDIS_7_0,
    }
}

/// The directive of this name, ignoring case. Older names are accepted: `slave` for `replica`, and
/// `ziplist` where the generation has `listpack`.
pub fn find(generation: &Generation, name: &str) -> Option<&'static Directive> {
    let all = of(generation);
    let find = |name: &str| all.iter().find(|d| d.name.eq_ignore_ascii_case(name));
    let older = name.to_ascii_lowercase();
    find(name)
        .or_else(|| find(&older.replace("slave", "replica")))
        .or_else(|| find(&older.replace("ziplist", "listpack")))
}

/// What all generations have, with the limits of the encodings under the names of this one.
fn shared(limits: [Directive; 6]) -> Vec<Directive> {
    let mut all = Vec::from(switches());
    all.extend(numbers());
    all.extend(limits);
    all.extend(texts());
    all.extend(choices_and_words());
    all.extend(SUPPORTED.iter().map(|&(name, value, reason)| Directive {
        name,
        modifiable: true,
        protected: false,
        kind: Kind::Only(value, reason),
    }));
    all.extend(accepted(IGNORED));
    all
}

fn accepted(list: &'static [(&str, &str)]) -> impl Iterator<Item = Directive> {
    list.iter().map(|&(name, default)| Directive {
        name,
        modifiable: true,
        protected: false,
        kind: Kind::Ignored(default),
    })
}

fn switches() -> [Directive; 11] {
    [
        yes_no!("rdbcompression", true, rdbcompression),
        yes_no!("rdbchecksum", false, rdbchecksum),
        yes_no!("rdb-save-incremental-fsync", true, rdb_save_incremental_fsync),
        yes_no!("stop-writes-on-bgsave-error", true, stop_writes_on_bgsave_error),
        yes_no!("aof-use-rdb-preamble", true, aof_use_rdb_preamble),
        yes_no!("appendonly", true, appendonly),
        yes_no!("no-appendfsync-on-rewrite", true, no_appendfsync_on_rewrite),
        yes_no!("aof-load-truncated", true, aof_load_truncated),
        yes_no!("aof-rewrite-incremental-fsync", true, aof_rewrite_incremental_fsync),
        yes_no!("dynamic-hz", true, dynamic_hz),
        yes_no!("protected-mode", true, protected_mode),
    ]
}

const ALL: i64 = i64::MAX;
const INT_MIN: i64 = i32::MIN as i64;

/// Limits of the compact encodings.
fn ziplist_limits() -> [Directive; 6] {
    [
        number!(Integer, "hash-max-ziplist-entries", true, hash_max_ziplist_entries, 0, ALL),
        number!(Memory, "hash-max-ziplist-value", true, hash_max_ziplist_value, 0, ALL),
        number!(Integer, "set-max-intset-entries", true, set_max_intset_entries, 0, ALL),
        number!(Integer, "zset-max-ziplist-entries", true, zset_max_ziplist_entries, 0, ALL),
        number!(Memory, "zset-max-ziplist-value", true, zset_max_ziplist_value, 0, ALL),
        number!(Integer, "list-max-ziplist-size", true, list_max_ziplist_size, INT_MIN, INT_MAX),
    ]
}

/// The same under the names of the encoding that came after ziplists.
fn listpack_limits() -> [Directive; 6] {
    [
        number!(Integer, "hash-max-listpack-entries", true, hash_max_ziplist_entries, 0, ALL),
        number!(Memory, "hash-max-listpack-value", true, hash_max_ziplist_value, 0, ALL),
        number!(Integer, "set-max-intset-entries", true, set_max_intset_entries, 0, ALL),
        number!(Integer, "zset-max-listpack-entries", true, zset_max_ziplist_entries, 0, ALL),
        number!(Memory, "zset-max-listpack-value", true, zset_max_ziplist_value, 0, ALL),
        number!(Integer, "list-max-listpack-size", true, list_max_ziplist_size, INT_MIN, INT_MAX),
    ]
}

fn multi_part_aof() -> [Directive; 3] {
    [
        text!("appenddirname", false, appenddirname, |value| no_path("appenddirname", value)),
        yes_no!("aof-timestamp-enabled", true, aof_timestamp_enabled),
        yes_no!("aof-disable-auto-gc", true, aof_disable_auto_gc),
    ]
}

fn protected_actions() -> [Directive; 3] {
    [
        protected_action!("enable-debug-command", enable_debug_command),
        protected_action!("enable-module-command", enable_module_command),
        protected_action!("enable-protected-configs", enable_protected_configs),
    ]
}

fn numbers() -> [Directive; 17] {
    [
        number!(Memory, "stream-node-max-bytes", true, stream_node_max_bytes, 0, ALL),
        number!(Integer, "stream-node-max-entries", true, stream_node_max_entries, 0, ALL),
        number!(Integer, "lfu-log-factor", true, lfu_log_factor, 0, INT_MAX),
        number!(Integer, "lfu-decay-time", true, lfu_decay_time, 0, INT_MAX),
        number!(Integer, "rdb-key-save-delay", true, rdb_key_save_delay, 0, INT_MAX),
        number!(Integer, "key-load-delay", true, key_load_delay, 0, INT_MAX),
        number!(Memory, "maxmemory", true, maxmemory, 0, i64::MAX),
        number!(Integer, "latency-monitor-threshold", true, latency_monitor_threshold, 0, i64::MAX),
        number!(Integer, "port", false, port, 0, 65535),
        number!(Integer, "tcp-backlog", false, tcp_backlog, 0, INT_MAX),
        number!(Integer, "databases", false, databases, 1, INT_MAX),
        number!(Integer, "maxclients", true, maxclients, 1, u32::MAX as i64),
        number!(Integer, "timeout", true, timeout, 0, INT_MAX),
        number!(
            Integer,
            "auto-aof-rewrite-percentage",
            true,
            auto_aof_rewrite_percentage,
            0,
            INT_MAX
        ),
        number!(Memory, "auto-aof-rewrite-min-size", true, auto_aof_rewrite_min_size, 0, i64::MAX),
        number!(Memory, "client-query-buffer-limit", true, client_query_buffer_limit, 0, i64::MAX),
        Directive {
            name: "hz",
            modifiable: true,
            protected: false,
            // Clamped rather than refused (Redis: `updateHZ`).
            kind: Kind::Integer(
                0,
                INT_MAX,
                (|config| config.hz.into(), |config, value| config.hz = value.clamp(1, 500) as u32),
            ),
        },
    ]
}

fn texts() -> [Directive; 6] {
    [
        text!("dbfilename", true, dbfilename, |value| no_path("dbfilename", value)),
        text!("appendfilename", false, appendfilename, |value| no_path("appendfilename", value)),
        text!("logfile", false, logfile, |_| Ok(())),
        text!("requirepass", true, requirepass, |_| Ok(())),
        optional_text!("unixsocket", unixsocket),
        optional_text!("pidfile", pidfile),
    ]
}

fn no_path(name: &str, value: &str) -> Result<(), String> {
    if value.contains(['/', '\\']) {
        return Err(format!("{name} can't be a path, just a filename"));
    }
    Ok(())
}

fn choices_and_words() -> [Directive; 6] {
    [
        Directive {
            name: "maxmemory-policy",
            modifiable: true,
            protected: false,
            kind: Kind::Choice(
                &MaxmemoryPolicy::NAMES,
                |config| index_of(&MaxmemoryPolicy::ALL, config.maxmemory_policy),
                |config, choice| config.maxmemory_policy = MaxmemoryPolicy::ALL[choice],
            ),
        },
        Directive {
            name: "appendfsync",
            modifiable: true,
            protected: false,
            kind: Kind::Choice(
                &["everysec", "always", "no"],
                |config| index_of(&FSYNC_POLICIES, config.appendfsync),
                |config, choice| config.appendfsync = FSYNC_POLICIES[choice],
            ),
        },
        Directive {
            name: "loglevel",
            modifiable: true,
            protected: false,
            kind: Kind::Choice(
                &["debug", "verbose", "notice", "warning"],
                |config| index_of(&LOGLEVELS, config.loglevel),
                |config, choice| config.loglevel = LOGLEVELS[choice],
            ),
        },
        Directive {
            name: "bind",
            modifiable: false,
            protected: false,
            kind: Kind::Words((
                |config| config.bind.join(" "),
                |config, words| {
                    config.bind = words.to_vec();
                    Ok(())
                },
            )),
        },
        Directive {
            name: "dir",
            modifiable: true,
            protected: false,
            kind: Kind::Text(
                |config| config.dir.clone().unwrap_or_default(),
                |config, value| {
                    config.dir = Some(value.to_string());
                    Ok(())
                },
            ),
        },
        Directive {
            name: "save",
            modifiable: true,
            protected: false,
            kind: Kind::Words((save_points, set_save_points)),
        },
    ]
}

fn index_of<T: PartialEq>(values: &[T], value: T) -> usize {
    values.iter().position(|candidate| *candidate == value).expect("the table lists every value")
}

fn save_points(config: &Config) -> String {
    let points: Vec<String> =
        config.save.iter().map(|(seconds, changes)| format!("{seconds} {changes}")).collect();
    points.join(" ")
}

/// Each line adds points; `save ""` removes all.
fn set_save_points(config: &mut Config, words: &[String]) -> Result<(), String> {
    if let [word] = words
        && word.is_empty()
    {
        config.save.clear();
        return Ok(());
    }
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let points: Vec<(u64, u64)> =
        numbers.chunks_exact(2).map(|point| (point[0], point[1])).collect();
    if numbers.len() != words.len() || words.len() % 2 == 1 || points.iter().any(|p| p.0 < 1) {
        return Err("Invalid save parameters".to_string());
    }
    config.save.extend(points);
    Ok(())
}
