//! Going on from the start after a power cut, once for each image that the cut could have left.
//!
//! The run up to there is made once. No process lives then, so the machine is plain data, and so is
//! what the runner knows; a copy of both with another image on the disk is where the ordinary run
//! with that cut would be. Must not know: what is promised, and which images there are.

use std::rc::Rc;

use super::class::Came;
use super::look;
use super::point::{CutPoint, Judge, RepresentedRun, Start};
use crate::case::script::Script;
use crate::kernel::Image;
use crate::kernel::disk::power_cut::Shown;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::{Collect, RunSummary};
use crate::runner::state::{Runner, State};
use crate::runner::summary::summarize;
use crate::world::{Broken, PoweredOff, World};

/// A run that has come to the start after the cut.
pub(super) struct Resumed<'a> {
    pub point: &'a CutPoint,
    pub script: &'a Script,
    pub profile: &'a Profile,
    /// Where it goes on.
    pub world: Box<dyn World>,
    pub powered_off: PoweredOff,
    pub state: State,
    /// The index of the step that starts the server.
    pub step: usize,
    pub start: Rc<Start>,
}

impl Judge for Resumed<'_> {
    fn look(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<Came, Broken> {
        self.world.resume_with(&self.powered_off, image)?;
        match look::shown(&self.start, &mut *self.world, image, self.profile, oracle) {
            Err(broken) => Ok(Came::broken(&broken)),
            Ok(shown) => Ok(shown.came()),
        }
    }

    fn judge(&mut self, shown: &Shown, oracle: &mut dyn Oracle) -> Result<RunSummary, Broken> {
        self.world.resume_with(&self.powered_off, &shown.image)?;
        let (state, world) = (self.state.clone(), &mut *self.world);
        let mut runner = Runner::at(state, self.script, world, self.profile, Some(oracle));
        runner.represented = Some(RepresentedRun { point: self.point, cut: shown.cut });
        runner.record.resumes_after(shown.cut);
        let end = runner.steps_from(self.step);
        Ok(summarize(runner, end, Collect::Verdicts))
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.world.finish()
    }
}
