//! Judging a running server: whether it takes writes again, and what it holds on to.
//!
//! Must not know: how it was examined.

use std::time::Duration;

use super::reason::Surprise;
use super::{Judgement, Reason, Verdict};
use crate::observation::{Leaks, LiveChecks, Time};

/// How long writes may stay refused once every fault is over.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Judges what the checks of a running server found.
pub fn live_checks(found: &LiveChecks) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    if let Some(refusal) = &found.refusal
        && refusal.healed_for >= Time::ZERO + PATIENCE
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
