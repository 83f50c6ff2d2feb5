//! One power cut in every state that it can leave, without repeating the whole run for each.
//!
//! The run is made once, up to the start that follows the cut; the kernel says which images the
//! cut could have left. From there the run goes on once for each image: the server is started, and
//! what is seen of that is the image's class: how often the start was refused, the dataset, what
//! the disk holds then, what was left behind. Nothing else can reach the rest of the run, so it is
//! gone through and judged for one image of each class, and that speaks for all. Where the script
//! ends with this start and it is refused, what the disk holds reaches nothing either. A world that
//! cannot go on from a machine of another (see `World::suspend`) loads each image on a machine for
//! that alone, and judges one of each class by an ordinary run; so does a run in which something
//! looked at the disk between the cut and the start, or in which a fault outlives it. Both ways
//! come to the same, because either is the run that the token of the cut replays.
//!
//! The class of an image is remembered, because neighbouring calls have most of their images in
//! common; what was promised is not, because it differs by call. Must not know: what is promised,
//! and why it is asked.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::class::{Came, Class, hash_of};
use super::lack::Lack;
use super::point::{CutPoint, Judge, Judged, Make, Question, Start, Surveyed, parsed};
use super::reload::Loader;
use super::resume::Resumed;
use crate::case::script::{Script, Verb};
use crate::contract::regime::last_lie;
use crate::kernel::Survey;
use crate::kernel::disk::power_cut::{FsModel, Shown};
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::record::Keep;
use crate::runner::state::{EarlyEnd, Runner, State};
use crate::runner::verbs::looks_at_the_disk;
use crate::world::{Broken, World};

/// What is known of images that were started from.
#[derive(Debug, Default)]
pub struct Loads {
    known: FxHashMap<Question, Came>,
    /// How many were asked for, known or not.
    pub asked: u64,
}

/// Says before each image whether to go on; an error, which is that of the survey, ends it there.
pub type GoOn<'a> = dyn Fn() -> Result<(), Broken> + 'a;

/// Judges every image, of each profile at most `budget` beside those with names; None: the call was
/// never made.
///
/// # Errors
/// When a world cannot be made, or breaks before the cut, or when it is not to go on.
pub fn survey(
    point: &CutPoint,
    make: &Make<'_>,
    go_on: &GoOn<'_>,
    profile: &Profile,
    oracle: &mut dyn Oracle,
    loads: &mut Loads,
    budget: u64,
) -> Result<Option<Surveyed>, Broken> {
    let ask = Survey::new(FsModel::Posix, budget);
    let script = parsed(&point.script())?;
    let mut world = make()?;
    let Some(reached) = up_to_the_start(&script, &mut *world, profile, oracle, ask)? else {
        world.finish()?;
        return Ok(None);
    };
    let Reached { survey, mut start, state, step, alone } = reached;
    let powered_off = if alone && world.kernel().is_at_rest() { world.suspend() } else { None };
    start.loads_alone = powered_off.is_none();
    start.is_the_end = powered_off.is_some()
        && step + 1 == script.steps.len()
        && last_lie(&state.record.seen).is_none();
    let start = Rc::new(start);
    let mut judge: Box<dyn Judge + '_> = match powered_off {
        Some(powered_off) => {
            let start = Rc::clone(&start);
            let script = &script;
            Box::new(Resumed { point, script, profile, world, powered_off, state, step, start })
        }
        None => {
            world.finish()?;
            Box::new(Loader { point, make, profile, start: &start, world: None, used: 0 })
        }
    };
    let lacks = |shown: &Shown| Lack::all_of(shown, &survey, profile);
    let judged = judge_each(&survey, &lacks, &start, &mut *judge, go_on, oracle, loads);
    judge.finish()?;
    judged.map(Some)
}

fn judge_each(
    survey: &Survey,
    lacks: &dyn Fn(&Shown) -> BTreeSet<Lack>,
    start: &Start,
    judge: &mut dyn Judge,
    go_on: &GoOn<'_>,
    oracle: &mut dyn Oracle,
    loads: &mut Loads,
) -> Result<Surveyed, Broken> {
    let Some(images) = &survey.images else { return Ok(Surveyed::default()) };
    let mut surveyed = Surveyed { complete: images.complete, ..Surveyed::default() };
    surveyed.images = vec![0; FsModel::ALL.len()];
    // Where the class of an image is among those that were judged.
    let mut places: BTreeMap<Class, usize> = BTreeMap::new();
    for shown in &images.shown {
        go_on()?;
        surveyed.images[shown.cut.fs as usize] += 1;
        let (came, lacks) = (loads.came(shown, start, judge, oracle)?, lacks(shown));
        let class = if start.is_the_end { came.class_at_the_end(&lacks) } else { came.class() };
        match places.entry(class) {
            Entry::Occupied(place) => surveyed.judged[*place.get()].prefer(shown.cut, lacks),
            Entry::Vacant(place) => {
                let brief = judge.judge(shown, oracle)?;
                place.insert(surveyed.judged.len());
                surveyed.judged.push(Judged { cut: shown.cut, lacks, brief });
            }
        }
    }
    Ok(surveyed)
}

impl Loads {
    /// What comes of a start from this image.
    fn came(
        &mut self,
        shown: &Shown,
        start: &Start,
        judge: &mut dyn Judge,
        oracle: &mut dyn Oracle,
    ) -> Result<Came, Broken> {
        self.asked += 1;
        let question = start.question(&shown.image);
        if let Some(came) = self.known.get(&question) {
            return Ok(*came);
        }
        let came = judge.look(&shown.image, oracle)?;
        self.known.insert(question, came);
        Ok(came)
    }
}

/// A run that has come to the start after the cut.
struct Reached {
    /// With its answer.
    survey: Survey,
    start: Start,
    state: State,
    /// The index of the step that starts the server.
    step: usize,
    /// What was seen so far does not depend on what the cut has left.
    alone: bool,
}

/// The run up to the start after the cut.
fn up_to_the_start(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    oracle: &mut dyn Oracle,
    ask: Survey,
) -> Result<Option<Reached>, Broken> {
    world.kernel().survey = Some(ask);
    let mut runner = Runner::new(script, world, profile, Some(oracle), Keep::Facts);
    let applies = runner.applies().is_ok();
    let reached = match runner.run_to_the_start_after_the_cut() {
        Ok(reached) => reached,
        Err(EarlyEnd::Broken(broken)) => return Err(broken),
        Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) => None,
    };
    let start = runner.circumstances();
    let mut state = runner.into_state();
    // The next start begins a log of its own.
    state.record.log.begin();
    let survey = world.kernel().survey.take().filter(|survey| survey.images.is_some());
    Ok(survey.zip(reached).map(|(survey, (step, blind))| {
        let alone = applies && blind && !state.session.holds_tasks();
        Reached { survey, start, state, step, alone }
    }))
}

impl Runner<'_> {
    /// The index of that step, and whether nothing has looked at the disk since the cut. None: the
    /// power was never cut, or nothing starts after that.
    fn run_to_the_start_after_the_cut(&mut self) -> Result<Option<(usize, bool)>, EarlyEnd> {
        let mut blind = true;
        for (index, step) in self.script.steps.iter().enumerate() {
            let rulings = self.judgements.rulings.len();
            self.start_for(step)?;
            if let (Verb::Restart(restart), false) = (&step.verb, self.record.seen.cuts.is_empty())
            {
                self.prepare_restart(restart)?;
                return Ok(Some((index, blind)));
            }
            self.step(step)?;
            if !self.record.seen.cuts.is_empty() {
                // A judgement looks for what was left behind.
                blind &= !looks_at_the_disk(&step.verb) && self.judgements.rulings.len() == rulings;
            }
        }
        Ok(None)
    }

    fn circumstances(&self) -> Start {
        let directives = self.session.directives().to_vec();
        Start {
            hash: hash_of(&(&directives, self.session.server(), self.session.behind())),
            directives,
            server: self.session.server().cloned(),
            at: self.session.now(),
            behind: self.session.behind(),
            timed: self.is_timed(),
            loads_alone: false,
            is_the_end: false,
        }
    }
}
