//! An audit: every case and every sweep on one server, its record, causes over all workloads, a
//! redis.conf as lines of a case, parts made on several machines, and two reports compared.
//!
//! Must not know: how anything is printed.

pub mod causes;
pub mod diff;
pub mod event;
pub mod known;
pub mod part;
pub mod record;
pub mod run;
pub mod upgrade;
