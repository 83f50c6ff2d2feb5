//! Sorted sets, and the encoding that Redis would have chosen (Redis: t_zset.c).
//!
//! A sorted set starts as a ziplist and becomes a skip list, permanently, when it or one of its
//! members is too long.
//! Must not know: commands, and the bytes of either encoding.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::bytes::{Bytes, BytesMap};
use super::limits::Limits;

/// Members with their scores, ordered by score and then by the member's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ZSet {
    scores: BytesMap<f64>,
    ordered: BTreeSet<(Score, Bytes)>,
    ziplist: bool,
}

/// A score; never NaN, and 0 and -0 are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Score(f64);

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What an insertion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Added,
    /// It existed with another score.
    Updated,
    Unchanged,
}

impl ZSet {
    /// An empty sorted set for this first member (part of Redis' `zaddGenericCommand`).
    pub fn new_for(member: &[u8], limits: &Limits) -> ZSet {
        let ziplist =
            limits.zset_max_ziplist_entries != 0 && member.len() <= limits.zset_max_ziplist_value;
        ZSet { ziplist, ..ZSet::skiplist() }
    }

    /// An empty skip list.
    pub fn skiplist() -> ZSet {
        ZSet { scores: BytesMap::default(), ordered: BTreeSet::new(), ziplist: false }
    }

    /// Whether it is still a ziplist.
    pub fn is_ziplist(&self) -> bool {
        self.ziplist
    }

    /// Converts it to a skip list, permanently.
    pub fn convert_to_skiplist(&mut self) {
        self.ziplist = false;
    }

    /// Converts a skip list to a ziplist if it is short enough; used for sets that were just
    /// computed or loaded (Redis: `zsetConvertToZiplistIfNeeded`).
    pub fn convert_to_ziplist_if_needed(&mut self, limits: &Limits) {
        self.take_as_ziplist_if_short(limits);
        if self.ziplist && self.scores.values().any(|score| score.is_sign_negative()) {
            self.scores.values_mut().for_each(|score| *score = limits.compact_score(*score));
            let scores = self.scores.iter();
            self.ordered = scores.map(|(member, &score)| (Score(score), member.clone())).collect();
        }
    }

    /// The same for what was a ziplist already, so that its scores stay as they are.
    pub fn take_as_ziplist_if_short(&mut self, limits: &Limits) {
        let longest = self.scores.keys().map(Vec::len).max().unwrap_or(0);
        self.ziplist |= self.len() <= limits.zset_max_ziplist_entries
            && longest <= limits.zset_max_ziplist_value;
    }

    /// Adds a member or changes its score, which must not be NaN (part of Redis' `zsetAdd`).
    pub fn insert(&mut self, member: Bytes, score: f64, limits: &Limits) -> Inserted {
        debug_assert!(!score.is_nan(), "a caller checks for NaN");
        let score = if self.ziplist { limits.compact_score(score) } else { score };
        match self.scores.get_mut(&member) {
            Some(old) if *old == score => return Inserted::Unchanged,
            Some(old) => {
                let before = std::mem::replace(old, score);
                let (_, member) = self
                    .ordered
                    .take(&(Score(before), member))
                    .expect("each member is in both structures");
                self.ordered.insert((Score(score), member));
                return Inserted::Updated;
            }
            None => {}
        }
        let short = member.len() <= limits.zset_max_ziplist_value;
        self.scores.insert(member.clone(), score);
        self.ordered.insert((Score(score), member));
        self.ziplist &= short && self.len() <= limits.zset_max_ziplist_entries;
        Inserted::Added
    }

    /// Removes a member and returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (member, score) = self.scores.swap_remove_entry(member)?;
        self.ordered.remove(&(Score(score), member));
        Some(score)
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        self.scores.contains_key(member)
    }

    /// How many members come before this one. O(rank).
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let (member, score) = self.scores.get_key_value(member)?;
        Some(self.ordered.range(..(Score(*score), member.clone())).count())
    }

    pub fn len(&self) -> usize {
        self.scores.len()
    }

    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The member at an index of an order unrelated to scores, for iteration while members are
    /// added and removed.
    pub fn get_index(&self, place: usize) -> Option<(&Bytes, f64)> {
        self.scores.get_index(place).map(|(member, &score)| (member, score))
    }

    /// All members with their scores, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Bytes, f64)> + ExactSizeIterator {
        self.ordered.iter().map(|(score, member)| (member, score.0))
    }

    /// The same, starting with the first member of at least this score.
    pub fn range_from(&self, score: f64) -> impl DoubleEndedIterator<Item = (&Bytes, f64)> {
        let start = Bound::Included((Score(score), Bytes::new()));
        self.ordered.range((start, Bound::Unbounded)).map(|(score, member)| (member, score.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zset(members: &[(&str, f64)], limits: &Limits) -> ZSet {
        let mut zset = ZSet::new_for(members[0].0.as_bytes(), limits);
        for &(member, score) in members {
            assert_eq!(zset.insert(member.into(), score, limits), Inserted::Added);
        }
        zset
    }

    fn members(zset: &ZSet) -> Vec<String> {
        zset.iter().map(|(member, _)| String::from_utf8_lossy(member).into_owned()).collect()
    }

    #[test]
    fn members_are_in_the_order_of_scores_and_then_of_bytes() {
        let limits = Limits::default();
        let mut some = zset(&[("b", 1.0), ("a", 1.0), ("c", -1.5), ("d", f64::INFINITY)], &limits);
        assert_eq!(members(&some), ["c", "a", "b", "d"]);
        assert_eq!((some.rank(b"b"), some.rank(b"x")), (Some(2), None));
        assert_eq!(some.insert(b"c".to_vec(), 7.0, &limits), Inserted::Updated);
        assert_eq!(some.insert(b"c".to_vec(), 7.0, &limits), Inserted::Unchanged);
        assert_eq!(members(&some), ["a", "b", "c", "d"]);
        assert_eq!(some.range_from(7.0).count(), 2);
        assert_eq!((some.remove(b"a"), some.remove(b"a")), (Some(1.0), None));
        assert_eq!(members(&some), ["b", "c", "d"]);
    }

    #[test]
    fn a_ziplist_ends_with_one_member_too_many_or_too_long() {
        let limits =
            Limits { zset_max_ziplist_entries: 2, zset_max_ziplist_value: 3, ..Limits::default() };
        assert!(zset(&[("a", 0.0), ("abc", 0.0)], &limits).is_ziplist());
        assert!(!zset(&[("a", 0.0), ("abcd", 0.0)], &limits).is_ziplist());
        assert!(!zset(&[("abcd", 0.0)], &limits).is_ziplist());
        let mut many = zset(&[("a", 0.0), ("b", 0.0), ("c", 0.0)], &limits);
        many.remove(b"a");
        assert!(!many.is_ziplist(), "it does not become one again");
        many.convert_to_ziplist_if_needed(&limits);
        assert!(many.is_ziplist(), "but by name");
    }
}
