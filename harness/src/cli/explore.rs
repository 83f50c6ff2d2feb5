//! `sabot explore`: random stories with random faults and orders of tasks, from a seed.
//!
//! What is printed depends on seed, number of runs and server alone; how fast it went is said on
//! standard error. Each new cause of a broken promise is made small and becomes a case in
//! cases/regressions; what the cases there come to in this world is known, and only counted. Must
//! not know: what is drawn, and what a promise is.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use proptest::strategy::ValueTree;

use super::args::ExploreArgs;
use super::error::CommandError;
use super::explore_parts::{self, Here};
use super::progress::Progress;
use super::session::Session;
use super::{output, screen};
use crate::case;
use crate::contract::Verdict;
use crate::engine::pool::Pool;
use crate::engine::worlds::{self, World};
use crate::error::cannot;
use crate::exit::{Exit, Status, overall};
use crate::runner::{Collect, RunSummary};
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::explore::part::{Found, FoundCause, Subject};
use crate::sweep::explore::{self, Explored, Setting, draw};
use crate::sweep::{Shard, Signature, Token};

/// Runs that are drawn, and dry-run, together.
const ROUND: usize = 256;

/// The mode.
pub fn main(args: &ExploreArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    output::possible(args.json.as_deref())?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("cases/regressions"));
    let world = &worlds::named(&args.world)?;
    let under = args.under.read()?;
    let setting = Setting { opening: under.opening(), decides_policy: under.only_its_policy };
    let subject = subject(args, world, &setting);
    let parts = (!args.division.parts.is_empty())
        .then(|| explore_parts::read(&args.division.parts, &subject));
    let parts = parts.transpose()?;
    let here = args.division.shard.zip(args.json.as_deref());
    let here = here.map(|(shard, path)| Here { subject, shard, path });
    here.as_ref().map_or(Ok(()), Here::begin)?;
    let known = if here.is_some() { Vec::new() } else { cases(&folder)? };
    let progress = Progress::of_many(usize::try_from(args.runs).unwrap_or(usize::MAX));
    let began = std::time::Instant::now();
    let told = session.with_pool(|pool| {
        under.is_taken_by(pool, std::slice::from_ref(world))?;
        let exploration = Exploration { args, setting, world, pool, progress: &progress };
        if let Some(here) = &here {
            return exploration.part(here);
        }
        std::fs::create_dir_all(&folder)
            .map_err(|why| CommandError::usage(cannot("make", &folder, &why)))?;
        exploration.go(&known, &folder, parts)
    })?;
    progress.finish();
    let (done, exit) = told?;
    let seconds = began.elapsed().as_secs_f64();
    screen::error(&format!("{seconds:.1} s, {:.0} runs/s", done as f64 / seconds));
    Ok(exit)
}

fn subject(args: &ExploreArgs, world: &World, setting: &Setting) -> Subject {
    Subject {
        sabot: env!("CARGO_PKG_VERSION").to_string(),
        server: world.server_name(),
        seed: args.seed,
        runs: args.runs,
        opening: setting.opening.clone(),
    }
}

/// What does not change while it explores.
struct Exploration<'a> {
    args: &'a ExploreArgs,
    setting: Setting,
    world: &'a World,
    pool: &'a Pool,
    progress: &'a Progress,
}

impl Exploration<'_> {
    /// The runs of one machine of several. Returns how many were made.
    fn part(&self, here: &Here<'_>) -> Result<(u64, Exit), CommandError> {
        let mut found = Found::default();
        let complete = self.draw_all(&mut found, here.shard).is_some();
        Ok((found.done, here.end(!complete, found)?))
    }

    /// Everything; what was found is there already where it was made in parts.
    fn go(
        &self,
        known: &[String],
        folder: &Path,
        parts: Option<(Found, Vec<String>)>,
    ) -> Result<(u64, Exit), CommandError> {
        let known = self.runs(known, Collect::Verdicts, false);
        let mut complete = known.is_some();
        let (mut found, missing) = parts.unwrap_or_else(|| {
            let mut found = Found::default();
            complete = complete && self.draw_all(&mut found, Shard::WHOLE).is_some();
            (found, Vec::new())
        });
        let known: Vec<Signature> =
            known.unwrap_or_default().iter().filter_map(Signature::of).collect();
        screen::line(&self.counts(&found, complete));
        let mut exits: Vec<Status> = missing.iter().map(|_| Status::NotMeasured).collect();
        // The worst first, and of one verdict the first that was met.
        found.causes.sort_by_key(|cause| cause.signature.verdict);
        for cause in &found.causes {
            if known.contains(&cause.signature) {
                let (verdict, count) = (cause.signature.verdict, cause.runs.len());
                let sentence = &cause.first.sentence;
                screen::line(&format!("known  {verdict}  {count} runs: {sentence}"));
                continue;
            }
            exits.push(self.write_case(cause, folder, &mut complete)?);
        }
        missing.iter().for_each(|what| screen::error(what));
        let exit = if complete { overall(exits) } else { Exit::Interrupted };
        Ok((found.done, exit))
    }

    /// Makes a cause small and writes its case.
    fn write_case(
        &self,
        cause: &FoundCause,
        folder: &Path,
        complete: &mut bool,
    ) -> Result<Status, CommandError> {
        let FoundCause { signature, runs, first } = cause;
        let small = complete.then(|| self.smallest(runs[0], first)).flatten();
        *complete &= small.is_some();
        let small = small.unwrap_or_else(|| first.clone());
        let path = folder.join(file_name(signature));
        output::write(&path, &self.case_text(&small, runs[0]))?;
        let (verdict, count) = (signature.verdict, runs.len());
        screen::line(&format!(
            "{verdict}  {count} runs, the first is {}\n    {}\n    {} ({} lines)\n    {}",
            runs[0],
            small.sentence,
            path.display(),
            small.script.lines().count(),
            self.token(&small, runs[0]).encode(),
        ));
        Ok(match verdict {
            Verdict::HarnessBroken => Status::NotMeasured,
            _ => Status::BrokenPromise,
        })
    }

    /// None: interrupted.
    fn draw_all(&self, found: &mut Found, shard: Shard) -> Option<()> {
        let all: Vec<u64> = (0..self.args.runs).filter(|n| shard.has_run(*n)).collect();
        for numbers in all.chunks(ROUND) {
            let stories: Vec<_> =
                numbers.iter().map(|n| draw(self.args.seed, *n).current()).collect();
            let explored = explore::explore(&self.setting, &stories, &mut |scripts, collect| {
                self.runs(scripts, collect, collect == Collect::Verdicts)
            })?;
            numbers.iter().zip(explored).for_each(|(n, explored)| found.take(*n, explored));
        }
        Some(())
    }

    fn smallest(&self, n: u64, first: &Explored) -> Option<Explored> {
        let mut runs = |scripts: &[String], collect| self.runs(scripts, collect, false);
        explore::smallest(&self.setting, (self.args.seed, n), first, &mut runs)
    }

    fn runs(&self, scripts: &[String], collect: Collect, counts: bool) -> Option<Vec<RunSummary>> {
        if scripts.is_empty() {
            return Some(Vec::new());
        }
        let what = format!("in {}", self.world.label);
        let shown = Cell::new(0);
        let hear = |step| {
            if let (RunCount::Done(runs), true) = (step, counts) {
                shown.set(shown.get() + runs);
                self.progress.hear(step, &what);
            }
        };
        let (pool, scope) = (self.pool, Scope::WHOLE);
        let sweeper = Sweeper { pool, scope, pairs: false, progress: &hear };
        sweeper.summaries(self.world, scripts.to_vec(), collect).ok()
    }

    fn counts(&self, found: &Found, complete: bool) -> String {
        let ExploreArgs { seed, .. } = self.args;
        let mut parts: Vec<String> =
            found.counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        parts.push(format!("{} said nothing, because their fault met no call", found.nothing));
        let partial = if complete { "" } else { "; interrupted, so this is partial" };
        let label = &self.world.label;
        format!("seed {seed}, {} runs in {label}: {}{partial}", found.done, parts.join(", "))
    }

    fn token(&self, explored: &Explored, n: u64) -> Token {
        Token {
            case: format!("explore/{}", self.args.seed),
            world: self.world.label.clone(),
            site: format!("run {n}"),
            fault: "drawn".to_string(),
            verdict: explored.verdict().unwrap_or(Verdict::NotMeasured),
            script: explored.script.clone(),
        }
    }

    fn case_text(&self, small: &Explored, n: u64) -> String {
        let (seed, label) = (self.args.seed, &self.world.label);
        let verdict = small.verdict();
        let name = verdict.map_or("nothing", Verdict::as_str);
        let head = format!(
            "# {name}: {}\n# Found by `sabot explore --seed {seed}` in world {label}, run {n}.\n{}",
            small.sentence,
            sites(&small.script)
        );
        // What nobody could measure is nothing to expect.
        let expected = verdict.filter(|verdict| verdict.is_broken_promise());
        let script = expected.and_then(|verdict| self.expecting(&small.script, verdict));
        head + script.as_ref().unwrap_or(&small.script)
    }

    /// The script with what it comes to as an expectation that it meets. None: it meets none, or it
    /// was interrupted.
    fn expecting(&self, script: &str, verdict: Verdict) -> Option<String> {
        let candidates = expecting(script, verdict);
        let summaries = self.runs(&candidates, Collect::Verdicts, false)?;
        let both = candidates.into_iter().zip(summaries);
        both.into_iter().find(|(_, summary)| summary.failures.is_empty()).map(|(text, _)| text)
    }
}

/// A comment that names the calls that a script's faults are for.
fn sites(script: &str) -> String {
    let script = case::parse("found", script).expect("it has just been run");
    let sites: Vec<String> = explore::sites(&script).iter().map(ToString::to_string).collect();
    match sites.is_empty() {
        true => String::new(),
        false => format!("# At {}.\n", sites.join(", ")),
    }
}

/// The script with an expectation at its end. One that judges nothing is checked there, and where
/// no server is left, one is started.
fn expecting(script: &str, verdict: Verdict) -> Vec<String> {
    let texts = ["", "check\n", "restart\n"]
        .map(|judged| format!("{script}{judged}expect verdict {verdict}\n"));
    texts.into_iter().filter(|text| case::parse("found", text).is_ok()).collect()
}

/// The same cause has the same file, whichever run met it and whatever words it is told in.
fn file_name(cause: &Signature) -> String {
    let verdict = cause.verdict.as_str().replace('-', "_");
    let cause = serde_json::to_vec(cause).expect("signatures are plain data");
    format!("{verdict}_{:08x}.case", crc32fast::hash(&cause))
}

/// The cases in the folder, in the order of their names.
fn cases(folder: &Path) -> Result<Vec<String>, CommandError> {
    let unreadable = |path: &Path, why| CommandError::usage(cannot("read", path, &why));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(unreadable(folder, why)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().map_err(|why| unreadable(folder, why))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|why| unreadable(&path, why))?;
        case::parse(&path.display().to_string(), &text)
            .map_err(|bad| CommandError::usage(bad.to_string()))?;
        cases.push(text);
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Reason;

    #[test]
    fn a_file_is_named_after_the_cause_alone() {
        let of = |verdict, sentence: &str| {
            file_name(&Signature { verdict, reason: Some(Reason::other(sentence)) })
        };
        let stuck = of(Verdict::Stuck, "3 of 4");
        assert_eq!(stuck, of(Verdict::Stuck, "13 of 14"));
        assert_ne!(stuck, of(Verdict::Stuck, "3 or 4"));
        assert!(of(Verdict::RefusedStart, "").starts_with("refused_start_"));
    }

    #[test]
    fn what_is_expected_has_a_verdict_before_it() {
        let ends = |text: &str| -> Vec<String> {
            let texts = expecting(text, Verdict::Lost);
            let end = |whole: &String| whole.strip_prefix(text).map(str::to_string);
            texts.iter().filter_map(end).collect()
        };
        let judged = ends("> SET a 1\nkill all\nrestart\n");
        assert_eq!(judged.first().map(String::as_str), Some("expect verdict lost\n"));
        let ended = ["check\nexpect verdict lost\n", "restart\nexpect verdict lost\n"];
        assert_eq!(ends("> SET a 1\nkill all\n"), ended);
    }
}
