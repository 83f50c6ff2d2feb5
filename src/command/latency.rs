//! LATENCY, without GRAPH (Redis: `latencyCommand`, latency.c).
//!
//! Must not know: how samples are kept.

use super::context::Context;
use super::failure::Failure;
use super::request::{LatencyRequest, Outcome, Request};
use crate::keyspace::Bytes;

/// LATENCY HISTORY event | DOCTOR | LATEST | RESET [event …]
pub fn latency(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"history", [event]) => LatencyRequest::History(text(event)),
        (b"doctor", []) => LatencyRequest::Doctor,
        (b"latest", []) => LatencyRequest::Latest,
        (b"reset", events) => LatencyRequest::Reset(events.iter().map(text).collect()),
        _ => return Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    };
    Ok(Request::Latency(request).into())
}
