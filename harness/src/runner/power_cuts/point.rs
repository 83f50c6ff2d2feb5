//! A power cut at one call: the run it belongs to, and how the server starts after it.
//!
//! Must not know: which states a cut may leave, and how each is judged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::class::{Came, hash_of};
use super::lack::Lack;
use crate::case::script::{Script, Verb};
use crate::kernel::disk::power_cut::Shown;
use crate::kernel::plan::{Effect, Halt, When};
use crate::kernel::{Cut, Image, Name, Site, Time};
use crate::runner::content::ask::{Access, Asker, millis};
use crate::runner::content::{Content, Millis};
use crate::runner::oracle::{Oracle, Origin, Past};
use crate::runner::outcome::RunSummary;
use crate::world::{Broken, Directive, World};

/// The connection for questions.
const ASKER: &str = "content";

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

/// Images of one class, and the run that stands for them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Judged {
    /// Leaves the one that lacks the fewest things, under the strongest profile that allows one;
    /// of several the first.
    pub cut: Cut,
    /// What that lacks.
    pub lacks: BTreeSet<Lack>,
    pub brief: RunSummary,
}

impl Judged {
    /// Another image of this class stands for it if it lacks fewer things on as strong a profile.
    pub fn prefer(&mut self, cut: Cut, lacks: BTreeSet<Lack>) {
        if cut.fs == self.cut.fs && lacks.len() < self.lacks.len() {
            (self.cut, self.lacks) = (cut, lacks);
        }
    }
}

/// What a power cut at one call can lead to.
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
    /// Starts the server to see what it makes of the image.
    fn look(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<Came, Broken>;

    /// The whole run with this image.
    fn judge(&mut self, shown: &Shown, oracle: &mut dyn Oracle) -> Result<RunSummary, Broken>;

    /// Every image was judged.
    fn finish(&mut self) -> Result<(), Broken>;
}

pub fn parsed(text: &str) -> Result<Script, Broken> {
    crate::case::parse("script", text)
        .map_err(|bad| Broken::Harness(format!("a bad script got as far as a world: {bad}")))
}

/// Under which circumstances the server starts after the cut.
pub struct Start {
    pub directives: Vec<Directive>,
    /// Another server than the world's own.
    pub server: Option<Name>,
    pub at: Time,
    /// How far the wall clock is behind.
    pub behind: Duration,
    /// What was done so far may depend on the time.
    pub timed: bool,
    pub hash: u64,
    /// Each image is loaded by itself, and an ordinary run is judged.
    pub loads_alone: bool,
    /// The script ends with this start, and what it comes to is put down to no lie.
    pub is_the_end: bool,
}

impl Start {
    pub fn question(&self, image: &Image) -> Question {
        let circumstances = hash_of(&(self.hash, self.loads_alone));
        let at = if self.timed { self.at } else { Time::ZERO };
        (image.hash(), circumstances, at)
    }

    /// The start from this image, as the oracle knows it.
    pub fn past(&self, image: &Image) -> Past {
        let (image, directives) = (Arc::new(image.clone()), self.directives.as_slice().into());
        let (server, at, behind) = (self.server.clone(), self.at, self.behind);
        Past::of_start(Origin { image, directives, server, at, behind }, self.timed)
    }

    /// What a server that was started like this holds, as a number; it is told to the oracle if
    /// the start came up at once.
    pub fn seen_of(
        &self,
        world: &mut dyn World,
        image: &Image,
        at_once: bool,
        oracle: &mut dyn Oracle,
    ) -> Result<u64, Broken> {
        let access = Access::with(&self.directives);
        let now: Millis = millis(world.kernel().clock.realtime());
        let content: Content = match Asker::new(world, ASKER, &access).content()? {
            Ok(content) => content,
            Err(none) => return Ok(hash_of(&none.why())),
        };
        let hash = content.hash_at(now);
        if at_once {
            oracle.remember(&self.past(image), Arc::new(content));
        }
        Ok(hash)
    }
}

/// The run that a resumed one stands for.
#[derive(Clone, Copy)]
pub struct RepresentedRun<'a> {
    pub point: &'a CutPoint,
    pub cut: Cut,
}

impl RepresentedRun<'_> {
    /// Its script, to make a part of it again.
    pub fn script(self) -> Result<Script, Broken> {
        parsed(&self.point.leaving(self.cut))
    }
}
