//! `sabot audit`: every case and every sweep on one server, and one page about it.
//!
//! Must not know: how an audit is made, and how the page looks.

use std::path::{Path, PathBuf};

use super::annotations::{self, Annotation};
use super::args::AuditArgs;
use super::error::CommandError;
use super::progress::Progress;
use super::session::Session;
use super::{date, output, screen, sweep};
use crate::audit::record::Audit;
use crate::audit::run::{AuditInputs, AuditRun, Audited};
use crate::engine::pool::cores;
use crate::engine::worlds;
use crate::exit::{Exit, Status, overall};
use crate::report::html::{Page, audit as page};
use crate::report::{audit_junit, explanation, operator};

/// What the page is called when nothing else is said.
const PAGE: &str = "sabot-audit.html";

/// The mode.
pub fn main(args: &AuditArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores);
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let outputs = [Some(&out), args.reports.json.as_ref(), args.reports.junit.as_ref()];
    output::possible(outputs.into_iter().flatten().map(PathBuf::as_path))?;
    let made = date::wanted().map_err(CommandError::usage)?;
    let accepted = sweep::accepted(&args.reports)?;
    let (under, sample) = (args.under.read()?, args.sample.part());
    let mut inputs = AuditInputs::read(worlds::named(&args.server)?, under, sample)?;
    (inputs.posix, inputs.explain) = (args.posix, args.explain);
    let threads = session.jobs().min(cores().len());
    let progress = Progress::of_many(0);
    let done = session.with_pool(|pool| {
        let hear = |step, what: &str| progress.hear(step, what);
        let run = AuditRun { inputs: &inputs, pool, progress: &hear };
        run.all(&accepted, threads)
    })?;
    progress.finish();
    let Audited { mut audit, causes, times } = done?;
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
    Ok(if audit.partial { Exit::Interrupted } else { exit(&audit) })
}

/// What everything means for the exit code; an accepted finding is as expected, and an entry that
/// accepts nothing is bad usage.
fn exit(audit: &Audit) -> Exit {
    let stale = audit.stale.iter().map(|_| Status::BadCase);
    overall(audit.counts.classes().map(sweep::status).chain(stale))
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
