//! The contract: what the policy of a server has promised about acknowledged writes.
//!
//! Judged now, after every restart and at `check`:
//! - The dataset equals the state after some prefix of the history of writes (else `diverged`); a
//!   prefix may end with writes that were never answered. An expired key counts as absent.
//! - After a kill, `always` and `no` keep every acknowledged write; `everysec` may lose those of
//!   the last 2 s plus one cron tick that were acknowledged while a sync was in flight
//!   (`lost-allowed`).
//! - A SHUTDOWN that exits 0 reaffirms everything acknowledged, and cancels what was announced
//!   before.
//! - Without an append-only file, or while the first rewrite after switching it on has not
//!   succeeded, nothing is promised. The policy is a timeline: CONFIG SET counts from its reply
//!   on.
//! - A loss is `lost-by-lie` when the operating system claimed a write, sync, truncation or rename
//!   that it had not done; else `lost-reported` when a client got -MISCONF for a write since, or
//!   INFO was asked and reported trouble; else `lost`.
//! - `damage` sets a new baseline: what is found is `kept`, though it must still be some prefix.
//! - An exit is called for after SHUTDOWN (code 0), and under `always` after an error of the
//!   append-only file (code 1); any other is `died`. Temporary files that nobody will finish are
//!   `litter`.
//!
//! Not yet: power cuts; SAVE and BGSAVE; INFO asked in a second run cut at the same point (now it
//! must be asked in the case); a refused start started once more; `stuck` and `leaked`; random
//! commands.
//!
//! Must not know: which world produced the observations, and how they are printed.

pub mod history;
pub mod regime;
mod verdict;

pub use history::{Entry, Lineage, Unit, expiring};
pub use regime::Regime;
pub use verdict::{NotAVerdict, Verdict};

use crate::observation::{End, How, Observations, Time};

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub sentence: String,
    /// How many entries of the history are in the dataset; None: no prefix fits.
    pub survivors: Option<usize>,
}

/// What stands to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The server has come back.
    Restarted,
    /// It lives, and nothing may be missing.
    Living,
}

/// Judges a dataset: `states[n]` is the state after the first `n` of `entries`, `found` the one
/// found.
pub fn judge(
    seen: &Observations,
    entries: &[Entry],
    states: &[String],
    found: &str,
    moment: Moment,
) -> Judgement {
    let survivors = states.iter().rposition(|state| state == found);
    let (mut verdict, mut sentence) = match survivors {
        Some(count) => prefix(seen, entries, count, moment),
        None if regime::lied(seen) => {
            (Verdict::LostByLie, "no prefix of the history leads here; the system lied".to_string())
        }
        None => (Verdict::Diverged, "no prefix of the history leads to this dataset".to_string()),
    };
    if !seen.leftovers.is_empty() {
        verdict = verdict.min(Verdict::Litter);
        sentence = format!("{sentence}; left behind: {}", seen.leftovers.join(", "));
    }
    Judgement { verdict, sentence, survivors }
}

/// Judges a dataset that is the state after `count` entries.
fn prefix(
    seen: &Observations,
    entries: &[Entry],
    count: usize,
    moment: Moment,
) -> (Verdict, String) {
    let acked = |entry: &&Entry| entry.writes && entry.acked_at.is_some();
    let (there, gone) = entries.split_at(count);
    let lost: Vec<&Entry> = gone.iter().filter(acked).collect();
    let kept = there.iter().filter(acked).count();
    let all = kept + lost.len();
    let noun = if all == 1 { "write is" } else { "writes are" };
    let sentence = format!("{kept} of {all} acknowledged {noun} there");
    let Some(first) = lost.first() else { return (Verdict::Kept, sentence) };
    if moment == Moment::Restarted && damaged(seen) {
        return (Verdict::Kept, format!("{sentence}; the damage set a new baseline"));
    }
    if regime::lied(seen) {
        return (
            Verdict::LostByLie,
            format!("{sentence}; the system claimed what it had not done"),
        );
    }
    if moment == Moment::Living {
        return (Verdict::Lost, format!("{sentence}; the server was not even killed"));
    }
    match lost.iter().try_for_each(|entry| excuse(seen, entry)) {
        Ok(()) => (Verdict::LostAllowed, format!("{sentence}; {} allows it", policy(seen, first))),
        Err(promise) if announced(seen, first) => {
            (Verdict::LostReported, format!("{sentence}; {promise}, but a client was told"))
        }
        Err(promise) => (Verdict::Lost, format!("{sentence}; {promise}")),
    }
}

/// The last start before this one that got as far as to take commands; starts that were refused
/// come between. 0: there is none.
fn killed_incarnation(seen: &Observations) -> u32 {
    let before = seen.starts.len().saturating_sub(1);
    let served = seen.starts[..before].iter().rposition(|start| start.ready);
    served.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or(0)
}

fn damaged(seen: &Observations) -> bool {
    let served = killed_incarnation(seen) as usize;
    seen.damages.iter().any(|damage| damage.starts >= served)
}

fn end_of_last(seen: &Observations) -> (Time, How) {
    let end = regime::last_end(seen, killed_incarnation(seen));
    end.unwrap_or((Time(u64::MAX), How::Killed))
}

fn policy(seen: &Observations, entry: &Entry) -> &'static str {
    let (killed, _) = end_of_last(seen);
    if regime_at_end(seen, killed) == Regime::Off {
        return Regime::Off.as_str();
    }
    let acked = entry.acked_at.unwrap_or(entry.unit.at);
    regime::at(seen, entry.incarnation, acked).as_str()
}

/// Off also where the new start does not read the append-only file.
fn regime_at_end(seen: &Observations, killed: Time) -> Regime {
    match seen.directive("appendonly") {
        Some("yes") => regime::at(seen, killed_incarnation(seen), killed),
        _ => Regime::Off,
    }
}

/// Whether the loss of an acknowledged entry is within the promise; else the promise.
fn excuse(seen: &Observations, entry: &Entry) -> Result<(), String> {
    let (killed, how) = end_of_last(seen);
    if regime_at_end(seen, killed) == Regime::Off {
        return Ok(());
    }
    if how == How::Shutdown(0) {
        return Err("SHUTDOWN had reaffirmed them".to_string());
    }
    let acked = entry.acked_at.unwrap_or(entry.unit.at);
    match regime::at(seen, entry.incarnation, acked) {
        Regime::Everysec if regime::in_grace(seen, acked, killed) => Ok(()),
        regime => Err(format!("{} had promised line {}", regime.as_str(), entry.line)),
    }
}

/// Whether a client could know before the kill that this entry was in danger.
fn announced(seen: &Observations, first_lost: &Entry) -> bool {
    let (_, how) = end_of_last(seen);
    let since = first_lost.unit.at;
    let refused = seen.history.iter().any(|sent| {
        sent.acked_at.is_some_and(|when| when >= since)
            && sent.incarnation < seen.incarnation()
            && sent.reply.as_deref().is_some_and(|reply| reply.starts_with("-MISCONF"))
    });
    how != How::Shutdown(0)
        && (refused || seen.trouble_reported.iter().any(|reported| *reported >= since))
}

/// Judges the end of a server; None: the case or the policy called for it.
pub fn death(seen: &Observations, end: &End) -> Option<Judgement> {
    let died =
        |sentence: String| Some(Judgement { verdict: Verdict::Died, sentence, survivors: None });
    match end.how {
        How::Killed | How::Shutdown(0) => None,
        How::Exited(1)
            if regime::at(seen, end.incarnation, end.at) == Regime::Always
                && regime::aof_failed(seen, end.incarnation) =>
        {
            None
        }
        How::Shutdown(code) => died(format!("asked to shut down, the server exited with {code}")),
        How::Exited(code) => died(format!("the server exited with {code} by itself")),
        How::Signaled(signal) => died(format!("signal {signal} ended the server")),
    }
}

#[cfg(test)]
mod tests;
