//! The content of a server: its dataset as a client can read it, key by key, and its functions.
//!
//! It leaves out what two ways to the same dataset may tell apart: the order of members where there
//! is none, encodings, idle times, and when a consumer was last seen. Expiries are absolute, so
//! that contents read at different times can be compared: what has expired by then is left out.
//! Must not know: how it is asked for, and what is promised.

pub mod ask;
mod streams;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::case::lex::escaped;

/// A moment as servers tell it: milliseconds since 1970.
pub type Millis = u64;

/// Where something is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Key {
        db: u32,
        key: Vec<u8>,
    },
    /// A library of functions, by name.
    Library(Vec<u8>),
}

impl Place {
    fn name(&self) -> &[u8] {
        match self {
            Place::Key { key: name, .. } | Place::Library(name) => name,
        }
    }
}

/// What is kept at one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kept {
    /// As TYPE says; `function` for a library.
    pub kind: String,
    /// The value, in an order of its own where the server has none.
    pub parts: Vec<Part>,
    /// None: it never expires.
    pub expires_at: Option<Millis>,
}

/// One element of a value: of a hash, its field and value; of a sorted set, member and score.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    pub text: Vec<u8>,
    /// Of a hash field; None: it never expires.
    pub expires_at: Option<Millis>,
}

/// All that a client can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    places: BTreeMap<Place, Kept>,
    /// Types that cannot be read in a form in which two equal values look the same.
    pub not_looked_at: BTreeSet<String>,
}

impl Content {
    fn keep(&mut self, place: Place, kept: Kept) {
        self.places.insert(place, kept);
    }

    /// Whether a key of database 0 has this string.
    pub fn holds(&self, key: &str, value: &str) -> bool {
        let kept = self.places.get(&Place::Key { db: 0, key: key.into() });
        kept.is_some_and(|kept| kept.parts.iter().any(|part| part.text == value.as_bytes()))
    }

    /// What is left of it at `now`; a server keeps a key up to and including its last millisecond
    /// (Redis: `keyIsExpired`).
    fn at(&self, now: Millis) -> impl Iterator<Item = (&Place, Kept)> {
        self.places.iter().filter_map(move |(place, kept)| Some((place, kept.at(now)?)))
    }

    /// Whether both are the same once it is `now`.
    pub fn same_at(&self, other: &Content, now: Millis) -> bool {
        let never = |content: &Content| content.places.values().all(Kept::never_expires);
        if never(self) && never(other) {
            return self.places == other.places;
        }
        self.at(now).eq(other.at(now))
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let part = |part: &Part| size_of::<Part>() + part.text.len();
        let kept = |kept: &Kept| kept.parts.iter().map(part).sum::<usize>();
        let entry = size_of::<(Place, Kept)>();
        self.places.iter().map(|(place, it)| entry + place.name().len() + kept(it)).sum()
    }

    /// Whether nothing in it depends on the time.
    pub fn never_expires(&self) -> bool {
        self.places.values().all(Kept::never_expires)
    }

    /// A hash of what is left of it at `now`.
    pub fn hash_at(&self, now: Millis) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.at(now).for_each(|entry| entry.hash(&mut hasher));
        hasher.finish()
    }

    /// At how many places both differ once it is `now`.
    pub fn differing(&self, other: &Content, now: Millis) -> usize {
        let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (self.at(now).collect(), other.at(now).collect());
        let places: BTreeSet<&Place> = ours.keys().chain(theirs.keys()).copied().collect();
        places.into_iter().filter(|place| ours.get(place) != theirs.get(place)).count()
    }

    /// The first place at which `found` differs from this, which was promised.
    pub fn difference(&self, found: &Content, now: Millis) -> Option<Difference> {
        let promised: BTreeMap<_, _> = self.at(now).collect();
        let there: BTreeMap<_, _> = found.at(now).collect();
        let places: BTreeSet<&Place> = promised.keys().chain(there.keys()).copied().collect();
        let differs = |place: &&&Place| promised.get(**place) != there.get(**place);
        // What is gone before what is there without a promise.
        let missing = places.iter().find(|place| !there.contains_key(**place));
        let place = missing.or_else(|| places.iter().find(differs))?;
        Some(Difference {
            place: (*place).clone(),
            promised: promised.get(*place).cloned(),
            found: there.get(*place).cloned(),
        })
    }
}

impl Kept {
    fn never_expires(&self) -> bool {
        self.expires_at.is_none() && self.parts.iter().all(|part| part.expires_at.is_none())
    }

    fn at(&self, now: Millis) -> Option<Kept> {
        let expired = |at: Option<Millis>| at.is_some_and(|at| at < now);
        if expired(self.expires_at) {
            return None;
        }
        let parts = self.parts.iter().filter(|part| !expired(part.expires_at));
        let left = Kept { parts: parts.cloned().collect(), ..self.clone() };
        // A hash ends with its last field.
        (!left.parts.is_empty() || self.parts.is_empty()).then_some(left)
    }
}

/// One place at which two contents differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub place: Place,
    /// None: nothing.
    pub promised: Option<Kept>,
    pub found: Option<Kept>,
}

/// `"a": promised string "2", found nothing`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = |kept: &Option<Kept>| match kept {
            None => "nothing".to_string(),
            Some(kept) => kept.to_string(),
        };
        let (promised, found) = match (&self.promised, &self.found) {
            (Some(promised), Some(found)) => promised.beside(found),
            (promised, found) => (alone(promised), alone(found)),
        };
        write!(f, "{}: promised {promised}, found {found}", self.place)
    }
}

/// `"a"`, `"a" in db 3`, `the function library "l"`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Key { db: 0, key } => f.write_str(&escaped(key)),
            Place::Key { db, key } => write!(f, "{} in db {db}", escaped(key)),
            Place::Library(name) => write!(f, "the function library {}", escaped(name)),
        }
    }
}

/// How many bytes of one element are printed.
const SHOWN_BYTES: usize = 40;
/// How many elements of a value are printed.
const SHOWN_PARTS: usize = 4;

/// `list "a" "b"`, `string "1" that expires at 1700000005000`
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(0, 0))
    }
}

impl Kept {
    /// Written without the first `left_out` elements, the next one from this byte on.
    fn written(&self, left_out: usize, from: usize) -> String {
        let mut text = self.kind.clone();
        if left_out > 0 {
            text.push_str(&format!(" … {left_out} alike …"));
        }
        let parts = &self.parts[left_out..];
        for (n, part) in parts.iter().take(SHOWN_PARTS).enumerate() {
            text.push(' ');
            text.push_str(&part.written(if n == 0 { from } else { 0 }));
        }
        if parts.len() > SHOWN_PARTS {
            text.push_str(&format!(" … {} in all", self.parts.len()));
        }
        if let Some(at) = self.expires_at {
            text.push_str(&format!(" that expires at {at}"));
        }
        text
    }

    /// Both from where they begin to differ.
    fn beside(&self, other: &Kept) -> (String, String) {
        let pairs = || self.parts.iter().zip(&other.parts);
        let alike = pairs().take_while(|(one, another)| one == another).count();
        let short = self.parts.len().max(other.parts.len()) <= SHOWN_PARTS;
        let left_out = if short { 0 } else { alike };
        let from = pairs().nth(left_out).map_or(0, |(one, another)| {
            let bytes = one.text.iter().zip(&another.text);
            let same = bytes.take_while(|(one, another)| one == another).count();
            if same < SHOWN_BYTES || one == another { 0 } else { same }
        });
        (self.written(left_out, from), other.written(left_out, from))
    }
}

impl Part {
    /// A long text is written from this byte on, and in part.
    fn written(&self, from: usize) -> String {
        let rest = self.text.get(from..).unwrap_or_default();
        let mut text = escaped(&rest[..rest.len().min(SHOWN_BYTES)]);
        if from > 0 {
            text = format!("{text} from byte {from} on");
        } else if rest.len() > SHOWN_BYTES {
            text = format!("{text}… of {} bytes", self.text.len());
        }
        match self.expires_at {
            Some(at) => format!("{text} until {at}"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Place {
        Place::Key { db: 0, key: name.into() }
    }

    fn string(value: &str, expires_at: Option<Millis>) -> Kept {
        let parts = vec![Part { text: value.into(), expires_at: None }];
        Kept { kind: "string".to_string(), parts, expires_at }
    }

    fn content(places: &[(&str, Kept)]) -> Content {
        let mut content = Content::default();
        places.iter().for_each(|(name, kept)| content.keep(key(name), kept.clone()));
        content
    }

    #[test]
    fn what_has_expired_counts_as_absent() {
        let (with, without) = (content(&[("a", string("1", Some(50)))]), content(&[]));
        assert!(!with.same_at(&without, 50) && with.same_at(&without, 51));
        assert_eq!(with.hash_at(51), without.hash_at(51));
        let other = content(&[("a", string("1", Some(60)))]);
        assert!(!with.same_at(&other, 40) && !with.same_at(&other, 55) && with.same_at(&other, 61));
    }

    #[test]
    fn a_hash_ends_with_its_last_field() {
        let field = |text: &str, expires_at| Part { text: text.into(), expires_at };
        let parts = vec![field("f 1", Some(10)), field("g 1", Some(20))];
        let hash = content(&[("h", Kept { kind: "hash".into(), parts, expires_at: None })]);
        let parts = vec![field("g 1", Some(20))];
        let rest = content(&[("h", Kept { kind: "hash".into(), parts, expires_at: None })]);
        assert!(!hash.same_at(&rest, 10) && hash.same_at(&rest, 11));
        assert!(hash.same_at(&content(&[]), 21));
    }

    #[test]
    fn a_difference_says_what_was_promised_and_what_is_there() {
        let promised = content(&[("a", string("1", None)), ("b", string("2", Some(70)))]);
        let found = content(&[("a", string("0", None)), ("b", string("2", Some(70)))]);
        let words = |found: &Content| promised.difference(found, 0).map(|it| it.to_string());
        assert_eq!(
            words(&found).as_deref(),
            Some("\"a\": promised string \"1\", found string \"0\"")
        );
        let gone = content(&[("a", string("0", None)), ("c", string("x", None))]);
        assert_eq!(
            words(&gone).as_deref(),
            Some("\"b\": promised string \"2\" that expires at 70, found nothing")
        );
        assert_eq!(promised.difference(&promised, 0), None);
        assert_eq!([&promised, &found, &gone].map(|it| promised.differing(it, 0)), [0, 1, 3]);
        let long = |end: &str| content(&[("a", string(&format!("{}{end}", "v".repeat(50)), None))]);
        let words = long("x").difference(&long("\0"), 0).map(|it| it.to_string());
        let expected =
            "\"a\": promised string \"x\" from byte 50 on, found string \"\\x00\" from byte 50 on";
        assert_eq!(words.as_deref(), Some(expected));
    }
}
