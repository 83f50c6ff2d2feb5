//! `sabot compare`: is the upgrade from one server to another safe, under one configuration?
//!
//! Both are audited; then every cause that was found is tried on both. Must not know: how servers
//! are compared, and how the page looks.

use std::path::PathBuf;

use super::args::CompareArgs;
use super::error::CommandError;
use super::progress::Progress;
use super::screen;
use super::session::Session;
use super::{date, output};
use crate::audit::record::Audit;
use crate::audit::run::{AuditInputs, AuditRun, Audited};
use crate::audit::upgrade::{Difference, PARTS, Sides, Upgrade};
use crate::engine::pool::{Interrupted, Pool, cores};
use crate::engine::worlds::{self, World};
use crate::exit::Exit;
use crate::report::html::upgrade::Page;
use crate::report::upgrade as words;
use crate::suite::redis_conf::NotUnder;
use crate::sweep::accepted::Accepted;
use crate::sweep::driver::RunCount;

/// What the page is called when nothing else is said.
const PAGE: &str = "sabot-compare.html";

/// The mode.
pub fn main(args: &CompareArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    output::possible([Some(&out), args.json.as_ref()].into_iter().flatten().map(PathBuf::as_path))?;
    let made = date::wanted().map_err(CommandError::usage)?;
    let sample = args.sample.part();
    let inputs = |server: &str| -> Result<AuditInputs, CommandError> {
        Ok(AuditInputs::read(worlds::named(server)?, args.under.read()?, sample)?)
    };
    let (old, new) = (inputs(&args.old)?, inputs(&args.new)?);
    let threads = session.jobs().min(cores().len());
    let progress = Progress::of_many(0);
    progress.hear(RunCount::Parts(PARTS), "");
    let upgrade = session.with_pool(|pool| -> Result<Upgrade, NotUnder> {
        let before = audited(&old, pool, threads, &progress)?;
        let after = audited(&new, pool, threads, &progress)?;
        let sides = Sides { old: (&old.world, &before), new: (&new.world, &after) };
        Ok(Upgrade::of(pool, &sides, &|step, what| progress.hear(step, what))?)
    })?;
    progress.finish();
    let upgrade = upgrade?;
    let page = Page { made, ..Page::of(&upgrade) };
    output::write(&out, &page.write().map_err(CommandError::unable)?)?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&upgrade).expect("it is plain data");
        output::write_json(path, &text)?;
    }
    screen::line(&words::text(&upgrade));
    screen::line(&format!("the page is {}", out.display()));
    Ok(exit(&upgrade))
}

/// The audit of one of them; an interrupt ends the whole comparison.
fn audited(
    inputs: &AuditInputs,
    pool: &Pool,
    threads: usize,
    progress: &Progress,
) -> Result<Audit, NotUnder> {
    let World { label, .. } = &inputs.world;
    let hear = |step, what: &str| progress.hear(step, &format!("{label}: {what}"));
    let run = AuditRun { inputs, pool, progress: &hear };
    let Audited { audit, .. } = run.all(&Accepted::default(), threads)?;
    if audit.partial { Err(Interrupted.into()) } else { Ok(audit) }
}

/// What is worse is what a broken promise is elsewhere; what cannot be compared differs.
fn exit(upgrade: &Upgrade) -> Exit {
    match () {
        () if upgrade.count(Difference::Worse) > 0 => Exit::BrokenPromise,
        () if !upgrade.is_whole() => Exit::NotMeasured,
        () if upgrade.count(Difference::OnlyNew) > 0 => Exit::Differs,
        () => Exit::Expected,
    }
}
