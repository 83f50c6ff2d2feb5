//! `sabot audit`: every case and every sweep on one server, and one page about it.
//!
//! Must not know: how an audit is made, and how the page looks.

use std::path::{Path, PathBuf};

use super::annotations::{self, Annotation};
use super::args::AuditArgs;
use super::error::CommandError;
use super::options::Division;
use super::progress::Progress;
use super::session::Session;
use super::{audit_parts, date, output, screen, sweep};
use crate::audit::part::Joined;
use crate::audit::record::Audit;
use crate::audit::run::{AuditInputs, AuditRun, Audited};
use crate::engine::pool::cores;
use crate::engine::worlds;
use crate::exit::{Exit, Status, overall};
use crate::report::html::{Page, audit as page};
use crate::report::{audit_junit, explanation, operator};
use crate::sweep::Shard;
use crate::sweep::accepted::Accepted;

/// What the page is called when nothing else is said.
const PAGE: &str = "sabot-audit.html";

/// The mode.
pub fn main(args: &AuditArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let page = if args.division.shard.is_some() { None } else { Some(&out) };
    let outputs = [page, args.reports.json.as_ref(), args.reports.junit.as_ref()];
    output::possible(outputs.into_iter().flatten().map(PathBuf::as_path))?;
    let made = date::wanted().map_err(CommandError::usage)?;
    let accepted = sweep::accepted(&args.reports)?;
    let inputs = inputs(args)?;
    if let (Some(_), Some(path)) = (args.division.shard, &args.reports.json) {
        return audit_parts::make(&session, &inputs, &accepted, path);
    }
    let parts =
        (!args.division.parts.is_empty()).then(|| audit_parts::read(&args.division.parts, &inputs));
    let parts = parts.transpose()?;
    let missing = parts.as_ref().map(|joined| joined.missing.clone()).unwrap_or_default();
    let Audited { mut audit, causes, times } = audited(&session, &inputs, &accepted, parts)?;
    audit.stale = if audit.partial || audit.sample.is_some() { vec![] } else { accepted.stale() };
    let page = page::page(&audit, &causes, &accepted, &inputs.world.family);
    let page = Page { made, ..page };
    output::write(&out, &page.write().map_err(CommandError::unable)?)?;
    if let Some(path) = &args.reports.json {
        output::write_json(path, &audit.write())?;
    }
    if let Some(path) = &args.reports.junit {
        let junit = audit_junit::write(&audit, &accepted, &times).map_err(CommandError::unable)?;
        output::write(path, &junit)?;
    }
    annotate(&audit);
    conclude(&audit, &page.headline, &out);
    missing.iter().for_each(|what| screen::error(what));
    Ok(match audit.partial && missing.is_empty() {
        true => Exit::Interrupted,
        false => exit(&audit, &missing),
    })
}

fn inputs(args: &AuditArgs) -> Result<AuditInputs, CommandError> {
    let Division { shard, parts } = &args.division;
    let is_divided = shard.is_some() || !parts.is_empty();
    if is_divided && args.sample.part().is_some() {
        return Err(CommandError::usage("a sample is not divided: it is small enough"));
    }
    if shard.is_some() && (args.explain || args.reports.junit.is_some()) {
        let what = "--explain and --junit are about all parts: give them with --parts";
        return Err(CommandError::usage(what));
    }
    let (under, sample) = (args.under.read()?, args.sample.part());
    let mut inputs = AuditInputs::read(worlds::named(&args.server)?, under, sample)?;
    (inputs.posix, inputs.explain) = (args.posix, args.explain);
    inputs.shard = shard.unwrap_or(Shard::WHOLE);
    Ok(inputs)
}

/// The audit: made here, or of parts.
fn audited(
    session: &Session,
    inputs: &AuditInputs,
    accepted: &Accepted,
    parts: Option<Joined>,
) -> Result<Audited, CommandError> {
    let threads = session.jobs().min(cores().len());
    let progress = Progress::of_many(0);
    let done = session.with_pool(|pool| {
        let hear = |step, what: &str| progress.hear(step, what);
        let run = AuditRun { inputs, pool, progress: &hear };
        match parts {
            Some(joined) => Ok(run.of_parts(joined, accepted, threads)),
            None => run.all(accepted, threads),
        }
    })?;
    progress.finish();
    Ok(done?)
}

/// What everything means for the exit code; an accepted finding is as expected, and an entry that
/// accepts nothing is bad usage.
fn exit(audit: &Audit, missing: &[String]) -> Exit {
    let stale = audit.stale.iter().map(|_| Status::BadCase);
    let missing = missing.iter().map(|_| Status::NotMeasured);
    overall(audit.counts.classes().map(sweep::status).chain(stale).chain(missing))
}

/// Each broken promise once, at the case or at the first workload that shows it.
fn annotate(audit: &Audit) {
    for cause in &audit.causes {
        let Some(workload) = cause.workloads.first() else { continue };
        if !cause.is_broken_promise() || cause.accepted.is_some() {
            continue;
        }
        let case = audit.cases.iter().find(|case| case.name == *workload);
        let file = format!("cases/{workload}.case");
        let message = format!("{}\nsabot replay {}", cause.sentence, cause.token);
        let (file, title, message) = (file.as_str(), cause.verdict.as_str(), message.as_str());
        let line = case.map(|case| case.line).unwrap_or_default();
        annotations::print([Annotation { file, line, title, message }]);
    }
}

fn conclude(audit: &Audit, headline: &str, out: &Path) {
    for entry in &audit.stale {
        screen::error(entry);
    }
    for (number, cause) in (1..).zip(&audit.causes) {
        let accepted = if cause.accepted.is_some() { " (accepted)" } else { "" };
        let (verdict, place, seen) = (cause.verdict, cause.place(), operator::seen(cause));
        screen::line(&format!("{number}. {verdict}  {place}  {seen}{accepted}"));
        screen::line(&format!("    {}", cause.sentence));
        let repairs = cause.repairs.iter().map(explanation::repair);
        repairs.for_each(|what| screen::line(&format!("    {what}")));
    }
    if let Some(config) = &audit.config {
        let (kept, dropped) = (config.kept.len(), config.dropped.len());
        screen::line(&format!("under {}: {kept} directives, {dropped} left out", config.path));
    }
    audit.limits().iter().for_each(|limit| screen::line(limit));
    screen::line(&format!("{}: {headline}", audit.server));
    screen::line(&format!("the page is {}", out.display()));
}
