//! What a blocked client gets when it is served.
//!
//! Must not know: what it waited for.

use crate::keyspace::Bytes;
use crate::resp::Reply;

/// The reply to a served client, and what is propagated.
pub struct Served {
    pub reply: Reply,
    pub propagated: Vec<Vec<Bytes>>,
    /// Whether it counts as a change: an element that was pushed and popped at once does not.
    pub counts: bool,
}
