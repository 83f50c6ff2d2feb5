//! What is remembered: tapes by what each begins with, as many as there is room for.
//!
//! Must not know: how a tape is recorded and played.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHasher};

use super::tape::Tape;
use crate::kernel::resting::Resting;
use crate::world::Directive;

/// All that a start of the server depends on, beside the server itself: each has a memory of its
/// own.
///
/// A machine is remembered only if it is at rest: then rules with what they have counted,
/// decisions, holds, delays, kills and orphans are none, and the power stays on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub directives: Vec<Directive>,
    pub machine: Resting,
}

impl Key {
    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let directives = self.directives.iter().map(|set| set.name.len() + set.value.len());
        let own = size_of::<Key>() + self.directives.len() * size_of::<Directive>();
        own + directives.sum::<usize>() + self.machine.disk.weight()
    }

    fn hash(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.directives.hash(&mut hasher);
        (self.machine.at, self.machine.starts).hash(&mut hasher);
        for (name, is_dir, content, _) in self.machine.disk.listing() {
            (name, is_dir, content).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// How many starts on a machine at rest there were, and how many of them were known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Starts {
    pub asked: u64,
    pub known: u64,
    /// Known ones that were made nevertheless, because something else was done after them.
    pub made_again: u64,
}

impl Starts {
    pub fn and(self, other: Starts) -> Starts {
        Starts {
            asked: self.asked + other.asked,
            known: self.known + other.known,
            made_again: self.made_again + other.made_again,
        }
    }
}

/// A tape that is recorded or played.
pub type SharedTape = Rc<RefCell<Tape>>;

type Tapes = FxHashMap<u64, Vec<(Rc<Key>, SharedTape)>>;

/// How many bytes are remembered at most, about.
const ROOM: usize = 96 << 20;

/// How many deeds are on a tape at most: some hundred commands. Each may hold on to a state of the
/// disk, so a longer one would cost more than it saves.
const LONGEST: usize = 1024;

/// Tapes of one server. What nobody has asked for is forgotten first: when half of the room is
/// full, those that were asked for since the last time are kept for another half.
#[derive(Debug)]
pub struct Memory {
    new: Tapes,
    old: Tapes,
    weight: usize,
    room: usize,
    pub longest: usize,
    pub starts: Starts,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::with_room(ROOM)
    }
}

impl Memory {
    pub fn with_room(room: usize) -> Memory {
        let (new, old, starts) = Default::default();
        Memory { new, old, weight: 0, room, longest: LONGEST, starts }
    }

    /// About how many bytes it holds.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        let tapes = self.new.values().chain(self.old.values()).flatten();
        tapes.map(|(key, tape)| key.weight() + tape.borrow().weight()).sum()
    }

    /// The tape that begins with this.
    pub fn tape(&mut self, key: &Key) -> Option<(Rc<Key>, SharedTape)> {
        self.starts.asked += 1;
        let hash = key.hash();
        let known = match find(&self.new, hash, key) {
            Some(known) => known,
            None => {
                let known = find(&self.old, hash, key)?;
                self.put(hash, known.clone());
                known
            }
        };
        self.starts.known += 1;
        Some(known)
    }

    pub fn remember(&mut self, key: Rc<Key>, tape: SharedTape) {
        let hash = key.hash();
        self.put(hash, (key, tape));
    }

    fn put(&mut self, hash: u64, entry: (Rc<Key>, SharedTape)) {
        let weight = entry.0.weight() + entry.1.borrow().weight();
        self.new.entry(hash).or_default().push(entry);
        self.grow(weight);
    }

    /// A tape has become longer by so many bytes.
    pub fn grow(&mut self, bytes: usize) {
        self.weight += bytes;
        if self.weight > self.room / 2 {
            self.weight = 0;
            self.old = std::mem::take(&mut self.new);
        }
    }
}

fn find(tapes: &Tapes, hash: u64, key: &Key) -> Option<(Rc<Key>, SharedTape)> {
    tapes.get(&hash)?.iter().find(|(known, _)| **known == *key).cloned()
}
