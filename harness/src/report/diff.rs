//! What changed between two reports, in words.
//!
//! New and gone runs are counted and not listed, because two versions of a server make other calls.
//! Must not know: how a report was made.

use crate::audit::diff::{Change, Changed};
use crate::contract::Verdict;

/// In the order in which they are counted.
const ALL: [Change; 6] =
    [Change::Worse, Change::Unmeasured, Change::Better, Change::Other, Change::New, Change::Gone];

/// The changes that are listed.
const LISTED: [Change; 4] = [Change::Worse, Change::Unmeasured, Change::Better, Change::Other];

/// What is listed under a heading for each kind of change, and a last line with the counts.
pub fn text(changed: &[Changed]) -> String {
    let of = |change: Change| changed.iter().filter(move |changed| changed.change == change);
    let mut text = String::new();
    for change in LISTED {
        if of(change).next().is_some() {
            text.push_str(&format!("{}\n", word(change)));
        }
        for changed in of(change) {
            text.push_str(&format!("  {}: {}\n", changed.place, verdicts(changed)));
        }
    }
    let counts = ALL.map(|change| format!("{} {}", of(change).count(), word(change)));
    text.push_str(&format!("{} differences: {}\n", changed.len(), counts.join(", ")));
    let breaks = |changed: &&Changed| changed.new.is_some_and(|new| new.is_broken_promise());
    match of(Change::New).filter(breaks).count() {
        0 => {}
        broken => text.push_str(&format!(
            "{broken} of the new ones break a promise, and nothing here compares with them; \
             `sabot compare` tries every finding on both servers\n"
        )),
    }
    text
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Worse => "worse",
        Change::Unmeasured => "not measured any more",
        Change::Better => "better",
        Change::Other => "other",
        Change::New => "new",
        Change::Gone => "gone",
    }
}

fn verdicts(changed: &Changed) -> String {
    let word = |verdict: Option<Verdict>| match verdict {
        Some(verdict) => verdict.to_string(),
        None => "(not run)".to_string(),
    };
    let mut text = format!("{} → {}", word(changed.old), word(changed.new));
    if !changed.sentence.is_empty() {
        text.push_str(&format!("\n      {}", changed.sentence));
    }
    if !changed.token.is_empty() {
        text.push_str(&format!("\n      sabot replay {}", changed.token));
    }
    text
}
