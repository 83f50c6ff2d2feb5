//! A power cut at one call: the run it belongs to, and how the server starts after it.
//!
//! Must not know: which states a cut may leave, and how each is judged.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::case::script::{Script, Verb};
use crate::kernel::disk::power_cut::Shown;
use crate::kernel::plan::{Effect, Halt, When};
use crate::kernel::{Cut, Image, Site, Time};
use crate::observation::Argv;
use crate::runner::oracle::Oracle;
use crate::runner::oracle::question::is_temporary;
use crate::runner::outcome::RunSummary;
use crate::world::{Broken, Directive, World};

/// A call at which the power is cut, and the run around that.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CutPoint {
    /// The lines of the script before the one that cuts, each with its end.
    pub before: String,
    pub site: Site,
    /// On which side of the call the power is cut.
    pub when: When,
    /// The lines after it.
    pub after: String,
}

impl CutPoint {
    /// The run with the cut that leaves nothing, as a case.
    pub fn script(&self) -> String {
        self.leaving(Cut::default())
    }

    /// The run with the cut that leaves this.
    pub fn leaving(&self, cut: Cut) -> String {
        let effect = Effect::Halt(self.when, Halt::Power(cut));
        let rule = Verb::inject_at(self.site.clone(), effect);
        format!("{}{rule}\n{}", self.before, self.after)
    }
}

/// Images that come to the same, and what that is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Judged {
    /// Leaves the first of them, under the strongest profile that allows one.
    pub cut: Cut,
    pub brief: RunSummary,
}

/// What a power cut at one call may come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Surveyed {
    pub judged: Vec<Judged>,
    /// How many images were judged, by the strongest profile that allows them, strongest first.
    pub images: Vec<u64>,
    /// Whether these are all that there are.
    pub complete: bool,
}

/// Image, circumstances, and the time where keys expire.
pub type Question = (u64, u64, Time);

/// Makes worlds.
pub type Make<'a> = dyn Fn() -> Result<Box<dyn World>, Broken> + 'a;

/// Starts servers from images and judges one of each class.
pub trait Judge {
    /// The image's class, which may be known, and unless that was judged: what it comes to.
    fn judge(
        &mut self,
        shown: &Shown,
        known: Option<u64>,
        judged: &BTreeSet<u64>,
        oracle: &mut dyn Oracle,
    ) -> Result<(u64, Option<RunSummary>), Broken>;

    /// Nobody asks any more.
    fn put_away(&mut self) -> Result<(), Broken>;
}

pub fn parsed(text: &str) -> Result<Script, Broken> {
    crate::case::parse("script", text)
        .map_err(|bad| Broken::Harness(format!("a bad script got as far as a world: {bad}")))
}

/// Under which circumstances the server starts after the cut.
pub struct Start {
    pub directives: Vec<Directive>,
    pub at: Time,
    pub questions: Vec<Argv>,
    pub hash: u64,
    /// Whether the time of the start decides what is found.
    pub expires: bool,
    /// Images are loaded by themselves: what that shows is told in other words.
    pub ordinary: bool,
}

impl Start {
    pub fn question(&self, image: &Image) -> Question {
        let circumstances = hash_of(&(self.hash, self.ordinary));
        (image.hash(), circumstances, if self.expires { self.at } else { Time::ZERO })
    }
}

/// The run that a resumed one stands for.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    pub point: &'a CutPoint,
    pub cut: Cut,
}

impl Own<'_> {
    /// Its script, for whoever makes a part of it again.
    pub fn script(self) -> Result<Script, Broken> {
        parsed(&self.point.leaving(self.cut))
    }
}

pub fn hash_of(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What the disk holds, as far as a server may ever look at it.
pub fn disk_hash(world: &dyn World) -> u64 {
    let mut hasher = DefaultHasher::new();
    let kernel = world.kernel();
    for (name, content) in kernel.disk.files() {
        let role = kernel.role_of_name(name);
        if is_temporary(&role) {
            role.hash(&mut hasher);
        } else {
            (name, content).hash(&mut hasher);
        }
    }
    hasher.finish()
}
