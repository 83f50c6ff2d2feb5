//! The contract: what the policy of a server has promised about acknowledged writes.
//!
//! **When.** After every restart, at `check`, and once more after the case: a second write, kill
//! and restart, because some damage shows only there. A start that is refused is started once more,
//! as a supervisor would, and what comes up is judged.
//!
//! **State.** The dataset equals the state after some prefix of the history of writes (else
//! `diverged`); a prefix may end with writes that were never answered. An expired key counts as
//! absent.
//!
//! **How long the prefix must be** depends on the policy, which is a timeline: CONFIG SET counts
//! for what is sent after it.
//! - `always` keeps every acknowledged write, after a kill and after a power cut.
//! - `everysec` keeps after a kill every acknowledged write, except those of the last 2 s plus one
//!   cron tick that were acknowledged while a sync was in flight. After a power cut it keeps
//!   everything that a sync covered when it was called, if that has succeeded. Beyond that the
//!   server is at fault only if, while it lived, it had more than 1 s plus one tick in one piece
//!   without a sync in flight, without an error, and without a child that its configuration
//!   (`no-appendfsync-on-rewrite`) lets suppress syncs.
//! - `no` keeps after a kill every acknowledged write, after a power cut nothing.
//! - Without an append-only file, the last SAVE or BGSAVE that reported success is kept. While one
//!   is being switched on nothing more is, until the first rewrite has succeeded (where there is a
//!   manifest: until it names the new file); from then on the file owes what came before, too.
//! - A SHUTDOWN that exits 0 reaffirms everything acknowledged, and cancels what was announced
//!   before; unless persistence is off, and then it is a save if its configuration says so.
//!
//! **Whose fault.** A loss, or a start that is refused, is `lost-by-lie` when the operating system
//! claimed a write, sync, truncation or rename that it had not done; else a loss is `lost-allowed`
//! when it is within the promise; else `lost-reported` when, after the first lost write and before
//! the end, a client got an error or INFO showed a state by which, as its profile says, this server
//! announces trouble, or INFO would have: that is asked in a second run up to the same point,
//! because questions disturb; else `lost`.
//!
//! **Besides.** `damage` sets a new baseline: what is found is `kept`, though it must still be some
//! prefix. An exit is called for after SHUTDOWN (code 0), and under `always` after an error of the
//! append-only file (code 1), also when the command that switched to `always` got no answer for it;
//! any other is `died`. Temporary files that no process will finish are `litter`. At `check`, a
//! server whose writes are still refused 10 s after the last fault healed is `stuck`, and what
//! clears it is tried out and named; one that is settled and holds descriptors without a use,
//! zombies, or children that it does not know of is `leaked`. The worst verdict of a case is the
//! case's.
//!
//! Which commands write, and by what a server announces trouble, are facts of the server: they come
//! with the observations.
//!
//! Not judged: the order of keys, memory, replication; commands that draw lots (SPOP, RANDOMKEY)
//! are done again as they were sent, so a workload must not use those that write.
//!
//! Must not know: which world produced the observations, and how they are printed.

pub mod history;
mod live_checks;
mod owed;
pub mod reason;
pub mod regime;
mod saves;
mod syncs;
mod verdict;

pub use history::{Entry, Lineage, Unit, expiring, time_matters};
pub use live_checks::{PATIENCE, live_checks};
pub use owed::Going;
pub use reason::Reason;
pub use regime::Regime;
pub use verdict::{NotAVerdict, Verdict};

use crate::observation::{End, How, Observations};
use reason::{Attempts, Told, UnaskedEnd};
use regime::Position;

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reason: Reason,
    /// The reason with all that it leaves out, for a person.
    pub sentence: String,
    /// How many entries of the history are in the dataset; None: no prefix fits.
    pub survivors: Option<usize>,
    /// It is `lost` unless INFO would have shown trouble just before the server ended.
    pub unless_announced: bool,
}

impl Judgement {
    fn new(verdict: Verdict, reason: Reason, sentence: String) -> Judgement {
        Judgement { verdict, reason, sentence, survivors: None, unless_announced: false }
    }

    /// INFO would have shown it.
    pub fn announced(mut self) -> Judgement {
        self.verdict = Verdict::LostReported;
        if let Reason::Broken { told, .. } = &mut self.reason {
            *told = Told::Info;
        }
        self.sentence.push_str(", but INFO would have shown trouble");
        self.unless_announced = false;
        self
    }
}

/// What stands to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The server has come back.
    Restarted,
    /// It lives, and nothing may be missing.
    Living,
}

/// Judges a dataset that is the state after the first `survivors` of `entries`, and after no longer
/// prefix; None: after none.
pub fn judge(
    seen: &Observations,
    entries: &[Entry],
    survivors: Option<usize>,
    moment: Moment,
) -> Judgement {
    let mut judged = match survivors {
        Some(count) => prefix(seen, entries, count, moment),
        None if regime::lied(seen) => Judgement::new(
            Verdict::LostByLie,
            Reason::NoPrefix,
            "no prefix of the history leads here; the system lied".to_string(),
        ),
        None => Judgement::new(
            Verdict::Diverged,
            Reason::NoPrefix,
            "no prefix of the history leads to this dataset".to_string(),
        ),
    };
    judged.survivors = survivors;
    if !seen.leftovers.is_empty() {
        judged.verdict = judged.verdict.min(Verdict::Litter);
        judged.sentence.push_str(&format!("; left behind: {}", seen.leftovers.join(", ")));
    }
    judged
}

/// Judges a dataset that is the state after `count` entries.
fn prefix(seen: &Observations, entries: &[Entry], count: usize, moment: Moment) -> Judgement {
    let acked = |entry: &&Entry| entry.writes && entry.acked_at.is_some();
    let (there, gone) = entries.split_at(count);
    let lost: Vec<&Entry> = gone.iter().filter(acked).collect();
    let kept = there.iter().filter(acked).count();
    let all = kept + lost.len();
    let noun = if all == 1 { "write is" } else { "writes are" };
    let sentence = format!("{kept} of {all} acknowledged {noun} there");
    let judged = |verdict, reason, rest: &str| {
        Judgement::new(verdict, reason, format!("{sentence}; {rest}"))
    };
    let Some(first) = lost.first() else {
        return Judgement::new(Verdict::Kept, Reason::Complete, sentence);
    };
    let going = Going::of(seen);
    if moment == Moment::Restarted && damaged(seen, &going) {
        return judged(Verdict::Kept, Reason::Damaged, "the damage set a new baseline");
    }
    if regime::lied(seen) {
        return judged(Verdict::LostByLie, Reason::Lied, "the system claimed what it had not done");
    }
    if moment == Moment::Living {
        return judged(Verdict::Lost, Reason::NotKilled, "the server was not even killed");
    }
    let excuses: Result<Vec<_>, _> = lost.iter().map(|entry| going.excuse(entry)).collect();
    match excuses {
        Ok(regimes) => {
            let (regime, words) = (regimes[0], format!("{} allows it", regimes[0].as_str()));
            judged(Verdict::LostAllowed, Reason::Allowed(regime), &words)
        }
        Err(broken) if announced(seen, &going, first) => {
            let reason = Reason::Broken { promise: broken.promise, told: Told::Client };
            judged(Verdict::LostReported, reason, &format!("{broken}, but a client was told"))
        }
        Err(broken) => {
            let reason = Reason::Broken { promise: broken.promise, told: Told::Nobody };
            let unless_announced = going.how() != How::Shutdown(0);
            Judgement { unless_announced, ..judged(Verdict::Lost, reason, &broken.to_string()) }
        }
    }
}

fn damaged(seen: &Observations, going: &Going<'_>) -> bool {
    seen.damages.iter().any(|damage| damage.starts >= going.incarnation as usize)
}

/// Whether a client could know before the end that this entry was in danger.
fn announced(seen: &Observations, going: &Going<'_>, first_lost: &Entry) -> bool {
    let since = first_lost.unit.at;
    let refused = seen.history.iter().skip(first_lost.order + 1).any(|sent| {
        let reply = sent.reply.as_deref().unwrap_or_default();
        let error = reply.strip_prefix('-').filter(|_| sent.incarnation <= going.incarnation);
        let about = seen.announces.refusals.iter().any(|told| *told == history::name(&sent.argv));
        let says = |error: &str| seen.announces.replies.iter().any(|word| error.starts_with(word));
        error.is_some_and(|error| about || says(error))
    });
    let reported = || seen.trouble_reported.iter().any(|reported| *reported >= since);
    going.how() != How::Shutdown(0) && (refused || reported())
}

/// Judges a start that was refused, with what was seen of it.
pub fn refused(seen: &Observations, attempts: Attempts, tried: String) -> Judgement {
    let reason = Reason::Refused(attempts);
    if regime::lied(seen) {
        let sentence = format!("{tried}; the system claimed what it had not done");
        return Judgement::new(Verdict::LostByLie, reason, sentence);
    }
    Judgement::new(Verdict::RefusedStart, reason, tried)
}

/// Judges the end of a server; None: the case or the policy called for it.
pub fn death(seen: &Observations, end: &End) -> Option<Judgement> {
    let died =
        |exit, sentence: String| Some(Judgement::new(Verdict::Died, Reason::Ended(exit), sentence));
    let place = Position { incarnation: end.incarnation, order: usize::MAX, calls: end.calls };
    match end.how {
        How::Killed | How::PowerCut | How::Shutdown(0) => None,
        How::Exited(1)
            if regime::at(seen, place) == Regime::Always
                && regime::aof_failed(seen, end.incarnation) =>
        {
            None
        }
        How::Exited(1)
            if regime::turning_to_always(seen, end.incarnation)
                && regime::aof_failed(seen, end.incarnation) =>
        {
            None
        }
        How::Shutdown(code) => {
            died(UnaskedEnd::Shutdown, format!("asked to shut down, the server exited with {code}"))
        }
        How::Exited(code) => {
            died(UnaskedEnd::Code, format!("the server exited with {code} by itself"))
        }
        How::Signaled(signal) => {
            died(UnaskedEnd::Signal, format!("signal {signal} ended the server"))
        }
    }
}

#[cfg(test)]
mod tests;
