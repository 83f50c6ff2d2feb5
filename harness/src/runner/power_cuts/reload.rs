//! Loading images one by one, for worlds that cannot go on from another world's machine.
//!
//! Many images share a machine; one of each class is judged by an ordinary run of the whole script.
//! Must not know: what is promised.

use std::collections::BTreeSet;

use super::class::{Class, StartShown, class_of_broken, disk_hash};
use super::point::{CutPoint, Judge, Make, Start, parsed};
use crate::kernel::Image;
use crate::kernel::disk::power_cut::Shown;
use crate::observation::How;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::{Collect, RunSummary};
use crate::runner::starts::ATTEMPTS;
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

/// How many images share a machine: its trace grows with each.
const SHARE: u32 = 64;

impl Judge for Loader<'_> {
    fn judge(
        &mut self,
        shown: &Shown,
        known: Option<Class>,
        judged: &BTreeSet<Class>,
        oracle: &mut dyn Oracle,
    ) -> Result<(Class, Option<RunSummary>), Broken> {
        let class = match known {
            Some(class) => class,
            None => self.class_of(&shown.image, oracle)?,
        };
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

    fn finish(&mut self) -> Result<(), Broken> {
        self.used = 0;
        self.world.take().map_or(Ok(()), |mut world| world.finish())
    }
}

impl Loader<'_> {
    fn class_of(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<Class, Broken> {
        match self.load(image, oracle) {
            Err(hung @ Broken::Hung(_)) => {
                self.world = None;
                Ok(class_of_broken(&hung))
            }
            shown => shown.map(|shown| shown.class()),
        }
    }

    fn load(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<StartShown, Broken> {
        if self.used == SHARE {
            self.finish()?;
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
        let ends = start_refused(&mut **world, start, self.profile)?;
        let running = matches!(world.status(), Status::Running);
        let disk = disk_hash(&**world, self.profile);
        let content = match running {
            true => Some(start.seen_of(&mut **world, image, ends.is_empty(), oracle)?),
            false => None,
        };
        world.log();
        world.kill(Victim::All)?;
        world.settle()?;
        Ok(StartShown { ends, running, content, disk })
    }
}

/// Starts the server as a run does, see `Runner::start`. Returns how it ended where it was refused.
fn start_refused(
    world: &mut dyn World,
    start: &Start,
    profile: &Profile,
) -> Result<Vec<How>, Broken> {
    let mut ends = Vec::new();
    let mut before = disk_hash(world, profile);
    while ends.len() < ATTEMPTS {
        world.start(&start.directives)?;
        let how = match world.status() {
            Status::Running | Status::Off => break,
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) => How::Signaled(number),
        };
        ends.push(how);
        let after = disk_hash(world, profile);
        // The same disk is refused for the same reason.
        if std::mem::replace(&mut before, after) == after {
            ends.resize(ATTEMPTS, how);
        }
    }
    Ok(ends)
}
