//! The lineage of a dataset: the pasts that it can have come from, each up to where it survived.
//!
//! After a restart later writes build on what was found, so the next dataset must be the state
//! after some command of the newest past, or, if that was lost as a whole, of one before. Must not
//! know: what is promised.

use std::sync::Arc;

use super::content::{Content, Millis};
use super::oracle::{Oracle, Past};
use super::past::Retold;
use crate::contract::Entry;
use crate::contract::history;
use crate::observation::Observations;
use crate::world::Broken;

/// A past and how far it reaches.
#[derive(Clone, Debug)]
struct Segment {
    past: Past,
    /// What happened in it, with the number of commands after which it is there.
    entries: Vec<(Entry, usize)>,
    /// How many of its commands are in the dataset.
    upto: usize,
}

/// What the dataset can be made of.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    segments: Vec<Segment>,
    /// How much of the history is in the segments, or was lost.
    pub consumed: usize,
}

/// Where in a lineage a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    segment: usize,
    /// After so many commands of it.
    count: usize,
}

impl Lineage {
    /// With the past of one more start, which was answered as without faults.
    pub fn extend(&mut self, seen: &Observations, retold: Retold) {
        let Retold { past, places } = retold;
        let there_after = |entry: &Entry| {
            places.iter().position(|place| *place == entry.order).map_or(usize::MAX, |n| n + 1)
        };
        let own = |entry: &Entry| {
            places.contains(&entry.order) || (entry.waited && entry.order == seen.history.len())
        };
        let first = places.iter().min().copied().unwrap_or(seen.history.len());
        let entries = history::entries(seen, first).into_iter().filter(own);
        let mut entries: Vec<_> = entries.map(|entry| (there_after(&entry), entry)).collect();
        entries.sort_by_key(|(after, entry)| (*after, entry.waited));
        let entries = entries.into_iter().map(|(after, entry)| (entry, after)).collect();
        let upto = past.commands.len();
        self.segments.push(Segment { past, entries, upto });
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Everything that may be in the dataset now, in order.
    pub fn entries(&self) -> Vec<Entry> {
        let reached = self.segments.iter().flat_map(Segment::reachable);
        reached.map(|(entry, _)| entry.clone()).collect()
    }

    /// How many of [`Lineage::entries`] are there at this location.
    pub fn entries_at(&self, at: Location) -> usize {
        let whole = |segment: &Segment| segment.reached(segment.upto);
        let before: usize = self.segments[..at.segment].iter().map(whole).sum();
        before + self.segments[at.segment].reached(at.count)
    }

    /// After all that ever happened.
    fn end(&self) -> Option<Location> {
        let segment = self.segments.len().checked_sub(1)?;
        Some(Location { segment, count: self.segments[segment].upto })
    }

    /// The latest location at which the dataset is the one that was found.
    pub fn locate(
        &self,
        found: &Content,
        now: Millis,
        oracle: &mut dyn Oracle,
    ) -> Result<Option<Location>, Broken> {
        for (n, segment) in self.segments.iter().enumerate().rev() {
            let is_found = |content: &Content| content.same_at(found, now);
            if let Some(count) = oracle.latest(&segment.past, segment.upto, &is_found)? {
                return Ok(Some(Location { segment: n, count }));
            }
        }
        Ok(None)
    }

    /// The dataset after this many of [`Lineage::entries`], of which the last is there.
    pub fn content_after(
        &self,
        entries: usize,
        oracle: &mut dyn Oracle,
    ) -> Result<Option<Arc<Content>>, Broken> {
        let all = self
            .segments
            .iter()
            .flat_map(|segment| segment.reachable().map(move |(_, after)| (&segment.past, *after)));
        let last = entries.checked_sub(1).and_then(|last| all.into_iter().nth(last));
        last.map(|(past, after)| oracle.content(past, after)).transpose()
    }

    /// The dataset after all that ever happened.
    pub fn whole(&self, oracle: &mut dyn Oracle) -> Result<Option<Arc<Content>>, Broken> {
        let Some(Location { segment, count }) = self.end() else { return Ok(None) };
        oracle.content(&self.segments[segment].past, count).map(Some)
    }

    /// Whether this one of [`Lineage::entries`] has changed the dataset.
    pub fn changes(
        &self,
        entry: &Entry,
        now: Millis,
        oracle: &mut dyn Oracle,
    ) -> Result<bool, Broken> {
        for segment in &self.segments {
            let own = segment.entries.iter().find(|(other, _)| other.order == entry.order);
            let Some(after) = own.map(|(_, after)| *after) else { continue };
            if after == 0 || after > segment.past.commands.len() {
                return Ok(false);
            }
            let before = oracle.content(&segment.past, after - 1)?;
            return Ok(!oracle.content(&segment.past, after)?.same_at(&before, now));
        }
        Ok(false)
    }

    /// After a restart: what is at this location is what later writes build on; None: what was
    /// found is a beginning of its own.
    pub fn survived(&mut self, at: Option<Location>, seen: &Observations) {
        match at {
            None => self.segments.clear(),
            Some(Location { segment, count }) => {
                self.segments.truncate(segment + 1);
                self.segments[segment].upto = count;
            }
        }
        self.consumed = seen.history.len();
    }
}

impl Segment {
    /// What of it can be in the dataset.
    fn reachable(&self) -> impl Iterator<Item = &(Entry, usize)> {
        self.entries.iter().filter(|(_, after)| *after <= self.upto)
    }

    fn reached(&self, count: usize) -> usize {
        self.entries.iter().filter(|(_, after)| *after <= count).count()
    }
}
