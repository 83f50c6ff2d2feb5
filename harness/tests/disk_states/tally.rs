//! What the scripts came to: states allowed, tried and seen, by kind of script and kind of state.
//!
//! A kind of state that is often tried and never seen is one that the model may be too generous
//! with. Must not know: how states are found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use nix::errno::Errno;
use sabot::kernel::Image;
use sabot::kernel::disk::power_cut::{Images, Mode};

use crate::model::shown;
use crate::script::{Flag, Step, text};

/// What supervised sweeps try of each model, besides what has a name.
pub const FEW: u64 = 16;
/// And what others try.
pub const MANY: u64 = 4096;
/// So many scripts are shown that left what is never tried.
const EXAMPLES: usize = 5;

/// What one script came to.
pub struct Came<'a> {
    pub steps: &'a [Step],
    pub results: &'a [Result<(), Errno>],
    pub choices: u128,
    pub few: Images,
    pub all: Images,
    /// What was found, once for each time that the script was run.
    pub found: Vec<Image>,
}

/// Numbers of many scripts of one kind.
#[derive(Default)]
struct Numbers {
    allowed: Vec<u64>,
    tried: Vec<u64>,
    all: Vec<u64>,
    /// Of scripts that ran several times.
    seen: Vec<u64>,
    among_few: u64,
    among_all: u64,
}

/// Of a kind of state, in how many scripts it was a state of its own, and in how many it was found.
#[derive(Default)]
struct Kinds {
    tried: u64,
    seen: u64,
}

/// What all scripts came to.
#[derive(Default)]
pub struct Tally {
    scripts: u64,
    errors: u64,
    numbers: BTreeMap<&'static str, Numbers>,
    kinds: BTreeMap<String, Kinds>,
    reached: BTreeMap<String, u64>,
    /// Scripts that left what is allowed and never tried, the first few.
    untried: Vec<String>,
}

impl Tally {
    pub fn count(&mut self, came: &Came<'_>) {
        self.scripts += 1;
        let of_device =
            |result: &&Result<(), Errno>| matches!(result, Err(Errno::EIO | Errno::ENOSPC));
        let errors = came.results.iter().filter(of_device).count() as u64;
        self.errors += errors;
        for (step, result) in came.steps.iter().zip(came.results) {
            let word = step.to_string().split(' ').next().unwrap_or("").to_string();
            *self.reached.entry(word).or_default() += u64::from(result.is_ok());
        }
        let failed = (errors > 0).then_some("a sync fails");
        for kind in kinds_of(came.steps).into_iter().chain(failed) {
            self.numbers.entry(kind).or_default().count(came);
        }
        let tried = |found: &Image| came.all.shown.iter().any(|shown| shown.image == *found);
        if let Some(found) = came.found.iter().find(|found| !tried(found))
            && self.untried.len() < EXAMPLES
        {
            self.untried.push(format!("{}\n    left {}", text(came.steps), shown(found)));
        }
        for shown in &came.all.shown {
            let cut = shown.cut;
            let kind = self.kinds.entry(format!("{}@{}", mode_name(cut.mode), cut.fs)).or_default();
            kind.tried += 1;
            kind.seen += u64::from(came.found.contains(&shown.image));
        }
    }
}

impl Numbers {
    fn count(&mut self, came: &Came<'_>) {
        self.allowed.push(u64::try_from(came.choices).unwrap_or(u64::MAX));
        self.tried.push(came.few.shown.len() as u64);
        self.all.push(came.all.shown.len() as u64);
        if came.found.len() > 1 {
            let hashes: BTreeSet<u64> = came.found.iter().map(Image::hash).collect();
            self.seen.push(hashes.len() as u64);
        }
        let has = |images: &Images| {
            u64::from(
                came.found
                    .iter()
                    .all(|found| images.shown.iter().any(|shown| shown.image == *found)),
            )
        };
        self.among_few += has(&came.few);
        self.among_all += has(&came.all);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} scripts, {} errors of the device", self.scripts, self.errors)?;
        writeln!(
            f,
            "states per script, medians (at most): choices, tried of {FEW}, tried of {MANY}, seen \
             of those run again; scripts that left nothing but these"
        )?;
        for (kind, numbers) in &self.numbers {
            let Numbers { allowed, tried, all, seen, .. } = numbers;
            let columns = [allowed, tried, all, seen].map(|numbers| middle_and_most(numbers));
            writeln!(
                f,
                "  {kind}: {} scripts; {}; {} of {FEW}, {} of {MANY}",
                allowed.len(),
                columns.join(", "),
                numbers.among_few,
                numbers.among_all
            )?;
        }
        let mut words = String::new();
        for (kind, Kinds { tried, seen }) in &self.kinds {
            write!(words, " {kind} {tried}/{seen}")?;
        }
        writeln!(f, "kinds of states, tried/seen:{words}")?;
        for example in &self.untried {
            writeln!(f, "  allowed, not tried: {example}")?;
        }
        write!(f, "{:?}", self.reached)
    }
}

/// What is special about a script; each is of the kind `any`.
fn kinds_of(steps: &[Step]) -> Vec<&'static str> {
    let any = |of: fn(&Step) -> bool| steps.iter().any(of);
    let kinds = [
        ("any", true),
        ("a name goes", any(|step| matches!(step, Step::Rename { .. } | Step::Unlink(_)))),
        ("truncated", any(truncates)),
        ("written at an offset", any(|step| matches!(step, Step::Write { .. }))),
        ("writing back begins", any(|step| matches!(step, Step::SyncFileRange { .. }))),
        ("O_SYNC or O_DSYNC", any(writes_through)),
    ];
    kinds.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect()
}

fn truncates(step: &Step) -> bool {
    match step {
        Step::Truncate { .. } => true,
        Step::Open { flags, .. } => flags.contains(&Flag::Trunc),
        _ => false,
    }
}

fn writes_through(step: &Step) -> bool {
    match step {
        Step::Open { flags, .. } => flags.contains(&Flag::Sync) || flags.contains(&Flag::Dsync),
        _ => false,
    }
}

fn mode_name(mode: Mode) -> String {
    let text = mode.to_string();
    text.split(':').next().unwrap_or_default().to_string()
}

fn middle_and_most(numbers: &[u64]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    match sorted.get(sorted.len() / 2).zip(sorted.last()) {
        Some((middle, most)) => format!("{middle} ({most})"),
        None => "–".to_string(),
    }
}
