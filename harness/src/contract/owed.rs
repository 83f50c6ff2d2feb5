//! What is owed: whether the loss of one acknowledged write is within the promise.
//!
//! Must not know: who else was told, and which writes were lost.

use super::history::Entry;
use super::regime::{self, Place, Regime};
use super::{saves, syncs};
use crate::observation::{End, How, Observations, PowerCut, Time};

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
        let place = Place { incarnation: self.incarnation, order: usize::MAX, calls };
        regime::at(self.seen, place)
    }

    /// Whether a loss is within the promise, with its reason; else the promise, as an error.
    pub fn excuse(&self, entry: &Entry) -> Result<&'static str, String> {
        let line = entry.line;
        if self.reaffirmed(entry) {
            return Err("SHUTDOWN had reaffirmed every one".to_string());
        }
        let reads_the_file = self.seen.directive("appendonly") == Some("yes");
        match (reads_the_file, self.regime()) {
            (false, _) if saves::holds(self.seen, entry) => {
                Err(format!("a save that reported success had held line {line}"))
            }
            (false, _) => Ok(Regime::Off.as_str()),
            (true, off) if !off.is_on() => Ok(off.as_str()),
            (true, _) => self.file_owes(entry),
        }
    }

    /// A server that ended in good order had everything that was acknowledged on the disk.
    fn reaffirmed(&self, entry: &Entry) -> bool {
        self.seen.ends.iter().any(|end| {
            let Place { incarnation, .. } = self.place_of(entry);
            let place = Place { incarnation: end.incarnation, order: usize::MAX, calls: end.calls };
            end.incarnation >= incarnation
                && end.incarnation <= self.incarnation
                && end.how == How::Shutdown(0)
                && regime::at(self.seen, place) != Regime::Off
                && self.seen.directive("appendonly") == Some("yes")
        })
    }

    fn place_of(&self, entry: &Entry) -> Place {
        Place { incarnation: entry.incarnation, order: entry.order, calls: entry.calls }
    }

    /// What the append-only file owes for a write.
    fn file_owes(&self, entry: &Entry) -> Result<&'static str, String> {
        let place = self.place_of(entry);
        let mut regime = regime::at(self.seen, place);
        let mut since = entry.acked_at.unwrap_or(entry.unit.at);
        let mut rewritten = None;
        if !regime.is_on() {
            // It came into the file with the rewrite that ended the switching on.
            rewritten = regime::rewritten(self.seen, entry.incarnation, entry.calls);
            let Some(call) = rewritten else { return Ok(regime.as_str()) };
            regime = regime::at(self.seen, Place { calls: call + 1, order: usize::MAX, ..place });
            since = self.seen.calls[call].at;
        }
        let promised = || Err(format!("{} had promised line {}", regime.as_str(), entry.line));
        match (self.cut, regime) {
            (_, Regime::Always) => promised(),
            (None, Regime::Everysec)
                if syncs::in_grace(self.seen, entry.incarnation, since, self.at()) =>
            {
                Ok(regime.as_str())
            }
            (None, _) => promised(),
            (Some(cut), Regime::Everysec) => {
                if syncs::covered(self.seen, entry, rewritten, cut.calls) {
                    return Err(format!("a sync had covered line {}", entry.line));
                }
                if syncs::idled(self.seen, entry, since, cut.at) {
                    return Err(format!(
                        "{} had more than a second to sync line {}",
                        regime.as_str(),
                        entry.line
                    ));
                }
                Ok(regime.as_str())
            }
            (Some(_), _) => Ok(regime.as_str()),
        }
    }
}
