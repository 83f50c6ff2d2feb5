//! Exploration: stories, faults and orders of tasks drawn at random from a seed.
//!
//! ```text
//! seed, n ──▶ story ──dry run──▶ sites ──▶ what fits them ──wants──▶ script ──▶ verdict
//! ```
//!
//! Run `n` of a seed is drawn from both numbers alone, so that it is the same whoever else runs,
//! and can be drawn again to be made smaller: by proptest first (a smaller story with the same
//! wishes), then line by line. What counts as the same failure is decided by [`Signature`].
//! Must not know: output, and how a script is run.

pub mod part;
pub mod story;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::{Deserialize, Serialize};

use super::enumerate::{RunPlan, Scope};
use super::fault::{CallFault, Kind, Then};
use super::planned::PlannedRun;
use super::shrink;
use super::signature::{Judgement, Signature, is_finding};
use super::workload::{Added, Ending, Workload};
use crate::case;
use crate::case::Script;
use crate::case::script::Verb;
use crate::contract::Verdict;
use crate::kernel::disk::power_cut::{FsModel, Mode};
use crate::kernel::plan::Selector;
use crate::kernel::{Cut, Site};
use crate::runner::{Collect, ReachedCall, RunSummary};
use story::{Story, Want, stories};

/// Runs scripts and says what each came to. None: somebody wants to stop.
pub type Runs<'a> = dyn FnMut(&[String], Collect) -> Option<Vec<RunSummary>> + 'a;

/// What stories run under.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Lines before each story.
    pub opening: String,
    /// Whether these lines decide the policy, rather than the story.
    pub decides_policy: bool,
}

/// How many smaller stories are tried for one failure.
const TRIES: usize = 200;

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explored {
    /// How it failed, or did not. None: nothing was injected.
    pub signature: Option<Signature>,
    pub sentence: String,
    pub script: String,
}

/// Draws run `n` of a seed.
pub fn draw(seed: u64, n: u64) -> impl ValueTree<Value = Story> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&n.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    stories().new_tree(&mut runner).expect("a story is never rejected")
}

/// Makes these stories' runs; None: stopped.
pub fn explore(setting: &Setting, stories: &[Story], runs: &mut Runs<'_>) -> Option<Vec<Explored>> {
    let workloads: Vec<Workload> = stories.iter().map(|story| workload(setting, story)).collect();
    let dry: Vec<String> = workloads.iter().map(Workload::dry).collect();
    let summaries = runs(&dry, Collect::Sites)?;
    let mut scripts = Vec::new();
    for (n, summary) in summaries.iter().enumerate() {
        let fine = Signature::of(summary).is_some_and(|signature| !is_finding(signature.verdict));
        // Without any fault a promise is broken already: that is what this run shows.
        scripts.push(match fine {
            true => script(&workloads[n], &summary.reached, &stories[n].wants),
            false => dry[n].clone(),
        });
    }
    let summaries = runs(&scripts, Collect::Verdicts)?;
    let explored = summaries.iter().zip(scripts).map(|(summary, script)| {
        let (signature, sentence) = (Signature::of(summary), Judgement::of(summary).sentence);
        Explored { signature, sentence, script }
    });
    Some(explored.collect())
}

fn workload(setting: &Setting, story: &Story) -> Workload {
    let text = format!("{}{}", setting.opening, story.script(!setting.decides_policy));
    let script = case::parse("story", &text).expect("stories are written as cases");
    Workload::of("story", &script)
}

/// The workload with what is wanted put where the dry run has been.
fn script(workload: &Workload, reached: &[ReachedCall], wants: &[Want]) -> String {
    let mut plan = RunPlan::of(workload, reached, Scope::WHOLE);
    // A loop without end is over before any `expect`, so no case could be written of it.
    let ends = |run: &PlannedRun| {
        !matches!(run.fault.first.of_the_call(), Some(CallFault::Short(_, Then::Again)))
    };
    plan.runs.retain(|run| !run.past_last_call && ends(run));
    let mut added = Vec::new();
    let mut ending = Ending::Killed;
    for (n, want) in wants.iter().enumerate() {
        let Some(run) = choose(&plan.runs, *want) else { continue };
        if n == 0 || run.ending == Ending::Load {
            ending = run.ending;
        }
        for step in &run.added {
            let verb = step.verb.clone().leaving(cut(want.cut));
            // What the first fault leads to need not pass by the others' calls.
            let verb = if n > 0 { verb.optional() } else { verb };
            added.push(Added { verb, ..*step });
        }
    }
    workload.script(&added, ending)
}

/// Kinds are equally likely, however many runs each has.
fn choose(runs: &[PlannedRun], want: Want) -> Option<&PlannedRun> {
    let of = |kind: Kind| runs.iter().filter(move |run| run.kind() == kind);
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| of(*kind).next().is_some()).collect();
    let kind = *kinds.get(usize::from(want.kind) % kinds.len().max(1))?;
    of(kind).nth(usize::from(want.which) % of(kind).count())
}

/// What a power cut leaves: states that every disk has.
fn cut(want: u16) -> Cut {
    const CUTS: [(Mode, FsModel); 9] = [
        (Mode::None, FsModel::Ext4),
        (Mode::All, FsModel::Ext4),
        (Mode::None, FsModel::Xfs),
        (Mode::Log, FsModel::Ext4),
        (Mode::InPlace, FsModel::Ext4),
        (Mode::Data, FsModel::Ext4),
        (Mode::Prefix(1), FsModel::Ext4),
        (Mode::Seed(0), FsModel::Ext4),
        (Mode::Seed(1), FsModel::Xfs),
    ];
    let (mode, fs) = CUTS[usize::from(want) % CUTS.len()];
    Cut { mode, fs }
}

impl Explored {
    /// The verdict, if its fault was injected at all.
    pub fn verdict(&self) -> Option<Verdict> {
        self.signature.as_ref().map(|signature| signature.verdict)
    }

    /// How it failed, where somebody should hear of it. A loss that was announced is what a fault
    /// comes to.
    pub fn finding(&self) -> Option<&Signature> {
        self.signature.as_ref().filter(|signature| {
            signature.verdict.is_broken_promise() || signature.verdict == Verdict::HarnessBroken
        })
    }
}

/// The calls that a script's faults and orders are for, each once.
pub fn sites(script: &Script) -> Vec<&Site> {
    let mut sites = Vec::new();
    for step in &script.steps {
        let site = match &step.verb {
            Verb::Inject { rule, .. } => match &rule.selector {
                Selector::Site(site) => site,
                Selector::Calls { .. } => continue,
            },
            Verb::Preempt { decision, .. } => &decision.site,
            _ => continue,
        };
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites
}

/// The smallest script that fails as run `n` did, which came to `first`; None: stopped.
pub fn smallest(
    setting: &Setting,
    (seed, n): (u64, u64),
    first: &Explored,
    runs: &mut Runs<'_>,
) -> Option<Explored> {
    let mut tree = draw(seed, n);
    let mut best = explore(setting, &[tree.current()], runs)?.pop()?;
    if best.signature != first.signature {
        // What cannot be shown again cannot be made smaller: a time limit on a busy machine, say.
        return Some(first.clone());
    }
    let mut moved = tree.simplify();
    for _ in 0..TRIES {
        if !moved {
            break;
        }
        let tried = explore(setting, &[tree.current()], runs)?.pop()?;
        moved = if tried.signature == first.signature {
            best = tried;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    let mut stopped = false;
    let lines = shrink::shrink(&best.script, |texts| {
        let right: Vec<usize> =
            (0..texts.len()).filter(|n| case::parse("", &texts[*n]).is_ok()).collect();
        let scripts: Vec<String> = right.iter().map(|n| texts[*n].clone()).collect();
        match runs(&scripts, Collect::Verdicts) {
            Some(summaries) => {
                let same = |summary| Signature::of(summary) == best.signature;
                summaries.iter().position(same).map(|found| right[found])
            }
            None => {
                stopped = true;
                None
            }
        }
    });
    best.script = shrink::text(&lines);
    (!stopped).then_some(best)
}
