//! The contract: what the policy of a server has promised about acknowledged writes.
//!
//! **When.** After every restart, at `check`, and once more after the case: a second write, kill
//! and restart, because some damage shows only there. A start that is refused is started once more,
//! as a supervisor would, and what comes up is judged.
//!
//! **State.** The content equals the state after some prefix of the history (else `diverged`); a
//! prefix may end with writes that were never answered. What has expired counts as absent.
//!
//! **How long the prefix must be** depends on the policy as the server has it (CONFIG GET in the
//! reference run), which is a timeline: what a command sets counts for what is sent after it.
//! - `always` keeps every acknowledged write, after a kill and after a power cut.
//! - `everysec` keeps after a kill every acknowledged write, except those of the last 2 s plus one
//!   cron tick that were acknowledged while a sync was in flight: the server then postpones its
//!   write (Redis: `flushAppendOnlyFile`). The documentation promises more: "you may lose 1 second
//!   of data if there is a disaster" (redis.io, Persistence). After a power cut it keeps everything
//!   that a sync covered when it was called, if that has succeeded. Beyond that the server is at
//!   fault only if, while it lived, it had more than 1 s plus one tick in one piece without a sync
//!   in flight, without an error, and without a child that its configuration
//!   (`no-appendfsync-on-rewrite`) lets suppress syncs.
//! - `no` keeps after a kill every acknowledged write, after a power cut nothing.
//! - Without an append-only file, the last SAVE or BGSAVE that reported success is kept. While one
//!   is being switched on nothing more is, until the first rewrite has succeeded (where there is a
//!   manifest: until it names the new file, and the sync of its directory has not failed); from
//!   then on the file owes what came before, too.
//! - A FLUSHALL that answers `+OK` while there are save points has saved an empty snapshot, if the
//!   documentation of the server says so.
//! - What WAITAOF has counted this server for is kept, after a kill and after a power cut.
//! - A SHUTDOWN that exits 0 reaffirms everything acknowledged, and cancels what was announced
//!   before; unless persistence is off, and then it is a save if its configuration says so.
//!
//! **Whose fault.** An excuse has a cause, and its sentence names the call.
//! - A loss, or a start that is refused, is `lost-by-lie` when the operating system claimed a
//!   write, sync, truncation or rename that it had not done, and the same run in which it does what
//!   it claims comes to something else.
//! - Else a loss is `lost-allowed` when it is within the promise.
//! - Else it is `lost-reported` when a call on the file that the write depends on has failed since,
//!   and, because of it, a client got an error before the end, or INFO showed a state by which, as
//!   its profile says, this server announces trouble, or INFO would have: that is asked in a second
//!   run up to the same point, because questions disturb. An error about something else (a typing
//!   error, a snapshot, a rewrite, a child that is already at work) is no excuse.
//! - Else it is `lost`.
//!
//! **Besides.** `damage` to a file that the start reads sets a new baseline: what is found is
//! `kept`, though it must still be some prefix. An exit is called for after SHUTDOWN (code 0), and
//! under `always` when the last operation on the append-only file has failed (code 1), also when
//! the command that switched to `always` got no answer for it; any other is `died`. Temporary files
//! that no process will finish are `litter`. At `check`, a server whose writes are still refused
//! 10 s after the last fault healed is `stuck`, unless a save of its own is due or a sync has
//! failed (`live_checks`), and what clears it is tried out and named; one that is settled and holds
//! descriptors without a use, zombies, or children that it does not know of is `leaked`; one whose
//! INFO says that a snapshot or rewrite is fine that has failed has `misreported`. What nobody
//! promised and nobody would expect is a `surprise`: INFO calls failed what is in place, files that
//! no manifest names any more are never deleted, a start fails with exit status 0, or, having read
//! everything, because the disk is full. `docs/promises.md` names the sentence behind each promise.
//! The worst verdict of a case is the case's.
//!
//! Which commands write, and by what a server announces trouble, are facts of the server: they come
//! with the observations.
//!
//! Not judged: the order of keys, memory, replication.
//!
//! Must not know: which world produced the observations, and how they are printed.

mod announced;
mod backups;
pub mod history;
mod live_checks;
mod owed;
pub mod reason;
mod refusals;
pub mod regime;
mod reports;
mod saves;
mod syncs;
mod verdict;
mod waits;

pub use announced::Subject;
pub use history::Entry;
pub use live_checks::{PATIENCE, live_checks};
pub use owed::Going;
pub use reason::Reason;
pub use refusals::refusals;
pub use regime::Regime;
pub use reports::reports;
pub use verdict::{NotAVerdict, Verdict};

use crate::observation::{self, End, How, Observations, Site, Time};
use announced::announced;
use reason::{Attempts, Promise, Told, UnaskedEnd};
use regime::Position;

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    pub reason: Reason,
    /// The reason with all that it leaves out, for a person.
    pub sentence: String,
    /// Of a loss: a place with what was promised and what is there.
    pub difference: Option<String>,
    /// How many entries of the history are in the dataset; None: no prefix fits.
    pub survivors: Option<usize>,
    /// It is `lost` unless INFO would have shown trouble with this just before the server ended.
    pub unless_announced: Option<Subject>,
    /// A call lied: whether that is the reason shows without the lie.
    pub unless_lied: Option<Site>,
}

impl Judgement {
    fn new(verdict: Verdict, reason: Reason, sentence: String) -> Judgement {
        let (difference, survivors, unless_announced, unless_lied) = (None, None, None, None);
        Judgement {
            verdict,
            reason,
            sentence,
            difference,
            survivors,
            unless_announced,
            unless_lied,
        }
    }

    /// INFO would have shown it.
    pub fn announced(mut self) -> Judgement {
        self.verdict = Verdict::LostReported;
        if let Reason::Broken { told, .. } = &mut self.reason {
            *told = Told::Info;
        }
        self.sentence.push_str(", but INFO would have shown trouble");
        self.unless_announced = None;
        self
    }

    /// Without the lie the run comes to something else.
    pub fn by_lie(mut self, lie: &Site) -> Judgement {
        self.verdict = Verdict::LostByLie;
        if !matches!(self.reason, Reason::NoPrefix | Reason::Refused { .. }) {
            self.reason = Reason::Lied;
        }
        let opening = self.sentence.split("; ").next().unwrap_or_default();
        self.sentence = format!("{opening}; {lie} claimed what it had not done");
        self.unless_announced = None;
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
    match backups::as_of_backup(seen, entries).filter(|_| moment == Moment::Restarted) {
        Some((seen, entries)) => Judgement {
            // It is about the end of a server that has not ended there.
            unless_announced: None,
            ..judge_files(&seen, &entries, survivors, moment)
        },
        None => judge_files(seen, entries, survivors, moment),
    }
}

fn judge_files(
    seen: &Observations,
    entries: &[Entry],
    survivors: Option<usize>,
    moment: Moment,
) -> Judgement {
    let mut judged = match survivors {
        Some(count) => prefix(seen, entries, count, moment),
        None => Judgement::new(
            Verdict::Diverged,
            Reason::NoPrefix,
            "no prefix of the history leads to this dataset".to_string(),
        ),
    };
    if judged.verdict != Verdict::Kept {
        judged.unless_lied = regime::last_lie(seen).cloned();
    }
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
    if moment == Moment::Living {
        return judged(Verdict::Lost, Reason::NotKilled, "the server was not even killed");
    }
    let excuses: Result<Vec<_>, _> = lost.iter().map(|entry| going.excuse(entry)).collect();
    let broken = match excuses {
        Ok(regimes) => {
            let (regime, words) = (regimes[0], allowed(regimes[0], &going));
            return judged(Verdict::LostAllowed, Reason::Allowed(regime), &words);
        }
        Err(broken) => broken,
    };
    let reason = |told| Reason::Broken { promise: broken.promise, told };
    if going.how() == How::Shutdown(0) {
        return judged(Verdict::Lost, reason(Told::Nobody), &broken.to_string());
    }
    // A command that reported success announced the opposite; what became of others says nothing.
    if matches!(broken.promise, Promise::Save | Promise::Flushall | Promise::Waitaof) {
        return judged(Verdict::Lost, reason(Told::Nobody), &broken.to_string());
    }
    let subject = Subject::File;
    if let Some(cause) = announced(seen, going.incarnation, first, subject) {
        let words = format!("{broken}, but a client was told that {cause} had failed");
        return judged(Verdict::LostReported, reason(Told::Client), &words);
    }
    let may_show = announced::failure(seen, going.incarnation, first, subject, Time(u64::MAX));
    let unless_announced = may_show.map(|_| subject);
    let lost = judged(Verdict::Lost, reason(Told::Nobody), &broken.to_string());
    Judgement { unless_announced, ..lost }
}

/// What is allowed, and what the documentation promises where that is more.
fn allowed(regime: Regime, going: &Going<'_>) -> String {
    let words = format!("{} allows it", regime.as_str());
    match (regime, going.cut) {
        (Regime::Everysec, None) => format!("{words} (2 s and a tick; documented: 1 second)"),
        _ => words,
    }
}

/// Whether a file was damaged that this start has read.
fn damaged(seen: &Observations, going: &Going<'_>) -> bool {
    let after = seen.damages.iter().filter(|its| its.starts >= going.incarnation as usize);
    let mut after = after.into_iter();
    after.any(|damage| {
        let read = |call: &observation::Call| {
            let (site, detail) = (&call.record.site, &call.record.detail);
            let reads = matches!(detail, observation::Detail::Flags(flags) if flags.only_reads());
            site.incarnation as usize > damage.starts
                && site.role.as_ref() == Some(&damage.role)
                && reads
        };
        // A server need not open what it does not find, or finds empty.
        let looked_for = || {
            let of_snapshots = damage.role.starts_with("rdb");
            of_snapshots != regime::loads_the_file(seen, seen.incarnation())
        };
        if damage.nothing_left { looked_for() } else { seen.calls.iter().any(read) }
    })
}

/// Judges a start that was refused, with the line in which the server says why, and with what was
/// seen of it.
pub fn refused(
    seen: &Observations,
    attempts: Attempts,
    line: Option<&str>,
    tried: String,
) -> Judgement {
    let reason = Reason::refused(attempts, line);
    let refused = Judgement::new(Verdict::RefusedStart, reason, tried);
    Judgement { unless_lied: regime::last_lie(seen).cloned(), ..refused }
}

/// Judges the end of a server; None: the case or the policy called for it.
pub fn death(seen: &Observations, end: &End) -> Option<Judgement> {
    let died =
        |exit, sentence: String| Some(Judgement::new(Verdict::Died, Reason::Ended(exit), sentence));
    let place = Position { incarnation: end.incarnation, order: usize::MAX, calls: end.calls };
    match end.how {
        How::Killed | How::PowerCut | How::Shutdown(0) => None,
        How::Exited(1)
            if (regime::at(seen, place) == Regime::Always
                || regime::turning_to_always(seen, end.incarnation))
                && regime::failed_last(seen, end.incarnation).is_some() =>
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
