//! One thing, or the two of a pair: `EIO`, `EIO + half`.
//!
//! A run has one fault at one call, or a second one where the first has led. Must not know: what
//! faults and calls are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What stands between the two.
const AND: &str = " + ";

/// One, or a pair. In JSON it is its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OneOrPair<T> {
    pub first: T,
    pub second: Option<T>,
}

impl<T> OneOrPair<T> {
    pub fn one(first: T) -> OneOrPair<T> {
        OneOrPair { first, second: None }
    }

    pub fn pair(first: T, second: T) -> OneOrPair<T> {
        OneOrPair { first, second: Some(second) }
    }

    pub fn is_pair(&self) -> bool {
        self.second.is_some()
    }

    /// The same with another one last.
    pub fn with_last(self, last: T) -> OneOrPair<T> {
        match self.second {
            Some(_) => OneOrPair::pair(self.first, last),
            None => OneOrPair::one(last),
        }
    }

    /// The only one, or the second of a pair.
    pub fn last(&self) -> &T {
        self.second.as_ref().unwrap_or(&self.first)
    }
}

impl<T: fmt::Display> fmt::Display for OneOrPair<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        match &self.second {
            Some(second) => write!(f, "{AND}{second}"),
            None => Ok(()),
        }
    }
}

impl<T: FromStr> FromStr for OneOrPair<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<OneOrPair<T>, T::Err> {
        match text.split_once(AND) {
            Some((first, second)) => Ok(OneOrPair::pair(first.parse()?, second.parse()?)),
            None => text.parse().map(OneOrPair::one),
        }
    }
}

impl<T: fmt::Display> Serialize for OneOrPair<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for OneOrPair<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrPair<T>, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
