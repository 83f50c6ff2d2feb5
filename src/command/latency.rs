//! LATENCY: what was slow (Redis: `latencyCommand`). DOCTOR and GRAPH, which put it into words and
//! pictures, are left out.
//!
//! Must not know: how samples are kept.

use super::{Context, Failure, Outcome, Request};
use crate::keyspace::Bytes;

/// What LATENCY asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyRequest {
    /// The samples of one event.
    History(String),
    /// The last sample of each event.
    Latest,
    /// Forget these events, or all of them.
    Reset(Vec<String>),
}

/// LATENCY HISTORY event | LATEST | RESET [event …]
pub fn latency(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"history", [event]) => LatencyRequest::History(text(event)),
        (b"latest", []) => LatencyRequest::Latest,
        (b"reset", events) => LatencyRequest::Reset(events.iter().map(text).collect()),
        _ => return Err(Failure::subcommand(argv)),
    };
    Ok(Request::Latency(request).into())
}
