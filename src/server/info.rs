//! INFO: the sections and fields of Redis 6.0 that make sense here, in its order (Redis:
//! `genRedisInfoString`, server.c).
//!
//! A field that would have to be invented, such as allocator statistics or replication, is left
//! out.
//! Must not know: who asks.

use super::{Loading, Server};
use crate::aof::{State, Status};
use crate::bio::JobType;
use crate::clock::time;
use crate::os::Os;

#[macro_use]
mod fields;
mod later;

use fields::Fields;

type Section = fn(&Server, &mut dyn Os) -> Fields;

const SECTIONS: [(&str, Section); 8] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Commandstats", commandstats),
    ("Errorstats", later::errorstats),
    ("Keyspace", keyspace),
];
/// Shown only on request, or with `all`.
const NOT_BY_DEFAULT: &str = "Commandstats";

/// The reply of INFO; `section` is in lower case (Redis: `genRedisInfoString`).
pub fn info_string(server: &Server, os: &mut dyn Os, section: &str) -> String {
    let by_default = section == "default";
    let all = ["all", "everything"].contains(&section);
    let mut parts = Vec::new();
    let known = |name: &str| later::has_section(server.config.generation, name);
    for (name, fields) in SECTIONS.into_iter().filter(|(name, _)| known(name)) {
        let implied = all || (by_default && name != NOT_BY_DEFAULT);
        if implied || name.eq_ignore_ascii_case(section) {
            let lines =
                fields(server, os).into_iter().map(|(field, value)| format!("{field}:{value}\r\n"));
            parts.push(format!("# {name}\r\n{}", lines.collect::<String>()));
        }
    }
    parts.join("\r\n")
}

fn server(server: &Server, os: &mut dyn Os) -> Fields {
    let uptime = server.time.unixtime() - server.start_time;
    fields! {
        redis_version: server.config.generation.version,
        sabot_version: env!("CARGO_PKG_VERSION"),
        redis_mode: "standalone",
        os: "Linux",
        arch_bits: 64,
        multiplexing_api: "epoll",
        process_id: os.getpid(),
        run_id: server.run_id,
        tcp_port: server.config.port,
        uptime_in_seconds: uptime,
        uptime_in_days: uptime / (3600 * 24),
        hz: server.hz,
        configured_hz: server.config.hz,
        config_file: server.config.config_file,
    }
}

fn clients(server: &Server, _os: &mut dyn Os) -> Fields {
    let (input, output) = server.clients.max_buffers();
    fields! {
        connected_clients: server.clients.len(),
        client_recent_max_input_buffer: input,
        client_recent_max_output_buffer: output,
        blocked_clients: server.clients.blocked().count(),
        tracking_clients: 0,
        clients_in_timeout_table: 0,
    }
}

fn memory(server: &Server, _os: &mut dyn Os) -> Fields {
    let used = server.keyspace.used_memory();
    let maxmemory = server.config.maxmemory;
    fields! {
        used_memory: used,
        used_memory_human: bytes_to_human(used),
        maxmemory: maxmemory,
        maxmemory_human: bytes_to_human(maxmemory),
        maxmemory_policy: "noeviction",
        mem_aof_buffer: server.aof.mem_aof_buffer(),
    }
}

/// Redis: `bytesToHuman`.
fn bytes_to_human(bytes: u64) -> String {
    let units = [(1u64 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / *size as f64),
        None => format!("{bytes}B"),
    }
}

fn commandstats(server: &Server, _os: &mut dyn Os) -> Fields {
    let stats = server.stats.commands.iter();
    stats
        .filter_map(|(name, stats)| {
            let per_call = stats.microseconds as f64 / stats.calls.max(1) as f64;
            let (calls, usec) = (stats.calls, stats.microseconds);
            let later = later::refusals(server.config.generation, stats)?;
            let value = format!("calls={calls},usec={usec},usec_per_call={per_call:.2}{later}");
            Some((format!("cmdstat_{name}"), value))
        })
        .collect()
}

/// The result of the last write and, where somebody looks at it, of the last background sync.
fn write_status(server: &Server) -> Status {
    match server.bio.fsync_error() {
        Some(_) => Status::Err,
        None => server.aof.last_write_status,
    }
}

fn ok_or_err(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Err => "err",
    }
}

fn persistence(server: &Server, os: &mut dyn Os) -> Fields {
    let (rdb, aof, children) = (&server.rdb, &server.aof, &server.children);
    let current_save_time = children.rdb.map_or(-1, |_| time(os) - rdb.save_time_start);
    let current_rewrite_time = children.aof.map_or(-1, |_| time(os) - aof.rewrite_time_start);
    let mut fields = fields! { loading: u8::from(server.loading.is_some()) };
    let later = later::persistence(server, os);
    fields.extend(later.at_first);
    fields.extend(fields! {
        rdb_changes_since_last_save: rdb.dirty,
        rdb_bgsave_in_progress: u8::from(children.rdb.is_some()),
        rdb_last_save_time: rdb.lastsave,
        rdb_last_bgsave_status: ok_or_err(rdb.lastbgsave_status),
        rdb_last_bgsave_time_sec: rdb.save_time_last,
        rdb_current_bgsave_time_sec: current_save_time,
    });
    fields.extend(later.saves);
    fields.extend(fields! { rdb_last_cow_size: rdb.stat_rdb_cow_bytes });
    fields.extend(later.loads);
    fields.extend(fields! {
        aof_enabled: u8::from(aof.state != State::Off),
        aof_rewrite_in_progress: u8::from(children.aof.is_some()),
        aof_rewrite_scheduled: u8::from(aof.rewrite_scheduled),
        aof_last_rewrite_time_sec: aof.rewrite_time_last,
        aof_current_rewrite_time_sec: current_rewrite_time,
        aof_last_bgrewrite_status: ok_or_err(aof.last_bgrewrite_status),
    });
    fields.extend(later.rewrites);
    fields.extend(fields! {
        aof_last_write_status: ok_or_err(write_status(server)),
        aof_last_cow_size: aof.stat_aof_cow_bytes,
        module_fork_in_progress: 0,
        module_fork_last_cow_size: 0,
    });
    if server.config.appendonly {
        fields.extend(fields! {
            aof_current_size: aof.current_size,
            aof_base_size: aof.rewrite_base_size,
            aof_pending_rewrite: u8::from(aof.rewrite_scheduled),
            aof_buffer_length: aof.buf.len(),
        });
        fields.extend(later::rewrite_buffer(server));
        fields.extend(fields! {
            aof_pending_bio_fsync: server.bio.pending_jobs_of_type(JobType::AofFsync),
            aof_delayed_fsync: aof.delayed_fsync,
        });
    }
    if let Some(loading) = &server.loading {
        fields.extend(loading_fields(loading, time(os)));
    }
    fields
}

/// Progress and estimated remaining time of a load.
fn loading_fields(loading: &Loading, now: i64) -> Fields {
    let Loading { start_time, total_bytes, loaded_bytes } = *loading;
    let elapsed = now - start_time;
    let remaining = total_bytes as i64 - loaded_bytes as i64;
    let eta = if elapsed == 0 { 1 } else { elapsed * remaining / (loaded_bytes as i64 + 1) };
    let percent = loaded_bytes as f64 / total_bytes as f64 * 100.0;
    fields! {
        loading_start_time: start_time,
        loading_total_bytes: total_bytes,
        loading_loaded_bytes: loaded_bytes,
        loading_loaded_perc: format!("{percent:.2}"),
        loading_eta_seconds: eta,
    }
}

fn stats(server: &Server, _os: &mut dyn Os) -> Fields {
    let stats = &server.stats;
    let mut fields = fields! {
        total_connections_received: stats.numconnections,
        total_commands_processed: stats.numcommands,
        total_net_input_bytes: stats.net_input_bytes,
        total_net_output_bytes: stats.net_output_bytes,
        rejected_connections: stats.rejected_conn,
        expired_keys: stats.expiredkeys,
        expired_stale_perc: format!("{:.2}", stats.expired_stale_perc * 100.0),
        expired_time_cap_reached_count: stats.expired_time_cap_reached_count,
        expire_cycle_cpu_milliseconds: stats.expire_cycle_time_used / 1000,
        evicted_keys: 0,
        keyspace_hits: stats.keyspace_hits,
        keyspace_misses: stats.keyspace_misses,
        latest_fork_usec: server.children.stat_fork_time,
    };
    fields.extend(later::forks(server));
    fields.extend(fields! {
        total_reads_processed: stats.total_reads_processed,
        total_writes_processed: stats.total_writes_processed,
    });
    fields.extend(later::error_replies(server));
    fields
}

fn keyspace(server: &Server, _os: &mut dyn Os) -> Fields {
    let dbs = server.keyspace.dbs.iter().enumerate();
    dbs.filter(|(_, db)| !db.dict.is_empty())
        .map(|(index, db)| {
            let (keys, expires) = (db.dict.len(), db.expires.len());
            (format!("db{index}"), format!("keys={keys},expires={expires},avg_ttl=0"))
        })
        .collect()
}
