//! The class of an image: what is seen of a start from it, as far as that reaches the rest of a
//! run. Images of one class come to the same.
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
    /// How servers ended in it: each was refused.
    pub ends: Vec<How>,
    /// Whether one runs now.
    pub running: bool,
    /// The answer to the question for the dataset, as printed; None: there was none.
    pub dataset: Option<Vec<String>>,
    /// See [`disk_hash`].
    pub disk: u64,
}

impl StartShown {
    pub fn class(&self) -> Class {
        let ends: Vec<String> = self.ends.iter().map(|how| format!("{how:?}")).collect();
        hash_of(&(ends, self.running, &self.dataset, self.disk))
    }
}

/// The class of an image that breaks the world that starts from it.
pub fn class_of_broken(broken: &Broken) -> Class {
    hash_of(&broken.to_string())
}

/// What the disk holds, as far as a server may ever look at it: of a temporary file that is its
/// role alone.
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
