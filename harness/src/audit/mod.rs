//! An audit as data: its record, causes over all workloads, and a redis.conf as lines of a case.
//!
//! Must not know: how anything is run or printed.

pub mod causes;
pub mod record;
pub mod redis_conf;
