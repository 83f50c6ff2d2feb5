//! Fields of INFO that not all generations have.
//!
//! Must not know: who asks.

use super::fields::Fields;
use crate::generation::{self, Generation};
use crate::os::{Clock, Os};
use crate::server::{CommandStats, Server};

/// Groups of fields of the section Persistence, in the order of their places.
#[derive(Default)]
pub(super) struct Persistence {
    /// After `loading`.
    pub(super) at_first: Fields,
    /// Before `rdb_last_cow_size`.
    pub(super) saves: Fields,
    /// After it.
    pub(super) loads: Fields,
    /// Before `aof_last_write_status`.
    pub(super) rewrites: Fields,
}

/// What 7.0 has besides the fields of 6.0.
pub(super) fn persistence(server: &Server, os: &mut dyn Os) -> Persistence {
    match server.config.generation.fields {
        generation::Fields::Redis60 => Persistence::default(),
        generation::Fields::Redis70 => Persistence {
            at_first: child(server, os),
            saves: fields! { rdb_saves: server.rdb.stat_saves },
            loads: fields! {
                rdb_last_load_keys_expired: server.rdb.last_load.expired,
                rdb_last_load_keys_loaded: server.rdb.last_load.loaded,
            },
            rewrites: fields! {
                aof_rewrites: server.aof.stat_rewrites,
                aof_rewrites_consecutive_failures: server.aof.stat_rewrites_consecutive_failures,
            },
        },
    }
}

/// What the running child has reported.
fn child(server: &Server, os: &mut dyn Os) -> Fields {
    let children = &server.children;
    let (progress, total) = (&children.progress, children.save_keys_total);
    let age = match progress.cow_updated {
        0 => 0,
        updated => (os.clock_gettime(Clock::Monotonic) / 1000).saturating_sub(updated) / 1_000_000,
    };
    let share = if total == 0 { 0.0 } else { progress.keys as f64 / total as f64 * 100.0 };
    fields! {
        async_loading: 0,
        current_cow_peak: children.cow_peak,
        current_cow_size: progress.cow,
        current_cow_size_age: age,
        current_fork_perc: format!("{share:.2}"),
        current_save_keys_processed: progress.keys,
        current_save_keys_total: total,
    }
}

/// Whether a generation has a section.
pub(super) fn has_section(generation: &Generation, name: &str) -> bool {
    match generation.fields {
        generation::Fields::Redis60 => name != "Errorstats",
        generation::Fields::Redis70 => true,
    }
}

/// How many errors were replied.
pub(super) fn errorstats(server: &Server, _os: &mut dyn Os) -> Fields {
    let line = |(code, count): (&Vec<u8>, &u64)| {
        (format!("errorstat_{}", String::from_utf8_lossy(code)), format!("count={count}"))
    };
    server.clients.errors.iter().map(line).collect()
}

/// The end of the line of a command; None: the command has no line.
pub(super) fn refusals(generation: &Generation, stats: &CommandStats) -> Option<String> {
    let CommandStats { calls, rejected, failed, .. } = stats;
    match generation.fields {
        generation::Fields::Redis60 => (*calls > 0).then(String::new),
        generation::Fields::Redis70 => {
            Some(format!(",rejected_calls={rejected},failed_calls={failed}"))
        }
    }
}

/// At the end of Stats.
pub(super) fn error_replies(server: &Server) -> Fields {
    match server.config.generation.fields {
        generation::Fields::Redis60 => Fields::new(),
        generation::Fields::Redis70 => {
            fields! { total_error_replies: server.clients.errors.values().sum::<u64>() }
        }
    }
}

/// After `latest_fork_usec`.
pub(super) fn forks(server: &Server) -> Fields {
    match server.config.generation.fields {
        generation::Fields::Redis60 => Fields::new(),
        generation::Fields::Redis70 => fields! { total_forks: server.children.stat_total_forks },
    }
}

/// The buffer for the rewrite child, which only one file needs.
pub(super) fn rewrite_buffer(server: &Server) -> Fields {
    match server.config.generation.fields {
        generation::Fields::Redis60 => {
            fields! { aof_rewrite_buffer_length: server.aof.rewrite_buffer_size() }
        }
        generation::Fields::Redis70 => Fields::new(),
    }
}
