//! Sets, and the encoding that Redis would have chosen (Redis: t_set.c).
//!
//! A set whose first member is an integer starts as an intset. It becomes a hash table,
//! permanently, with the first member that is not an integer, or when there are too many.
//! Must not know: commands, and the bytes of either encoding.

use std::borrow::Cow;

use super::bytes::{Bytes, BytesSet};
use super::limits::Limits;
use crate::text::parse_integer;

/// A set of byte strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    /// Ascending.
    Intset(Vec<i64>),
    Hashtable(BytesSet),
}

impl Set {
    /// An empty set for this first member (Redis: `setTypeCreate`).
    pub fn new_for(member: &[u8]) -> Set {
        if parse_integer(member).is_some() { Set::intset() } else { Set::hashtable() }
    }

    /// An empty intset.
    pub fn intset() -> Set {
        Set(Repr::Intset(Vec::new()))
    }

    /// An intset of ascending integers.
    pub fn from_sorted(integers: Vec<i64>) -> Set {
        Set(Repr::Intset(integers))
    }

    /// An empty hash table.
    pub fn hashtable() -> Set {
        Set(Repr::Hashtable(BytesSet::default()))
    }

    /// Whether it is still an intset.
    pub fn is_intset(&self) -> bool {
        matches!(self.0, Repr::Intset(_))
    }

    /// The members in ascending order if it is an intset.
    pub fn integers(&self) -> Option<&[i64]> {
        match &self.0 {
            Repr::Intset(integers) => Some(integers),
            Repr::Hashtable(_) => None,
        }
    }

    /// Adds a member. Returns whether it is new (Redis: `setTypeAdd`).
    pub fn insert(&mut self, member: Bytes, limits: &Limits) -> bool {
        if let Repr::Intset(integers) = &mut self.0 {
            if let Some(integer) = parse_integer(&member) {
                let Err(place) = integers.binary_search(&integer) else { return false };
                integers.insert(place, integer);
                if integers.len() > limits.set_max_intset_entries {
                    self.convert_to_hashtable();
                }
                return true;
            }
            self.convert_to_hashtable();
        }
        match &mut self.0 {
            Repr::Intset(_) => false,
            Repr::Hashtable(members) => members.insert(member),
        }
    }

    /// Converts it to a hash table, permanently (Redis: `setTypeConvert`).
    pub fn convert_to_hashtable(&mut self) {
        if let Repr::Intset(integers) = &self.0 {
            let members = integers.iter().map(|integer| integer.to_string().into_bytes());
            self.0 = Repr::Hashtable(members.collect());
        }
    }

    /// Removes a member. Returns whether it existed.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Intset(integers) => match find(integers, member) {
                Some(place) => {
                    integers.remove(place);
                    true
                }
                None => false,
            },
            Repr::Hashtable(members) => members.swap_remove(member),
        }
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Repr::Intset(integers) => find(integers, member).is_some(),
            Repr::Hashtable(members) => members.contains(member),
        }
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Intset(integers) => integers.len(),
            Repr::Hashtable(members) => members.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member at an index of the iteration.
    pub fn get_index(&self, place: usize) -> Option<Cow<'_, [u8]>> {
        match &self.0 {
            Repr::Intset(integers) => {
                let integer = integers.get(place)?;
                Some(Cow::Owned(integer.to_string().into_bytes()))
            }
            Repr::Hashtable(members) => members.get_index(place).map(|member| member[..].into()),
        }
    }

    /// All members, in ascending order while it is an intset.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cow<'_, [u8]>> {
        (0..self.len()).map(|place| self.get_index(place).expect("the place is within"))
    }
}

fn find(integers: &[i64], member: &[u8]) -> Option<usize> {
    integers.binary_search(&parse_integer(member)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[&str], limits: &Limits) -> Set {
        let mut set = Set::new_for(members[0].as_bytes());
        for member in members {
            assert!(set.insert(member.as_bytes().to_vec(), limits));
        }
        set
    }

    #[test]
    fn integers_stay_sorted_until_a_word_or_one_too_many_comes() {
        let limits = Limits { set_max_intset_entries: 3, ..Limits::default() };
        let mut some = set(&["3", "-1", "2"], &limits);
        assert_eq!(some.integers(), Some(&[-1, 2, 3][..]));
        assert!(some.contains(b"2") && !some.contains(b"02"));
        assert!(!some.insert(b"2".to_vec(), &limits));
        assert!(some.insert(b"4".to_vec(), &limits));
        assert!(!some.is_intset());
        assert!(some.remove(b"4") && some.remove(b"-1"));
        assert!(!some.is_intset(), "it does not become one again");
        let words = set(&["1", "01"], &limits);
        assert_eq!((words.is_intset(), words.len()), (false, 2));
        assert!(!set(&["a"], &limits).is_intset());
    }
}
