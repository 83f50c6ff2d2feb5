//! Any bytes as `dump.rdb`: the server starts or exits with 1, and never panics.

#![no_main]

#[path = "start.rs"]
mod start;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| start::with_file("dump.rdb", data, "no"));
