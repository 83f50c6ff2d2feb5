//! Going on from the start after a power cut, once for each image that the cut could have left.
//!
//! A run up to there is made once. Nobody lives then, so the machine is plain data, and so is what
//! the runner knows; a copy of both with another image on the disk is where the ordinary run with
//! that cut would be. Must not know: what is promised, and which images there are.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::point::{CutPoint, Judge, Own, disk_hash, hash_of};
use crate::case::script::Script;
use crate::kernel::Cut;
use crate::kernel::disk::power_cut::Shown;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::outcome::Collect;
use crate::runner::outcome::RunSummary;
use crate::runner::state::{State, Stop};
use crate::runner::steps::Runner;
use crate::runner::summary::summarize;
use crate::world::{Broken, PoweredOff, World};

/// A run that has come to the start after the cut.
pub(super) struct Resumed<'a> {
    pub point: &'a CutPoint,
    pub script: &'a Script,
    pub profile: &'a Profile,
    /// Where it goes on.
    pub world: Box<dyn World>,
    pub dark: PoweredOff,
    pub state: State,
    /// The index of the step that starts the server.
    pub step: usize,
}

impl Judge for Resumed<'_> {
    fn judge(
        &mut self,
        shown: &Shown,
        known: Option<u64>,
        judged: &BTreeSet<u64>,
        oracle: &mut dyn Oracle,
    ) -> Result<(u64, Option<RunSummary>), Broken> {
        self.world.resume_with(&self.dark, &shown.image);
        let mut runner = Runner {
            script: self.script,
            world: &mut *self.world,
            profile: self.profile,
            oracle,
            own: Some(Own { point: self.point, cut: shown.cut }),
            state: self.state.clone(),
        };
        runner.forget(shown.cut);
        let ends = runner.seen.ends.len();
        let step = &self.script.steps[self.step];
        let started = runner.start_for(step).and_then(|()| runner.step(step));
        let class = known.unwrap_or_else(|| runner.class(ends, &started));
        if judged.contains(&class) {
            return Ok((class, None));
        }
        let end = started.and_then(|()| runner.steps_from(self.step + 1));
        Ok((class, Some(summarize(runner, end, Collect::Verdicts))))
    }

    fn put_away(&mut self) -> Result<(), Broken> {
        self.world.finish()
    }
}

impl Runner<'_> {
    /// The power was cut like this, and the trace begins anew.
    fn forget(&mut self, cut: Cut) {
        self.traced = 0;
        self.found = None;
        if let Some(last) = self.seen.cuts.last_mut() {
            last.cut = cut;
        }
    }

    /// What was seen of a start before which `ends` servers had ended.
    fn class(&self, ends: usize, started: &Result<(), Stop>) -> u64 {
        if let Err(Stop::Broken(broken)) = started {
            return hash_of(&broken.to_string());
        }
        let mut hasher = DefaultHasher::new();
        for end in &self.seen.ends[ends..] {
            format!("{:?}", end.how).hash(&mut hasher);
        }
        self.running.hash(&mut hasher);
        self.found.hash(&mut hasher);
        disk_hash(self.world).hash(&mut hasher);
        hasher.finish()
    }
}
