//! What is owed: whether the loss of one acknowledged write is within the promise.
//!
//! Must not know: who else was told, and which writes were lost.

use std::fmt;

use super::history::Entry;
use super::reason::Promise;
use super::regime::{self, Position, Regime};
use super::{saves, syncs, waits};
use crate::observation::{End, How, Observations, PowerCut, Time};

/// A promise that was broken, and the line of the write that it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub promise: Promise,
    pub line: u32,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match self.promise {
            Promise::Shutdown => write!(f, "SHUTDOWN had reaffirmed every one"),
            Promise::Save => write!(f, "a save that reported success had held line {line}"),
            Promise::Flushall => {
                write!(
                    f,
                    "FLUSHALL in line {line} had reported success, and saves an empty snapshot"
                )
            }
            Promise::Waitaof => write!(f, "WAITAOF had counted this server for line {line}"),
            Promise::Sync => write!(f, "a sync had covered line {line}"),
            Promise::Policy(regime) => write!(f, "{} had promised line {line}", regime.as_str()),
            Promise::Second(regime) => {
                write!(f, "{} had more than a second to sync line {line}", regime.as_str())
            }
        }
    }
}

/// How the last server that took commands went, and what came after it.
#[derive(Clone, Copy, Debug)]
pub struct Going<'a> {
    seen: &'a Observations,
    /// Which start of the server it was, from 1; 0: there was none.
    pub incarnation: u32,
    end: Option<&'a End>,
    /// The power was cut with its end or after it.
    pub cut: Option<&'a PowerCut>,
}

impl<'a> Going<'a> {
    /// Of the last start before this one that got as far as to take commands; starts that were
    /// refused come between.
    pub fn of(seen: &'a Observations) -> Going<'a> {
        let before = seen.starts.len().saturating_sub(1);
        let served = seen.starts[..before].iter().rposition(|start| start.ready);
        let incarnation = served.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or(0);
        let end = seen.ends.iter().rev().find(|end| end.incarnation == incarnation);
        let cut = seen.cuts.iter().rev().find(|cut| cut.starts >= incarnation as usize);
        Going { seen, incarnation, end, cut }
    }

    pub fn how(&self) -> How {
        self.end.map_or(How::Killed, |end| end.how)
    }

    pub fn end(&self) -> Option<&'a End> {
        self.end
    }

    fn at(&self) -> Time {
        self.end.map_or(Time(u64::MAX), |end| end.at)
    }

    /// The regime when it ended.
    fn regime(&self) -> Regime {
        let calls = self.end.map_or(usize::MAX, |end| end.calls);
        let place = Position { incarnation: self.incarnation, order: usize::MAX, calls };
        regime::at(self.seen, place)
    }

    /// The regime that allows the loss; else the promise that is broken, as an error.
    pub fn excuse(&self, entry: &Entry) -> Result<Regime, Broken> {
        let broken = |promise| Err(Broken { promise, line: entry.line });
        if self.reaffirmed(entry) {
            return broken(Promise::Shutdown);
        }
        let reads_the_file = regime::loads_the_file(self.seen, self.seen.incarnation());
        match (reads_the_file, self.regime()) {
            (false, _) if saves::holds(self.seen, entry) => broken(Promise::Save),
            (false, _) if saves::flushes(self.seen, entry) => broken(Promise::Flushall),
            (false, _) => Ok(Regime::Off),
            (true, off) if !off.is_on() => Ok(off),
            (true, _) => self.file_owes(entry),
        }
    }

    /// A server that ended in good order had everything that was acknowledged on the disk.
    fn reaffirmed(&self, entry: &Entry) -> bool {
        self.seen.ends.iter().any(|end| {
            let Position { incarnation, .. } = self.place_of(entry);
            let place =
                Position { incarnation: end.incarnation, order: usize::MAX, calls: end.calls };
            end.incarnation >= incarnation
                && end.incarnation <= self.incarnation
                && end.how == How::Shutdown(0)
                && regime::at(self.seen, place) != Regime::Off
                && regime::loads_the_file(self.seen, self.seen.incarnation())
        })
    }

    fn place_of(&self, entry: &Entry) -> Position {
        Position { incarnation: entry.incarnation, order: entry.order, calls: entry.calls }
    }

    /// What the append-only file owes for a write.
    fn file_owes(&self, entry: &Entry) -> Result<Regime, Broken> {
        let place = self.place_of(entry);
        let mut regime = regime::at(self.seen, place);
        let mut since = entry.acked_at.unwrap_or(entry.at);
        let mut rewritten = None;
        if !regime.is_on() {
            // It came into the file with the rewrite that ended the switching on.
            rewritten = regime::rewritten(self.seen, entry.incarnation, entry.calls);
            let Some(call) = rewritten else { return Ok(regime) };
            regime =
                regime::at(self.seen, Position { calls: call + 1, order: usize::MAX, ..place });
            since = self.seen.calls[call].at;
        }
        let broken = |promise| Err(Broken { promise, line: entry.line });
        if waits::cover(self.seen, entry) {
            return broken(Promise::Waitaof);
        }
        match (self.cut, regime) {
            (_, Regime::Always) => broken(Promise::Policy(regime)),
            (None, Regime::Everysec) if syncs::in_grace(self.seen, entry, since, self.at()) => {
                Ok(regime)
            }
            (None, _) => broken(Promise::Policy(regime)),
            (Some(cut), Regime::Everysec) => {
                if syncs::covered(self.seen, entry, rewritten, cut.calls) {
                    return broken(Promise::Sync);
                }
                if syncs::idled(self.seen, entry, since, cut.at) {
                    return broken(Promise::Second(regime));
                }
                Ok(regime)
            }
            (Some(_), _) => Ok(regime),
        }
    }
}
