//! Whether an upgrade is safe: what an operator asks about two servers and one configuration.
//!
//! Two servers make other calls, so run by run there is little to compare. Each cause that one
//! audit found is therefore tried on both servers, by its own script: it is *worse* if the old
//! server, put through the same, does better, *better* the other way round, *same* if it does not
//! matter which server runs. Where the script says nothing about the other server, because its
//! fault meets no call there, the cause cannot be compared, and is counted apart. Must not know:
//! how a comparison is told.

use std::collections::BTreeSet;

use super::diff::weight;
use super::event::Event;
use super::known::KnownBug;
use super::record::{Audit, Cause, Config};
use crate::contract::{Reason, Verdict};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::Collect;
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::{Class, Sample, Signature, Tally, Token};

/// What the first field of every such file says.
const FORMAT: &str = "sabot compare";
/// The keys of a file of this version do not change.
const VERSION: u32 = 1;

/// How the new server is, compared with the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    Worse,
    /// Only the new server makes the call at which its promise breaks.
    OnlyNew,
    Same,
    Better,
    /// Only the old server made the call at which its promise broke.
    OnlyOld,
}

/// A cause on both servers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    pub difference: Difference,
    pub events: BTreeSet<Event>,
    /// It shows only in workloads that set another policy than the configuration.
    pub other_policy: bool,
    /// None: its script says nothing about this server.
    pub old: Option<Verdict>,
    pub new: Option<Verdict>,
    /// What the worse of the two does.
    pub sentence: String,
    /// The same as data; None: nothing says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Known bugs that it looks like.
    pub known: Vec<KnownBug>,
    /// Replays it; for the other server with `--world`.
    pub token: String,
}

/// What one kind of event does to both.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    pub event: Event,
    /// The worst difference that there is.
    pub difference: Difference,
    /// Places among the causes, the worst difference first.
    pub causes: Vec<usize>,
}

/// Hears how far the comparison has come, and with what.
pub type Hear<'a> = dyn Fn(RunCount, &str) + 'a;

/// How many parts it has besides the two audits.
pub const PARTS: usize = 2;

/// Two servers compared.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Upgrade {
    pub format: &'static str,
    pub version: u32,
    pub old: Side,
    pub new: Side,
    pub config: Option<Config>,
    /// About so many runs of each workload; None: all.
    pub sample: Option<Sample>,
    pub causes: Vec<Compared>,
    pub rows: Vec<Row>,
}

/// One of the servers, and how much was found out about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Side {
    pub server: String,
    pub world: String,
    pub counts: Tally,
    pub partial: bool,
    /// Workloads that could not be swept.
    pub refused: usize,
    /// What nothing was found out about, with the reason.
    pub unmeasured: Vec<String>,
}

/// Both servers with what was found about them.
pub struct Sides<'a> {
    pub old: (&'a World, &'a Audit),
    pub new: (&'a World, &'a Audit),
}

impl Upgrade {
    /// Tries each cause on the server that it was not found on.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn of(pool: &Pool, sides: &Sides<'_>, progress: &Hear<'_>) -> Result<Upgrade, Interrupted> {
        let (old, new) = (sides.old.1, sides.new.1);
        let mut causes = Vec::new();
        let on_old = verdicts(pool, sides.old.0, &new.causes, progress)?;
        for (cause, old) in broken(new).zip(on_old) {
            let difference = match old {
                None => Difference::OnlyNew,
                Some(old) if weight(old) < weight(cause.verdict) => Difference::Worse,
                Some(_) => Difference::Same,
            };
            causes.push(compared(difference, cause, old, Some(cause.verdict)));
        }
        let on_new = verdicts(pool, sides.new.0, &old.causes, progress)?;
        for (cause, new) in broken(old).zip(on_new) {
            let difference = match new {
                None => Difference::OnlyOld,
                Some(new) if weight(new) < weight(cause.verdict) => Difference::Better,
                // The new server's audit tells of it already.
                Some(_) => continue,
            };
            causes.push(compared(difference, cause, Some(cause.verdict), new));
        }
        let rows = rows(&causes, &[old, new]);
        let side = |audit: &Audit| Side {
            server: audit.server.clone(),
            world: audit.world.clone(),
            counts: audit.counts.clone(),
            partial: audit.partial,
            refused: audit.sweeps.iter().filter(|sweep| sweep.refused.is_some()).count(),
            unmeasured: audit.unmeasured(),
        };
        let (config, sample) = (new.config.clone(), new.sample);
        let (format, version) = (FORMAT, VERSION);
        let (old, new) = (side(old), side(new));
        Ok(Upgrade { format, version, old, new, config, sample, causes, rows })
    }

    pub fn count(&self, difference: Difference) -> usize {
        self.causes.iter().filter(|cause| cause.difference == difference).count()
    }

    /// Whether everything there is was found out about both servers.
    pub fn is_whole(&self) -> bool {
        let whole = |side: &Side| !side.partial && side.counts.count(Class::NotMeasured) == 0;
        whole(&self.old) && whole(&self.new)
    }
}

/// The causes that an operator has to hear of.
fn broken(audit: &Audit) -> impl Iterator<Item = &Cause> {
    audit.causes.iter().filter(|cause| is_of_weight(cause))
}

fn is_of_weight(cause: &Cause) -> bool {
    weight(cause.verdict) > 0 && !cause.posix
}

/// What the script of each cause of weight comes to on a server; None: it says nothing about it.
fn verdicts(
    pool: &Pool,
    world: &World,
    causes: &[Cause],
    progress: &Hear<'_>,
) -> Result<Vec<Option<Verdict>>, Interrupted> {
    let script = |cause: &Cause| Token::decode(&cause.token).map(|token| token.script);
    let causes = causes.iter().filter(|cause| is_of_weight(cause));
    let scripts: Vec<Option<String>> = causes.map(|cause| script(cause).ok()).collect();
    let what = format!("{}: what the other server does", world.label);
    let told = |step| progress(step, &what);
    let sweeper = Sweeper { pool, scope: Scope::WHOLE, pairs: false, progress: &told };
    let given: Vec<String> = scripts.iter().flatten().cloned().collect();
    told(RunCount::PartBegins);
    told(RunCount::Planned(given.len()));
    let summaries = sweeper.summaries(world, given, Collect::Verdicts)?;
    let mut verdicts = summaries.iter().map(|summary| {
        let verdict = Signature::of(summary).map(|signature| signature.verdict);
        verdict.filter(|verdict| !verdict.is_no_measurement() && *verdict != Verdict::NotApplicable)
    });
    Ok(scripts.iter().map(|script| script.as_ref().and_then(|_| verdicts.next()?)).collect())
}

fn compared(
    difference: Difference,
    cause: &Cause,
    old: Option<Verdict>,
    new: Option<Verdict>,
) -> Compared {
    let events = cause.events();
    let (sentence, reason) = (cause.sentence.clone(), cause.reason.clone());
    let (other_policy, known) = (cause.other_policy, cause.known.clone());
    let token = cause.token.clone();
    Compared { difference, events, other_policy, old, new, sentence, reason, known, token }
}

/// A row for each event that was tried on either server.
fn rows(causes: &[Compared], audits: &[&Audit]) -> Vec<Row> {
    let tried: BTreeSet<Event> = audits.iter().flat_map(|audit| audit.tried()).collect();
    let row = |event: Event| {
        let mut its: Vec<usize> =
            (0..causes.len()).filter(|n| causes[*n].events.contains(&event)).collect();
        its.sort_by_key(|n| (causes[*n].difference, causes[*n].other_policy));
        let worst = its.first().map(|n| causes[*n].difference);
        Row { event, difference: worst.unwrap_or(Difference::Same), causes: its }
    };
    tried.into_iter().map(row).collect()
}
