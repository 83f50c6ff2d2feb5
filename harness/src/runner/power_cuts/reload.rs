//! Loading images one by one, for worlds that cannot go on from a machine of another.
//!
//! Many share a machine, and one of each class is judged by an ordinary run of the whole script.
//! Must not know: what is promised.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::point::{CutPoint, Judge, Make, Start, disk_hash, hash_of, parsed};
use crate::kernel::Image;
use crate::kernel::disk::power_cut::Shown;
use crate::observation::Argv;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::Collect;
use crate::runner::outcome::RunSummary;
use crate::runner::resp::{decode, encode};
use crate::runner::summary::run_for_summary;
use crate::world::{Broken, Status, Victim, World};

/// Starts servers from images, many on one machine.
pub(super) struct Loader<'a> {
    pub point: &'a CutPoint,
    pub make: &'a Make<'a>,
    pub profile: &'a Profile,
    pub start: &'a Start,
    pub world: Option<Box<dyn World>>,
    pub used: u32,
}

/// So many images share a machine, whose trace grows with each.
const SHARE: u32 = 64;
/// Who asks.
const ASKER: &str = "observer";

impl Judge for Loader<'_> {
    fn judge(
        &mut self,
        shown: &Shown,
        known: Option<u64>,
        judged: &BTreeSet<u64>,
        oracle: &mut dyn Oracle,
    ) -> Result<(u64, Option<RunSummary>), Broken> {
        let class = known.map_or_else(|| self.class_of(&shown.image), Ok)?;
        if judged.contains(&class) {
            return Ok((class, None));
        }
        let script = parsed(&self.point.leaving(shown.cut))?;
        let mut world = (self.make)()?;
        Ok((
            class,
            Some(run_for_summary(&script, &mut *world, self.profile, oracle, Collect::Verdicts)),
        ))
    }

    fn put_away(&mut self) -> Result<(), Broken> {
        self.used = 0;
        self.world.take().map_or(Ok(()), |mut world| world.finish())
    }
}

impl Loader<'_> {
    fn class_of(&mut self, image: &Image) -> Result<u64, Broken> {
        match self.load(image) {
            Err(Broken::Hung(why)) => {
                self.world = None;
                Ok(hash_of(&why))
            }
            other => other,
        }
    }

    fn load(&mut self, image: &Image) -> Result<u64, Broken> {
        if self.used == SHARE {
            self.put_away()?;
        }
        self.used += 1;
        let start = self.start;
        let world = match &mut self.world {
            Some(world) => world,
            none => none.insert((self.make)()?),
        };
        if world.kernel().now() < start.at {
            world.kernel().advance_to(start.at);
        }
        world.put_image(image)?;
        let mut hasher = DefaultHasher::new();
        // As a supervisor would, see `Runner::start`.
        let mut before = disk_hash(&**world);
        for _ in 0..2 {
            world.start(&start.directives)?;
            if let Status::Running = world.status() {
                break;
            }
            format!("{:?}", world.status()).hash(&mut hasher);
            // The same disk is refused for the same reason.
            let after = disk_hash(&**world);
            if std::mem::replace(&mut before, after) == after {
                break;
            }
        }
        dataset(&mut **world, &start.questions)?.hash(&mut hasher);
        disk_hash(&**world).hash(&mut hasher);
        world.log();
        world.kill(Victim::All)?;
        world.settle()?;
        Ok(hasher.finish())
    }
}

/// The answers that tell the dataset; none when no server answers.
fn dataset(world: &mut dyn World, questions: &[Argv]) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    for question in questions {
        bytes.extend(encode(question));
    }
    if !world.send(ASKER, &bytes)? {
        return Ok(Vec::new());
    }
    world.settle()?;
    let answers = world.receive(ASKER).bytes;
    // The last one is the digest: the others only make the server look at keys.
    let (mut at, mut last) = (0, 0);
    while let Ok(Some((_, length))) = decode(&answers[at..]) {
        last = at;
        at += length;
    }
    Ok(answers[last..].to_vec())
}
