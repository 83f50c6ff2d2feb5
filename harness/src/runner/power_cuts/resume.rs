//! Going on from the start after a power cut, once for each image that the cut could have left.
//!
//! The run up to there is made once. No process lives then, so the machine is plain data, and so is
//! what the runner knows; a copy of both with another image on the disk is where the ordinary run
//! with that cut would be. Must not know: what is promised, and which images there are.

use std::collections::BTreeSet;

use super::class::{Class, StartShown, class_of_broken, disk_hash};
use super::point::{CutPoint, Judge, RepresentedRun};
use crate::case::script::Script;
use crate::kernel::disk::power_cut::Shown;
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
    /// The index of the step that starts the server.
    pub step: usize,
}

impl Judge for Resumed<'_> {
    fn judge(
        &mut self,
        shown: &Shown,
        known: Option<Class>,
        judged: &BTreeSet<Class>,
        oracle: &mut dyn Oracle,
    ) -> Result<(Class, Option<RunSummary>), Broken> {
        self.world.resume_with(&self.powered_off, &shown.image);
        let (state, world) = (self.state.clone(), &mut *self.world);
        let mut runner = Runner::at(state, self.script, world, self.profile, Some(oracle));
        runner.represented = Some(RepresentedRun { point: self.point, cut: shown.cut });
        runner.record.resumes_after(shown.cut);
        runner.judgements.dataset = None;
        let ends = runner.record.seen.ends.len();
        let step = &self.script.steps[self.step];
        let started = runner.start_for(step).and_then(|()| runner.step(step));
        let class = known.unwrap_or_else(|| runner.class(ends, &started));
        if judged.contains(&class) {
            return Ok((class, None));
        }
        let end = started.and_then(|()| runner.steps_from(self.step + 1));
        Ok((class, Some(summarize(runner, end, Collect::Verdicts))))
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.world.finish()
    }
}

impl Runner<'_> {
    /// What was seen of a start before which `ends` servers had ended.
    fn class(&self, ends: usize, started: &Result<(), EarlyEnd>) -> Class {
        if let Err(EarlyEnd::Broken(broken)) = started {
            return class_of_broken(broken);
        }
        let shown = StartShown {
            ends: self.record.seen.ends[ends..].iter().map(|end| end.how).collect(),
            running: self.session.has_server(),
            dataset: self.judgements.dataset.clone(),
            disk: disk_hash(self.session.world, self.profile),
        };
        shown.class()
    }
}
