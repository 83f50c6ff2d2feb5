//! Judging a running server: whether it takes writes again, and what it holds on to.
//!
//! A server is stuck where the end of the fault should have helped. It is not while it waits for a
//! save of its own, which a save point with enough changes brings; and one that refuses because a
//! sync has failed is right: what that sync should have written may be gone, and no later one can
//! tell. Must not know: how it was examined.

use std::time::Duration;

use super::reason::Surprise;
use super::{Judgement, Reason, Subject, Verdict};
use crate::observation::{Leaks, LiveChecks, Observations, Refusal, Time};

/// How long writes may stay refused once every fault is over.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Judges what the checks of a running server found.
pub fn live_checks(seen: &Observations, found: &LiveChecks) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    if let Some(refusal) = &found.refusal
        && refusal.healed_for >= Time::ZERO + PATIENCE
        && !is_right(seen, refusal)
    {
        let cure = refusal.cure.as_deref().unwrap_or("nothing that was tried");
        judgements.push(Judgement::new(
            Verdict::Stuck,
            Reason::writes_refused(&refusal.reply, refusal.cure.as_deref()),
            format!(
                "writes are refused {} after the last fault ({}); {cure} clears it",
                refusal.healed_for, refusal.reply
            ),
        ));
    }
    if !found.leaks.is_empty() {
        let Leaks { zombies, unknown_children, descriptors } = &found.leaks;
        let reason = Reason::Leaked {
            zombies: *zombies > 0,
            unknown_children: *unknown_children > 0,
            descriptors: descriptors.clone(),
        };
        let sentence = format!("a settled server holds on to {}", found.leaks);
        judgements.push(Judgement::new(Verdict::Leaked, reason, sentence));
    }
    if !found.forgotten.is_empty() {
        let roles = found.forgotten.clone();
        let sentence = format!("no manifest names {}, and nobody deletes it", roles.join(", "));
        let reason = Reason::Surprise(Surprise::Forgotten(roles));
        judgements.push(Judgement::new(Verdict::Surprise, reason, sentence));
    }
    judgements
}

/// Whether the server has a reason to refuse that the end of the fault does not take away.
fn is_right(seen: &Observations, refusal: &Refusal) -> bool {
    match Subject::of(&refusal.reply, &seen.announces) {
        Subject::Snapshots => refusal.save_is_due,
        Subject::File | Subject::Rewrites => refusal.sync_failed,
    }
}
