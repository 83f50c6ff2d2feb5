//! The class of an image: what a start from it has shown, as far as it can affect the rest of the
//! run. Images of one class lead to the same verdicts.
//!
//! Must not know: how the server was started.

use std::hash::{DefaultHasher, Hash, Hasher};

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
    /// Whether one runs now.
    pub running: bool,
    /// What it holds, as a number; None: nobody answers.
    pub content: Option<u64>,
    /// See [`disk_hash`].
    pub disk: u64,
}

impl StartShown {
    pub fn class(&self) -> Class {
        let ends: Vec<String> = self.ends.iter().map(|how| format!("{how:?}")).collect();
        hash_of(&(ends, self.running, self.content, self.disk))
    }
}

/// The class of an image from which no start can be carried out.
pub fn class_of_broken(broken: &Broken) -> Class {
    hash_of(&broken.to_string())
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
