//! Loading images one by one, for worlds that cannot go on from another world's machine.
//!
//! Many images share a machine; one of each class is judged by an ordinary run of the whole script.
//! Must not know: what is promised.

use super::class::{Came, StartShown};
use super::look;
use super::point::{CutPoint, Judge, Make, Start, parsed};
use crate::kernel::Image;
use crate::kernel::disk::power_cut::Shown;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::{Collect, RunSummary};
use crate::runner::summary::run_for_summary;
use crate::world::{Broken, Victim, World};

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
    fn look(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<Came, Broken> {
        match self.load(image, oracle) {
            Err(hung @ Broken::Hung(_)) => {
                self.world = None;
                Ok(Came::broken(&hung))
            }
            shown => shown.map(|shown| shown.came()),
        }
    }

    fn judge(&mut self, shown: &Shown, oracle: &mut dyn Oracle) -> Result<RunSummary, Broken> {
        let script = parsed(&self.point.leaving(shown.cut))?;
        let mut world = (self.make)()?;
        Ok(run_for_summary(&script, &mut *world, self.profile, oracle, Collect::Verdicts))
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.used = 0;
        self.world.take().map_or(Ok(()), |mut world| world.finish())
    }
}

impl Loader<'_> {
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
        let shown = look::shown(start, &mut **world, image, self.profile, oracle)?;
        world.log();
        world.kill(Victim::All)?;
        world.settle()?;
        Ok(shown)
    }
}
