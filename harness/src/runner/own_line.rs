//! The server's own line in the log of a run: what a person will see.
//!
//! Must not know: how a finding is told.

use crate::contract::Verdict;

/// The line that a finding leads with: the last warning where the server ended by itself, else the
/// first one after the fault. None: it says nothing.
pub fn of(verdict: Verdict, transcript: &str) -> Option<&str> {
    match ends_by_itself(verdict) {
        true => warnings(transcript).next_back(),
        false => warnings(&transcript[transcript.find("(injected)")?..]).next(),
    }
}

/// The last warning of a server that ended by itself.
pub fn of_the_end(verdict: Verdict, transcript: &str) -> Option<&str> {
    if ends_by_itself(verdict) { of(verdict, transcript) } else { None }
}

fn ends_by_itself(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::RefusedStart | Verdict::Died)
}

fn warnings(transcript: &str) -> impl DoubleEndedIterator<Item = &str> {
    transcript.lines().filter_map(|line| line.trim().strip_prefix("log  # "))
}
