//! Memory of the command `sabot`. A simulated run makes thousands of small allocations, which cost
//! a fifth of its time with glibc's allocator, and the next run makes the same ones again.
//!
//! Must not know: what is in it.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_long};

use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, version 3: milliseconds until memory that is free goes
/// back to the kernel. The crate has no name for it.
const PURGE_DELAY: c_int = 15;

/// Never. The usual 10 ms have runs clear the same pages again and again, a tenth of a sweep, and
/// so does a second: what is remembered grows and is forgotten for as long as a sweep lasts.
const NEVER: c_long = -1;

/// Keeps free memory for the next run.
pub fn keep() {
    // SAFETY: sets a number in a table of the allocator; it may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}
