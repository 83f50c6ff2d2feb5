//! The class of an image: what a start from it has shown, as far as it can affect the rest of the
//! run. Images of one class lead to the same verdicts.
//!
//! Must not know: how the server was started.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::lack::Lack;
use crate::observation::How;
use crate::profile::Profile;
use crate::world::{Broken, World};

/// A class, by its hash.
pub type Class = u64;

/// What was seen of a start.
#[derive(Debug)]
pub struct StartShown {
    /// How each attempt ended that was refused.
    pub ends: Vec<How>,
    /// What the server said when it was refused first, without numbers.
    pub says: Option<String>,
    /// Whether one runs now.
    pub running: bool,
    /// What it holds, as a number; None: nobody answers.
    pub content: Option<u64>,
    /// See [`disk_hash`].
    pub disk: u64,
}

/// The same, as numbers.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    /// All of it.
    all: u64,
    /// If no server came up: how, and what it said.
    refused: Option<u64>,
}

impl StartShown {
    pub fn came(&self) -> Came {
        let ends: Vec<String> = self.ends.iter().map(|how| format!("{how:?}")).collect();
        let refused = (!self.running).then(|| hash_of(&(&ends, &self.says)));
        let all = hash_of(&(&ends, &self.says, self.running, self.content, self.disk));
        Came { all, refused }
    }
}

impl Came {
    /// No start can be carried out.
    pub fn broken(broken: &Broken) -> Came {
        Came { all: hash_of(&broken.to_string()), refused: None }
    }

    pub fn class(self) -> Class {
        self.all
    }

    /// Where a refused start is the end of the run, nobody looks at what is on the disk. What it
    /// lacks still parts findings.
    pub fn class_at_the_end(self, lacks: &BTreeSet<Lack>) -> Class {
        self.refused.map_or(self.all, |refused| hash_of(&(refused, lacks)))
    }
}

/// What is on the disk, as far as a server ever reads it: of a temporary file only that it is
/// there.
pub fn disk_hash(world: &dyn World, profile: &Profile) -> u64 {
    let mut hasher = DefaultHasher::new();
    let kernel = world.kernel();
    for (name, content) in kernel.disk.files() {
        let role = kernel.role_of_name(name);
        if profile.is_temporary(&role) {
            role.hash(&mut hasher);
        } else {
            (name, content).hash(&mut hasher);
        }
    }
    hasher.finish()
}

pub fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
