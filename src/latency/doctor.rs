//! The report of LATENCY DOCTOR (Redis: `createLatencyReport`, latency.c).
//!
//! Must not know: how they were measured.

use std::collections::BTreeSet;

use super::{Latency, TimeSeries};

/// What the advice depends on, besides the events.
#[derive(Clone, Copy, Debug)]
pub struct DoctorInputs {
    /// Seconds since the epoch.
    pub now: i64,
    /// Microseconds; below 0 for a slow log that is off.
    pub slowlog_log_slower_than: i64,
    pub appendfsync_always: bool,
    pub hz: u32,
    /// How fast the last fork was, in GB of memory per second.
    pub fork_rate: f64,
    /// Where Redis' documentation is.
    pub documentation: &'static str,
}

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this \
     Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in \
     order to enable it. If we weren't in a deep space mission I'd suggest to take a look at \
     {site}/topics/latency-monitor.\n";
const SPIKES: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind \
     talking about it, do you Dave?\n\n";
const NONE: &str = "Dave, no latency spike was observed during the lifetime of this Redis \
     instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a \
     stress pill, and think things over.\n";
const NO_ADVICE: &str = "\nWhile there are latency events logged, I'm not able to suggest any \
     easy fix. Please use the Redis community to get some help, providing this report in your \
     help request.\n";
const ADVICES: &str = "\nI have a few advices for you:\n\n";

/// Pieces of advice, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    BetterVm,
    SlowlogEnabled,
    SlowlogTuning,
    SlowlogInspect,
    Scheduler,
    LocalDisk,
    Ssd,
    DataWriteback,
    DiskContention,
    NoAppendfsync,
    RelaxFsyncPolicy,
    WriteLoadInfo,
    Hz,
    LargeObjects,
}

/// The text of each, in the same order.
const TEXTS: [&str; 14] = [
    "- If you are using a virtual machine, consider upgrading it with a faster one using a \
     hypervisior that provides less latency during fork() calls. Xen is known to have poor fork() \
     performance. Even in the context of the same VM provider, certain kinds of instances can \
     execute fork faster than others.\n",
    "- There are latency issues with potentially slow commands you are using. Try to enable the \
     Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than {threshold}'. \
     If the Slow log is disabled Redis is not able to log slow commands execution for you.\n",
    "- Your current Slow Log configuration only logs events that are slower than your configured \
     latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than {threshold}'.\n",
    "- Check your Slow Log to understand what are the commands you are running which are too slow \
     to execute. Please check {site}/commands/slowlog for more information.\n",
    "- The system is slow to execute Redis code paths not containing system calls. This usually \
     means the system does not provide Redis CPU time to run for long periods. You should try \
     to:\n  1) Lower the system load.\n  2) Use a computer / VM just for Redis if you are running \
     other softawre in the same system.\n  3) Check if you have a \"noisy neighbour\" problem.\n  \
     4) Check with 'redis-cli --intrinsic-latency 100' what is the intrinsic latency in your \
     system.\n  5) Check if the problem is allocator-related by recompiling Redis with \
     MALLOC=libc, if you are using Jemalloc. However this may create fragmentation problems.\n",
    "- It is strongly advised to use local disks for persistence, especially if you are using \
     AOF. Remote disks provided by platform-as-a-service providers are known to be slow.\n",
    "- SSD disks are able to reduce fsync latency, and total time needed for snapshotting and AOF \
     log rewriting (resulting in smaller memory usage and smaller final AOF rewrite buffer \
     flushes). With extremely high write load SSD disks can be a good option. However Redis \
     should perform reasonably with high load using normal disks. Use this advice as a last \
     resort.\n",
    "- Mounting ext3/4 filesystems with data=writeback can provide a performance boost compared \
     to data=ordered, however this mode of operation provides less guarantees, and sometimes it \
     can happen that after a hard crash the AOF file will have an half-written command at the end \
     and will require to be repaired before Redis restarts.\n",
    "- Try to lower the disk contention. This is often caused by other disk intensive processes \
     running in the same computer (including other Redis instances).\n",
    "- Assuming from the point of view of data safety this is viable in your environment, you \
     could try to enable the 'no-appendfsync-on-rewrite' option, so that fsync will not be \
     performed while there is a child rewriting the AOF file or producing an RDB file (the moment \
     where there is high disk contention).\n",
    "- Your fsync policy is set to 'always'. It is very hard to get good performances with such a \
     setup, if possible try to relax the fsync policy to 'onesec'.\n",
    "- Latency during the AOF atomic rename operation or when the final difference is flushed to \
     the AOF file at the end of the rewrite, sometimes is caused by very high write load, causing \
     the AOF buffer to get very large. If possible try to send less commands to accomplish the \
     same work, or use Lua scripts to group multiple operations into a single EVALSHA call.\n",
    "- In order to make the Redis keys expiring process more incremental, try to set the 'hz' \
     configuration parameter to 100 using 'CONFIG SET hz 100'.\n",
    "- Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking \
     operation. If you have very large objects that are often deleted, expired, or evicted, try \
     to fragment those objects into multiple smaller objects.\n",
];

impl Advice {
    fn text(self) -> &'static str {
        TEXTS[self as usize]
    }

    /// Whether the advice still applies under the current configuration.
    fn applies(self, inputs: &DoctorInputs) -> bool {
        match self {
            Advice::RelaxFsyncPolicy => inputs.appendfsync_always,
            Advice::Hz => inputs.hz < 100,
            _ => true,
        }
    }
}

/// The whole report.
pub fn report(latency: &Latency, inputs: &DoctorInputs) -> String {
    if latency.events.is_empty() && latency.threshold == 0 {
        return DISABLED.replace("{site}", inputs.documentation);
    }
    let (mut report, mut advices) = (String::new(), BTreeSet::new());
    for (number, (&event, series)) in (1..).zip(&latency.events) {
        if number == 1 {
            report.push_str(SPIKES);
        }
        report.push_str(&format!("{number}. {event}: {}", statistics(series, inputs.now)));
        if event == "fork" {
            report.push_str(&fork_rate(inputs.fork_rate));
        }
        report.push('\n');
        advices.extend(advices_for(event, latency.threshold, inputs));
    }
    match (latency.events.is_empty(), advices.is_empty()) {
        (true, _) => report.push_str(NONE),
        (false, true) => report.push_str(NO_ADVICE),
        (false, false) => report.push_str(ADVICES),
    }
    // The slow log's threshold is in microseconds, the monitor's in milliseconds.
    let threshold = (latency.threshold * 1000).to_string();
    for advice in advices.into_iter().filter(|advice| advice.applies(inputs)) {
        let text = advice.text().replace("{threshold}", &threshold);
        report.push_str(&text.replace("{site}", inputs.documentation));
    }
    report
}

/// Redis: `analyzeLatencyForEvent`.
fn statistics(series: &TimeSeries, now: i64) -> String {
    let count = series.samples.len() as i64;
    let average = series.samples.iter().map(|sample| sample.latency).sum::<i64>() / count;
    let deviations = series.samples.iter().map(|sample| (average - sample.latency).abs());
    let deviation = deviations.sum::<i64>() / count;
    let oldest = series.samples.front().map_or(now, |sample| sample.time);
    let period = (now - oldest).max(1) as f64 / count as f64;
    format!(
        "{count} latency spikes (average {average}ms, mean deviation {deviation}ms, period \
         {period:.2} sec). Worst all time event {}ms.",
        series.max
    )
}

fn fork_quality(rate: f64) -> &'static str {
    match rate {
        rate if rate < 10.0 => "terrible",
        rate if rate < 25.0 => "poor",
        rate if rate < 100.0 => "good",
        _ => "excellent",
    }
}

fn fork_rate(rate: f64) -> String {
    format!(" Fork rate is {rate:.2} GB/sec ({}).", fork_quality(rate))
}

/// The advice for an event. Redis compares with a misspelt name for the unlink of a temporary file,
/// so that one never matches.
fn advices_for(event: &str, threshold: i64, inputs: &DoctorInputs) -> Vec<Advice> {
    use Advice::*;
    match event {
        "fork" if inputs.fork_rate < 25.0 => vec![BetterVm],
        "command" => {
            let slowlog = match inputs.slowlog_log_slower_than {
                ..0 => Some(SlowlogEnabled),
                slower if slower / 1000 > threshold => Some(SlowlogTuning),
                _ => None,
            };
            slowlog.into_iter().chain([SlowlogInspect, LargeObjects]).collect()
        }
        "fast-command" => vec![Scheduler],
        "aof-write-pending-fsync" => vec![LocalDisk, DiskContention, Ssd, DataWriteback],
        "aof-write-active-child" => vec![NoAppendfsync, DataWriteback, Ssd],
        "aof-write-alone" => vec![LocalDisk, DataWriteback, Ssd],
        "aof-fsync-always" => vec![RelaxFsyncPolicy],
        "aof-fstat" => vec![DiskContention, LocalDisk],
        "aof-rewrite-diff-write" | "aof-rename" => {
            vec![WriteLoadInfo, DataWriteback, Ssd, LocalDisk]
        }
        "expire-cycle" => vec![Hz, LargeObjects],
        _ => Vec::new(),
    }
}
