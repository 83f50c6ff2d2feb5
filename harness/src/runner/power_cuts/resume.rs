//! Going on from the start after a power cut, once for each image that the cut could have left.
//!
//! The run up to there is made once. No process lives then, so the machine is plain data, and so is
//! what the runner knows; a copy of both with another image on the disk is where the ordinary run
//! with that cut would be. Must not know: what is promised, and which images there are.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::class::{Class, StartShown, class_of_broken, disk_hash};
use super::point::{CutPoint, Judge, RepresentedRun, Start};
use crate::case::script::Script;
use crate::kernel::Image;
use crate::kernel::disk::power_cut::Shown;
use crate::observation::How;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::{Collect, RunSummary};
use crate::runner::state::{EarlyEnd, Runner, State};
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
    /// The same without what a start cannot show anything of.
    pub lean: State,
    /// The index of the step that starts the server.
    pub step: usize,
    pub start: Rc<Start>,
}

impl Judge for Resumed<'_> {
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
        let step = self.step;
        let (point, cut) = (self.point, shown.cut);
        let state = self.state.clone();
        let mut runner = self.resumed(state, &shown.image, Some(oracle));
        runner.represented = Some(RepresentedRun { point, cut });
        runner.record.resumes_after(shown.cut);
        let end = runner.steps_from(step);
        Ok((class, Some(summarize(runner, end, Collect::Verdicts))))
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.world.finish()
    }
}

impl Resumed<'_> {
    /// The run on a machine with this image on its disk.
    fn resumed<'r>(
        &'r mut self,
        state: State,
        image: &Image,
        oracle: Option<&'r mut dyn Oracle>,
    ) -> Runner<'r> {
        self.world.resume_with(&self.powered_off, image);
        Runner::at(state, self.script, &mut *self.world, self.profile, oracle)
    }

    /// Starts the server to see what it makes of the image.
    fn class_of(&mut self, image: &Image, oracle: &mut dyn Oracle) -> Result<Class, Broken> {
        let (step, start, profile) =
            (&self.script.steps[self.step], self.start.clone(), self.profile);
        let mut runner = self.resumed(self.lean.clone(), image, None);
        let before = runner.record.seen.ends.len();
        match runner.start_for(step).and_then(|()| runner.step(step)) {
            Err(EarlyEnd::Broken(broken)) => return Ok(class_of_broken(&broken)),
            Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) | Ok(()) => {}
        }
        let ends: Vec<How> = runner.record.seen.ends[before..].iter().map(|end| end.how).collect();
        let running = runner.session.has_server();
        let disk = disk_hash(runner.session.world, profile);
        let content = match running {
            true => Some(start.seen_of(runner.session.world, image, ends.is_empty(), oracle)?),
            false => None,
        };
        Ok(StartShown { ends, running, content, disk }.class())
    }
}
