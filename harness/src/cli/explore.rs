//! `sabot explore`: random stories with random faults and orders of tasks, from a seed.
//!
//! What is printed depends on seed, number of runs and server alone; how fast it went is said on
//! standard error. Each new cause of a broken promise is made small and becomes a case in
//! cases/regressions; a cause that a case there tells of already is only counted. Must not know:
//! what is drawn, and what a promise is.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::strategy::ValueTree;

use super::args::ExploreArgs;
use super::error::CommandError;
use super::screen::Progress;
use super::session::Session;
use super::{output, screen};
use crate::case;
use crate::contract::Verdict;
use crate::engine::pool::Pool;
use crate::engine::worlds::{self, World};
use crate::error::cannot;
use crate::exit::{Exit, Status, overall};
use crate::runner::{Collect, RunSummary};
use crate::sweep::driver::{Step, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::explore::{self, Cause, Explored, draw};
use crate::sweep::{Came, Token};

/// Runs that are drawn, and dry-run, together.
const ROUND: u64 = 256;

/// What was found, in the order in which it was.
#[derive(Default)]
struct Found {
    counts: BTreeMap<Verdict, u64>,
    nothing: u64,
    done: u64,
    causes: Vec<(Cause, Vec<u64>, Explored)>,
}

/// The mode.
pub fn main(args: &ExploreArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores);
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("cases/regressions"));
    let known = known(&folder)?;
    std::fs::create_dir_all(&folder)
        .map_err(|why| CommandError::usage(cannot("make", &folder, &why)))?;
    let world = &worlds::named(&args.world)?;
    let progress = Progress::of_many(usize::try_from(args.runs).unwrap_or(usize::MAX));
    let began = std::time::Instant::now();
    let told = session.with_pool(|pool| {
        let exploration = Exploration { args, world, pool, progress: &progress };
        exploration.go(&known, &folder)
    })?;
    progress.finish();
    let (found, exit) = told?;
    let seconds = began.elapsed().as_secs_f64();
    screen::error(&format!("{seconds:.1} s, {:.0} runs/s", found.done as f64 / seconds));
    Ok(exit)
}

/// What does not change while it explores.
struct Exploration<'a> {
    args: &'a ExploreArgs,
    world: &'a World,
    pool: &'a Pool,
    progress: &'a Progress,
}

impl Exploration<'_> {
    fn go(&self, known: &[Cause], folder: &Path) -> Result<(Found, Exit), CommandError> {
        let mut found = Found::default();
        let mut complete = self.draw_all(&mut found).is_some();
        screen::line(&self.counts(&found, complete));
        let mut exits = Vec::new();
        // The worst first, and of one verdict the first that was met.
        found.causes.sort_by_key(|(cause, ..)| cause.0);
        for (cause, runs, first) in &found.causes {
            let count = runs.len();
            if known.contains(cause) {
                screen::line(&format!("known  {}  {count} runs: {}", name(cause), first.sentence));
                continue;
            }
            let small = complete.then(|| self.smallest(runs[0], first)).flatten();
            complete &= small.is_some();
            let small = small.unwrap_or_else(|| first.clone());
            let path = folder.join(file_name(cause));
            output::write(&path, &self.case_text(&small, runs[0]))?;
            exits.push(match cause.0 {
                Came::Judged(Verdict::HarnessBroken) => Status::NotMeasured,
                _ => Status::BrokenPromise,
            });
            let lines = small.script.lines().count();
            screen::line(&format!(
                "{}  {count} runs, the first is {}\n    {}\n    {} ({lines} lines)\n    {}",
                name(cause),
                runs[0],
                small.sentence,
                path.display(),
                self.token(&small, runs[0]).encode(),
            ));
        }
        let exit = if complete { overall(exits) } else { Exit::Interrupted };
        Ok((found, exit))
    }

    /// None: interrupted.
    fn draw_all(&self, found: &mut Found) -> Option<()> {
        let mut next = 0;
        while next < self.args.runs {
            let numbers: Vec<u64> = (next..self.args.runs.min(next + ROUND)).collect();
            next += ROUND;
            let stories: Vec<_> =
                numbers.iter().map(|n| draw(self.args.seed, *n).current()).collect();
            let explored = explore::explore(&stories, &mut |scripts, collect| {
                self.runs(scripts, collect, collect == Collect::Verdicts)
            })?;
            numbers.into_iter().zip(explored).for_each(|(n, explored)| found.take(n, explored));
        }
        Some(())
    }

    fn smallest(&self, n: u64, first: &Explored) -> Option<Explored> {
        let mut runs = |scripts: &[String], collect| self.runs(scripts, collect, false);
        explore::smallest(self.args.seed, n, first, &mut runs)
    }

    fn runs(&self, scripts: &[String], collect: Collect, counts: bool) -> Option<Vec<RunSummary>> {
        if scripts.is_empty() {
            return Some(Vec::new());
        }
        let what = format!("in {}", self.world.label);
        let shown = Cell::new(0);
        let hear = |step| {
            if let (Step::Done(runs), true) = (step, counts) {
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
        let verdict = match explored.came {
            Came::Judged(verdict) => verdict,
            Came::NothingInjected => Verdict::NotMeasured,
        };
        Token {
            case: format!("explore/{}", self.args.seed),
            world: self.world.label.clone(),
            site: format!("run {n}"),
            fault: "drawn".to_string(),
            verdict,
            script: explored.script.clone(),
        }
    }

    fn case_text(&self, small: &Explored, n: u64) -> String {
        let (seed, label) = (self.args.seed, &self.world.label);
        let (verdict, Explored { sentence, script, .. }) = (name(&small.cause()), small);
        let mut text = format!(
            "# {verdict}: {sentence}\n\
             # Found by `sabot explore --seed {seed}` in world {label}, run {n}.\n"
        );
        let sites = explore::sites(script);
        if !sites.is_empty() {
            text.push_str(&format!("# At {}.\n", sites.join(", ")));
        }
        text.push_str(script);
        // What nobody could measure is nothing to expect.
        match small.came {
            Came::Judged(verdict) if verdict.is_broken_promise() => expecting(text, verdict),
            _ => text,
        }
    }
}

/// The case with what it comes to. One that judges nothing is checked at its end, which must be
/// said where something is expected of that.
fn expecting(mut text: String, verdict: Verdict) -> String {
    let expected = format!("expect verdict {verdict}\n");
    if case::parse("found", &format!("{text}{expected}")).is_err() {
        text.push_str("check\n");
    }
    text + &expected
}

impl Found {
    fn take(&mut self, n: u64, explored: Explored) {
        self.done += 1;
        match explored.came {
            // A disk that cannot be left in such a state, for example.
            Came::Judged(Verdict::NotMeasured) | Came::NothingInjected => self.nothing += 1,
            Came::Judged(verdict) => *self.counts.entry(verdict).or_default() += 1,
        }
        if !explored.is_finding() {
            return;
        }
        let cause = explored.cause();
        match self.causes.iter_mut().find(|(known, ..)| *known == cause) {
            Some((_, runs, _)) => runs.push(n),
            None => self.causes.push((cause, vec![n], explored)),
        }
    }
}

fn name(cause: &Cause) -> &'static str {
    match cause.0 {
        Came::Judged(verdict) => verdict.as_str(),
        Came::NothingInjected => "nothing",
    }
}

/// The same cause has the same file, whichever run met it.
fn file_name(cause: &Cause) -> String {
    let verdict = name(cause).replace('-', "_");
    format!("{verdict}_{:08x}.case", crc32fast::hash(cause.1.as_bytes()))
}

/// The causes that cases in the folder tell of, in their first line.
fn known(folder: &Path) -> Result<Vec<Cause>, CommandError> {
    let mut known = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(known),
        Err(why) => return Err(CommandError::usage(cannot("read", folder, &why))),
    };
    for entry in entries {
        let path = entry.map_err(|why| CommandError::usage(cannot("read", folder, &why)))?.path();
        if path.extension().is_none_or(|extension| extension != "case") {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|e| CommandError::usage(cannot("read", &path, &e)))?;
        let head = text.lines().next().and_then(|line| line.strip_prefix("# "));
        if let Some((verdict, sentence)) = head.and_then(|head| head.split_once(": "))
            && let Ok(verdict) = verdict.parse::<Verdict>()
        {
            known.push((Came::Judged(verdict), explore::cause(sentence)));
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_has_a_verdict_before_it() {
        let judged = "> SET a 1\nkill all\nrestart\n".to_string();
        let ending = |text: &str| expecting(text.to_string(), Verdict::Lost);
        assert_eq!(ending(&judged), judged.clone() + "expect verdict lost\n");
        assert_eq!(ending("> SET a 1\n"), "> SET a 1\ncheck\nexpect verdict lost\n");
    }
}
