//! Stand-ins for system files that differ from machine to machine: a server reads the same content
//! everywhere, so that its log and its hash seeds are the same.
//!
//! Must not know: what a server does with them.

use std::io::{Seek, Write};
use std::os::fd::OwnedFd;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::world::Broken;

/// A machine that is set up as servers recommend, so that they do not warn.
pub(super) const FIXED: &[(&str, &str)] = &[
    ("/proc/sys/vm/overcommit_memory", "1\n"),
    ("/proc/sys/net/core/somaxconn", "4096\n"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
    ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    // It can be written, too; what the machine would make of that is no matter of a run.
    ("/proc/self/oom_score_adj", "0\n"),
];
/// More than any server reads for its seeds.
const RANDOM_BYTES: usize = 1 << 14;
/// Keeps the stream of /dev/urandom apart from that of getrandom(2).
const DEVICE: u64 = 1 << 32;

/// The content that stands in for that of `path`; None: the file itself is read.
pub fn content(path: &str) -> Option<Vec<u8>> {
    if path == "/dev/urandom" || path == "/dev/random" {
        return Some(random(DEVICE, RANDOM_BYTES));
    }
    let fixed = FIXED.iter().find(|(name, _)| *name == path);
    fixed.map(|(_, text)| text.as_bytes().to_vec())
}

/// A file to open instead of `path`; None: the file itself is opened.
pub fn stand_in(path: &str) -> Result<Option<OwnedFd>, Broken> {
    let Some(content) = content(path) else { return Ok(None) };
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
