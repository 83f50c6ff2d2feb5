//! Stand-ins for system files that differ from machine to machine: a server reads the same content
//! everywhere, so that its log and its hash seeds are the same.
//!
//! Must not know: what a server does with them.

use std::io::{Seek, Write};
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::kernel::Clock;
use crate::world::Broken;

/// A machine that is set up as servers recommend, so that they do not warn.
pub(super) const FIXED: &[(&str, &str)] = &[
    ("/proc/sys/vm/overcommit_memory", "1\n"),
    ("/proc/sys/net/core/somaxconn", "4096\n"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
    ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("/proc/loadavg", "0.00 0.00 0.00 1/1 1\n"),
    ("/proc/cpuinfo", CPUINFO),
    // It can be written, too; what the machine would make of that is no matter of a run.
    ("/proc/self/oom_score_adj", "0\n"),
];
/// A processor whose time stamp counter must not be used as a clock: it lacks `constant_tsc`.
const CPUINFO: &str = "\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: x86-64 processor
cpu MHz\t\t: 1000.000
cache size\t: 1024 KB
physical id\t: 0
siblings\t: 1
core id\t\t: 0
cpu cores\t: 1
fpu\t\t: yes
flags\t\t: fpu tsc msr cx8 cmov mmx fxsr sse sse2 syscall nx lm
clflush size\t: 64
address sizes\t: 46 bits physical, 48 bits virtual

";
/// Files that tell how long the machine has been running.
const UPTIME: &str = "/proc/uptime";
const STATISTICS: &str = "/proc/stat";
const SECOND: u64 = 1_000_000_000;
/// More than any server reads for its seeds.
const RANDOM_BYTES: usize = 1 << 14;
/// Keeps the stream of /dev/urandom apart from that of getrandom(2).
const DEVICE: u64 = 1 << 32;

/// Whether what stands in for this file depends on the time.
pub fn tells_time(path: &str) -> bool {
    path == UPTIME || path == STATISTICS
}

/// Whether something stands in for this file.
pub fn exists(path: &str) -> bool {
    let others = ["/dev/urandom", "/dev/random", UPTIME, STATISTICS];
    others.contains(&path) || FIXED.iter().any(|(name, _)| *name == path)
}

/// The content that stands in for that of `path`; None: the file itself is read.
pub fn content(path: &str, clock: &Clock) -> Option<Vec<u8>> {
    match path {
        "/dev/urandom" | "/dev/random" => return Some(random(DEVICE, RANDOM_BYTES)),
        UPTIME => return Some(uptime(clock).into_bytes()),
        STATISTICS => return Some(statistics(clock).into_bytes()),
        _ => {}
    }
    let fixed = FIXED.iter().find(|(name, _)| *name == path);
    fixed.map(|(_, text)| text.as_bytes().to_vec())
}

/// How long the machine has been up, and how long its processor has been idle.
fn uptime(clock: &Clock) -> String {
    let (seconds, rest) = (clock.monotonic() / SECOND, clock.monotonic() % SECOND / 10_000_000);
    format!("{seconds}.{rest:02} {seconds}.{rest:02}\n")
}

/// A processor that has been idle since the machine was booted; its times are in 1/100 s.
fn statistics(clock: &Clock) -> String {
    let idle = clock.monotonic() / 10_000_000;
    let booted = (clock.realtime() - clock.monotonic()) / SECOND;
    let times = format!("0 0 0 {idle} 0 0 0 0 0 0");
    format!(
        "cpu  {times}\ncpu0 {times}\nintr 0\nctxt 0\nbtime {booted}\nprocesses 1\n\
         procs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

/// A file to open instead of `path`; None: the file itself is opened.
pub fn stand_in(path: &str, clock: &Clock) -> Result<Option<OwnedFd>, Broken> {
    let Some(content) = content(path, clock) else { return Ok(None) };
    let file = memfd_create("stand-in", MFdFlags::MFD_CLOEXEC)
        .map_err(|errno| Broken::Harness(format!("memfd: {errno}")))?;
    let mut file = std::fs::File::from(file);
    file.write_all(&content)
        .and_then(|()| file.rewind())
        .map_err(|error| Broken::Harness(format!("a stand-in for {path}: {error}")))?;
    Ok(Some(file.into()))
}

/// The result of random draw number `draw`, in `len` bytes (splitmix64).
pub fn random(draw: u64, len: usize) -> Vec<u8> {
    let mut state = draw.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5ab0_7ed0_5ab0_7ed0;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_ne_bytes());
    }
    bytes.truncate(len);
    bytes
}
