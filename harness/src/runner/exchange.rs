//! The commands of a case with their replies as data.
//!
//! Must not know: what any reply means.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::resp::Reply;
use crate::observation::Sent;

/// A command that the case sent, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Of the script, from 1.
    pub line: u32,
    /// The client's name; that of `> …` is `client`.
    pub client: String,
    /// The command's words.
    pub command: Vec<Vec<u8>>,
    /// None: no reply came, or the connection was closed instead.
    pub reply: Option<Reply>,
}

impl Exchange {
    /// The command as a line, for example `SET a 1`.
    pub fn text(&self) -> String {
        crate::case::lex::quote(&self.command)
    }
}

/// All commands of the case in order, without the writes of the runner's own, with the replies by
/// their places.
pub(super) fn exchanges(
    history: &[Sent],
    runners: &BTreeSet<usize>,
    mut replies: BTreeMap<usize, Reply>,
) -> Vec<Exchange> {
    let exchange = |(place, sent): (usize, &Sent)| Exchange {
        line: sent.line,
        client: sent.client.to_string(),
        command: sent.argv.to_vec(),
        reply: replies.remove(&place),
    };
    let sent = history.iter().enumerate().filter(|(place, _)| !runners.contains(place));
    sent.map(exchange).collect()
}
