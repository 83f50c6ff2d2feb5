//! Exploration: stories, faults and orders of tasks drawn at random from a seed.
//!
//! ```text
//! seed, n ──▶ story ──dry run──▶ sites ──▶ what fits them ──wants──▶ script ──▶ verdict
//! ```
//!
//! Run `n` of a seed is drawn from both numbers alone, so that it is the same whoever else runs,
//! and can be drawn again to be made smaller: by proptest first (a smaller story with the same
//! wishes), then line by line. What counts as the same failure is decided by [`Wanted`], strictly.
//! Must not know: output, and how a script is run.

pub mod story;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::enumerate::{Plan, Run, Scope};
use super::fault::Kind;
use super::result::{Came, Judged, is_finding, judged};
use super::shrink::{self, Wanted};
use super::workload::{Ending, Workload};
use crate::case;
use crate::contract::reason::without_numbers;
use crate::runner::{Collect, ReachedCall, RunSummary};
use story::{Story, Want, stories};

/// Runs scripts and says what each came to. None: somebody wants to stop.
pub type Runs<'a> = dyn FnMut(&[String], Collect) -> Option<Vec<RunSummary>> + 'a;

/// How many smaller stories are tried for one failure.
const TRIES: usize = 200;

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    pub came: Came,
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
pub fn explore(stories: &[Story], runs: &mut Runs<'_>) -> Option<Vec<Explored>> {
    let workloads: Vec<Workload> = stories.iter().map(workload).collect();
    let dry: Vec<String> = workloads.iter().map(Workload::dry).collect();
    let briefs = runs(&dry, Collect::Sites)?;
    let mut scripts = Vec::new();
    for (n, brief) in briefs.iter().enumerate() {
        let came = judged(brief).came;
        let fine = matches!(came, Came::Judged(verdict) if !is_finding(verdict));
        // Without any fault a promise is broken already: that is what this run shows.
        scripts.push(match fine {
            true => script(&workloads[n], &brief.reached, &stories[n].wants),
            false => dry[n].clone(),
        });
    }
    let briefs = runs(&scripts, Collect::Verdicts)?;
    let explored = briefs.iter().zip(scripts).map(|(brief, script)| {
        let Judged { came, sentence, .. } = judged(brief);
        Explored { came, sentence, script }
    });
    Some(explored.collect())
}

fn workload(story: &Story) -> Workload {
    let script = case::parse("story", &story.script()).expect("stories are written as cases");
    Workload::of("story", &script)
}

/// The workload with what is wanted put where the dry run has been.
fn script(workload: &Workload, reached: &[ReachedCall], wants: &[Want]) -> String {
    let mut plan = Plan::of(workload, reached, Scope::WHOLE);
    plan.runs.retain(|run| !run.beyond);
    let mut added = Vec::new();
    let mut ending = Ending::Cut;
    for (n, want) in wants.iter().enumerate() {
        let Some(run) = choose(&plan.runs, *want) else { continue };
        if n == 0 || run.ending == Ending::Load {
            ending = run.ending;
        }
        for (place, line) in &run.added {
            let line = line.replace("=before:none", &format!("=before:{}", cut(want.cut)));
            let line = line.replace("=after:none", &format!("=after:{}", cut(want.cut)));
            // What the first fault leads to need not pass by the others' calls.
            let maybe = n > 0 && !line.ends_with(" maybe") && !line.starts_with("sync-errors");
            added.push((*place, if maybe { format!("{line} maybe") } else { line }));
        }
    }
    workload.script(&added, ending)
}

/// Kinds are equally likely, however many runs each has.
fn choose(runs: &[Run], want: Want) -> Option<&Run> {
    let of = |kind: Kind| runs.iter().filter(move |run| run.kind == kind);
    let kinds: Vec<Kind> =
        Kind::ALL.into_iter().filter(|kind| of(*kind).next().is_some()).collect();
    let kind = *kinds.get(usize::from(want.kind) % kinds.len().max(1))?;
    of(kind).nth(usize::from(want.which) % of(kind).count())
}

/// What a cut of the power leaves: states that every disk has.
fn cut(want: u16) -> &'static str {
    const CUTS: [&str; 6] =
        ["none@ext4", "all@ext4", "none@xfs", "prefix:1@ext4", "seed:0@ext4", "seed:1@xfs"];
    CUTS[usize::from(want) % CUTS.len()]
}

impl Explored {
    /// Whether somebody should hear of it. A loss that was announced is what a fault comes to.
    pub fn is_finding(&self) -> bool {
        match self.came {
            Came::Judged(verdict) => {
                verdict.is_broken_promise() || verdict == crate::contract::Verdict::HarnessBroken
            }
            Came::NothingInjected => false,
        }
    }

    /// Two runs with the same cause are one finding.
    pub fn cause(&self) -> Cause {
        (self.came, cause(&self.sentence))
    }
}

/// Why a promise was not kept, in words that are the same for every run of that cause.
pub type Cause = (Came, String);

/// A sentence without its numbers, and without what else was seen.
pub fn cause(sentence: &str) -> String {
    let words = without_numbers(sentence);
    let words = words.split("; left behind").next().unwrap_or_default();
    words.replace("writes are", "write is")
}

/// The calls that a script's faults and orders are for.
pub fn sites(script: &str) -> Vec<String> {
    let mut sites = Vec::new();
    for line in script.lines() {
        let site = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["inject", "at", site, ..] | ["preempt", site, ..] => site.to_string(),
            _ => continue,
        };
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites
}

/// The smallest script that fails as run `n` did, which came to `first`; None: stopped.
pub fn smallest(seed: u64, n: u64, first: &Explored, runs: &mut Runs<'_>) -> Option<Explored> {
    let mut tree = draw(seed, n);
    let mut best = explore(&[tree.current()], runs)?.pop()?;
    let cause = first.cause();
    if best.cause() != cause {
        // What cannot be shown again cannot be made smaller: a time limit on a busy machine, say.
        return Some(first.clone());
    }
    let mut moved = tree.simplify();
    for _ in 0..TRIES {
        if !moved {
            break;
        }
        let tried = explore(&[tree.current()], runs)?.pop()?;
        moved = if tried.cause() == cause {
            best = tried;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    let wanted = Wanted::of(runs(&[best.script.clone()], Collect::Verdicts)?.first()?);
    let mut stopped = false;
    let lines = shrink::shrink(&best.script, |texts| {
        let right: Vec<usize> =
            (0..texts.len()).filter(|n| case::parse("", &texts[*n]).is_ok()).collect();
        let scripts: Vec<String> = right.iter().map(|n| texts[*n].clone()).collect();
        match runs(&scripts, Collect::Verdicts) {
            Some(briefs) => {
                briefs.iter().position(|brief| wanted.is_met(brief)).map(|found| right[found])
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
