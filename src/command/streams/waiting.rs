//! What a client that reads streams waits for.
//!
//! Must not know: how it is served.

use crate::keyspace::{Bytes, StreamId};

/// In which group, as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRead {
    pub group: Bytes,
    pub consumer: Bytes,
    /// What is delivered does not become pending.
    pub no_ack: bool,
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRead {
    /// Per key the id after which it reads; in a group it reads what is new.
    pub after: Vec<StreamId>,
    /// 0 for the default.
    pub count: usize,
    pub group: Option<GroupRead>,
}
