//! A pool for as long as some work takes, and an interrupt that stops it.
//!
//! Must not know: what the work is.

use std::io;

use super::interrupt;
use super::pool::{Pool, Settings};

/// Does `work` with a pool that the first interrupt stops; the pool is gone afterwards. The caller
/// has blocked interrupts ([`interrupt::block`]).
///
/// # Errors
/// When threads cannot be started.
pub fn with_pool<T>(settings: &Settings, work: impl FnOnce(&Pool) -> T) -> io::Result<T> {
    let pool = Pool::new(settings)?;
    interrupt::on_interrupt(pool.stopper())?;
    let result = work(&pool);
    drop(pool);
    Ok(result)
}
