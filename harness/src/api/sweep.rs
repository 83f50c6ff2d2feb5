//! A sweep: every fault at every call of a workload, each a run of its own.

use super::{Accepted, Case, Error, World};
use crate::case;
use crate::contract::Verdict;
use crate::report::sweep_text;
use crate::sweep::driver::Sweeper;
use crate::sweep::enumerate::Scope;
use crate::sweep::finding::{Finding, findings};
use crate::sweep::{File, Kind, Record, Shard, Sweep, Workload};

/// How much of a sweep to make. The default is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepOptions {
    kinds: Vec<Kind>,
    sample: Option<usize>,
    images: Option<u64>,
    pairs: bool,
}

impl SweepOptions {
    /// Everything, each fault alone.
    pub fn new() -> SweepOptions {
        SweepOptions::default()
    }

    /// Only faults of these kinds.
    #[must_use]
    pub fn only(self, kinds: &[Kind]) -> SweepOptions {
        SweepOptions { kinds: kinds.to_vec(), ..self }
    }

    /// Only about `runs` runs, spread over the kinds of calls and faults; the same ones each time.
    #[must_use]
    pub fn sample(self, runs: usize) -> SweepOptions {
        SweepOptions { sample: Some(runs), ..self }
    }

    /// At most `images` states of the disk per power cut and kind of file system, besides those
    /// that are always tried. The default is 4096 in `sim` and 16 elsewhere.
    #[must_use]
    pub fn images(self, images: u64) -> SweepOptions {
        SweepOptions { images: Some(images), ..self }
    }

    /// Also each fault together with each one that becomes possible after it. Many more runs.
    #[must_use]
    pub fn pairs(self) -> SweepOptions {
        SweepOptions { pairs: true, ..self }
    }
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    sweep: Sweep,
}

impl Report {
    /// How many runs were made.
    pub fn runs(&self) -> usize {
        self.sweep.records.len()
    }

    /// At how many calls of the workload a fault was tried.
    pub fn sites(&self) -> usize {
        self.sweep.sites()
    }

    /// What somebody should hear of, one finding per cause, the worst first. The example of each
    /// has a token; [`Case::from_token`] runs it again.
    pub fn findings(&self) -> Vec<Finding> {
        findings(&self.sweep)
    }

    /// The findings in which the server broke a promise. One that shows only on a disk that
    /// guarantees no more than POSIX does is not among them: every known server fails there.
    pub fn broken_promises(&self) -> Vec<Finding> {
        let broken = |verdict: Verdict| verdict.is_broken_promise();
        let mut findings = self.findings();
        findings.retain(|finding| broken(finding.verdict) && !finding.example.is_posix());
        findings
    }

    /// The same without what a list accepts, record by record: what is left is new.
    pub fn broken_promises_besides(&self, accepted: &Accepted) -> Vec<Finding> {
        let mut sweep = self.sweep.clone();
        let is_new = |record: &Record| accepted.inner.run(&self.sweep.workload, record).is_none();
        sweep.records.retain(is_new);
        sweep.other_states.retain(is_new);
        Report { sweep }.broken_promises()
    }

    /// Each reason of the list that accepts something here, with the number of runs.
    pub fn accepted(&self, accepted: &Accepted) -> Vec<(String, usize)> {
        accepted.inner.reasons(&self.file())
    }

    fn file(&self) -> File {
        File::new(Shard::WHOLE.to_string(), false, vec![self.sweep.clone()])
    }

    /// The report as JSON, as `sabot sweep --json` writes it: `docs/json.md` describes it, and
    /// `sabot merge` and `sabot diff` read it.
    pub fn to_json(&self) -> String {
        let mut file = self.file();
        let nothing = crate::sweep::accepted::Accepted::default();
        file.sweeps.iter_mut().for_each(|sweep| sweep.classify(&nothing));
        file.write()
    }

    /// Counts, the matrix of calls and faults, and the findings, without tokens. It stays the same
    /// as long as the server behaves the same, so it makes a good snapshot.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}",
            sweep_text::matrix(&self.sweep),
            sweep_text::told(&self.sweep, false, true)
        )
    }
}

/// Tries every fault that fits at every call that the case makes.
///
/// The case's own faults and assertions are left out; what remains is the workload. It runs twice
/// without any fault first, because only what is deterministic can be swept. Each run ends with
/// kills and restarts that sabot adds.
///
/// ```
/// use sabot::{Case, FaultKind, SweepOptions, World, sweep};
///
/// let case = Case::parse("two", "config appendonly yes\nconfig appendfsync always\n\
///                                > SET a 1\n> SET b 2\n")?;
/// let only = SweepOptions::new().only(&[FaultKind::Short]);
/// let report = sweep(&case, &World::sim()?, &only)?;
/// assert!(report.runs() > 0);
/// assert_eq!(report.broken_promises(), []);
/// # Ok::<(), sabot::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotMeasured`] when the workload cannot be swept because its dry run fails or two of
/// them differ, or when a fault did not happen at a call that the dry run made.
pub fn sweep(case: &Case, world: &World, options: &SweepOptions) -> Result<Report, Error> {
    let scope = Scope {
        kinds: &options.kinds,
        sample: options.sample,
        images: options.images,
        ..Scope::WHOLE
    };
    let sweeper = Sweeper { pool: &world.pool, scope, pairs: options.pairs, progress: &|_| {} };
    let script = case::parse(case.name(), &format!("{}{}", world.opening, case.text()))?;
    let workload = Workload::of(case.name(), &script);
    let (sweep, swept) = sweeper.sweep(&workload, &world.inner);
    let not_measured = |why: String| Err(Error::NotMeasured(format!("{}: {why}", case.name())));
    if let Some(why) = sweep.refused {
        return not_measured(why);
    }
    if swept.is_err() || sweep.is_partial() {
        return not_measured("the sweep ended before it was through".to_string());
    }
    match sweep.missed() {
        0 => Ok(Report { sweep }),
        missed => not_measured(format!("{missed} runs met no fault where the dry run had a call")),
    }
}
