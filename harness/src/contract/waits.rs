//! WAITAOF: what it says is on this server's disk.
//!
//! `WAITAOF NUMLOCAL NUMREPLICAS TIMEOUT` answers with how many local servers, 0 or 1, and replicas
//! have synced all that was written before on the same connection (redis.io, WAITAOF). Must not
//! know: policies.

use super::history::{Entry, name};
use crate::observation::{Observations, Sent};

/// Whether a WAITAOF behind this write, on its connection, has counted this server.
pub fn cover(seen: &Observations, entry: &Entry) -> bool {
    let Some(write) = seen.history.get(entry.order) else { return false };
    let later = seen.history.iter().skip(entry.order + 1);
    let mut its = later.filter(|sent| {
        sent.incarnation == write.incarnation
            && sent.client == write.client
            && name(&sent.argv) == "WAITAOF"
    });
    its.any(counts_this_server)
}

fn counts_this_server(sent: &Sent) -> bool {
    let first = sent.reply.as_deref().and_then(|reply| reply.lines().next());
    let local = first.and_then(|line| line.strip_prefix("1) :")).map(str::parse::<u64>);
    matches!(local, Some(Ok(1..)))
}
