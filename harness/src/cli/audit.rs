//! `sabot audit`: every case and every sweep on one server, and one page about it.
//!
//! Must not know: how a case runs, what a promise is, and how the page looks.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};

use super::args::AuditArgs;
use super::screen::Progress;
use super::{date, output, screen, sweep};
use crate::audit::causes::Causes;
use crate::audit::record::{self, Audit, CaseRecord, Config};
use crate::audit::redis_conf::Conf;
use crate::engine::interrupt;
use crate::engine::pool::{Fleet, Settings, cores};
use crate::engine::session::{Event, with_fleet};
use crate::engine::worlds::{Choice, World};
use crate::error::Stop;
use crate::exit::{Exit, Finding, overall};
use crate::profile::Profile;
use crate::report::audit_junit;
use crate::report::html::{Page, audit as page};
use crate::suite::check::judge;
use crate::suite::library::{CaseFile, Library, Ready, SWEEPS, job, understand};
use crate::suite::snapshots::Reviewed;
use crate::sweep::accepted::Accepted;
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::{Sweep, Workload};

/// What the page is called when nothing else is said.
const PAGE: &str = "sabot-audit.html";

/// Runs of each workload for `--quick`.
const QUICK: u32 = 60;

/// The mode.
pub fn main(args: &AuditArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let outputs = [Some(&out), args.reports.json.as_ref(), args.reports.junit.as_ref()];
    output::possible(outputs.into_iter().flatten().map(PathBuf::as_path))?;
    let made = date::wanted().map_err(Stop::usage)?;
    let accepted = Accepted::open(args.reports.accepted.as_deref())?;
    let conf = args.config.as_deref().map(Conf::open).transpose()?;
    let desk = Desk::open(args, conf)?;
    let mut settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    settings.jobs = args.cores.most();
    let threads = settings.jobs.min(cores().len());
    let done = with_fleet(&settings, |fleet, events, sender| {
        let progress = Progress::of_many(0);
        let work = Work { desk: &desk, fleet, events: &events, sender: &sender, progress };
        work.all(&accepted, threads)
    })?;
    let (mut audit, causes) = done?;
    audit.stale = if audit.partial || audit.sample.is_some() { vec![] } else { accepted.stale() };
    let page = page::page(&audit, &causes, &accepted, &desk.world.family);
    let page = Page { made, ..page };
    output::write(&out, &page.write().map_err(Stop::unable)?)?;
    if let Some(path) = &args.reports.json {
        output::write(path, &audit.write())?;
    }
    if let Some(path) = &args.reports.junit {
        output::write(path, &audit_junit::write(&audit, &accepted).map_err(Stop::unable)?)?;
    }
    conclude(&audit, &page.headline, &out);
    Ok(if audit.partial { Exit::Interrupted } else { exit(&audit, &accepted) })
}

/// What is needed before anything runs.
struct Desk {
    world: World,
    server: String,
    conf: Option<Conf>,
    cases: Vec<Ready>,
    workloads: Vec<Workload>,
    sample: Option<u32>,
}

impl Desk {
    fn open(args: &AuditArgs, conf: Option<Conf>) -> Result<Desk, Stop> {
        let library = Library::open()?;
        let opening = conf.as_ref().map(Conf::lines).unwrap_or_default();
        let under = |files: Vec<CaseFile>| -> Vec<CaseFile> {
            let put = |file: CaseFile| CaseFile { text: format!("{opening}{}", file.text), ..file };
            files.into_iter().map(put).collect()
        };
        let cases = understand(under(library.select(&[])?))?;
        let workloads = understand(under(library.select(&[SWEEPS.to_string()])?))?;
        let workload = |Ready { file, script }: &Ready| Workload::of(&file.name, script);
        let mut choice = Choice::of(std::slice::from_ref(&args.server))?;
        if let Some(absent) = choice.absent.first() {
            let (label, reason) = (&absent.label, &absent.reason);
            return Err(Stop::unable(format!("missing: world {label}: {reason}")));
        }
        let world = choice.worlds.remove(0);
        Ok(Desk {
            server: name_of(&world),
            world,
            conf,
            workloads: workloads.iter().map(workload).collect(),
            cases,
            sample: args.sample.or(args.quick.then_some(QUICK)),
        })
    }
}

/// Name and version of the server.
fn name_of(world: &World) -> String {
    use crate::engine::wire::Place;
    match &world.place {
        Place::Sim => format!("sabot's own server {} (simulated)", env!("CARGO_PKG_VERSION")),
        Place::Server => format!("sabot's own server {}", env!("CARGO_PKG_VERSION")),
        Place::Binary(path) => match Profile::of(path).ok().and_then(|(p, _)| p.server) {
            Some(server) => format!("{} {}", server.name, server.version),
            None => world.family.clone(),
        },
    }
}

/// One audit under way.
struct Work<'a> {
    desk: &'a Desk,
    fleet: &'a Fleet,
    events: &'a Receiver<Event>,
    sender: &'a Sender<Event>,
    progress: Progress,
}

impl Work<'_> {
    /// Everything, or as much as was done before an interrupt.
    fn all(&self, accepted: &Accepted, threads: usize) -> Result<(Audit, Causes), Stop> {
        let desk = self.desk;
        if !self.starts()? {
            return Err(Stop { exit: Exit::Interrupted, message: "interrupted".to_string() });
        }
        let (mut cases, mut partial) = self.cases();
        for case in cases.iter_mut().filter(|case| case.verdict.is_broken_promise()) {
            case.accepted = accepted.case(&case.name, case.verdict);
        }
        let mut sweeps = Vec::new();
        if !partial {
            partial = self.sweeps(&mut sweeps);
        }
        let files: Vec<&CaseFile> = desk.cases.iter().map(|ready| &ready.file).collect();
        let files: Vec<&CaseFile> = cases
            .iter()
            .filter_map(|case| files.iter().find(|file| file.name == case.name).copied())
            .collect();
        let mut causes = Causes::of(&sweeps, &cases, &files, &desk.world.label, accepted);
        if !partial {
            self.progress.more(causes.count());
            let progress = &self.progress;
            let advance = || progress.advance_by(1, "the smallest scripts");
            causes.shrink(self.fleet, &desk.world, threads, advance);
            partial = self.events.try_iter().any(|event| matches!(event, Event::Interrupted));
        }
        self.progress.finish();
        let audit = Audit {
            format: record::FORMAT.to_string(),
            version: record::VERSION,
            sabot: env!("CARGO_PKG_VERSION").to_string(),
            server: desk.server.clone(),
            world: desk.world.label.clone(),
            config: desk.conf.as_ref().map(config),
            partial,
            sample: desk.sample,
            cases,
            sweeps,
            causes: causes.list(),
            stale: Vec::new(),
        };
        Ok((audit, causes))
    }

    /// Whether the server starts under the user's configuration; if not, which line is at fault.
    /// False: interrupted.
    fn starts(&self) -> Result<bool, Stop> {
        let Some(conf) = &self.desk.conf else { return Ok(true) };
        match self.refusal(&conf.lines()) {
            None => return Ok(false),
            Some(None) => return Ok(true),
            Some(Some(_)) => {}
        }
        for given in &conf.kept {
            match self.refusal(&format!("config {}\n", given.text)) {
                None => return Ok(false),
                Some(None) => {}
                Some(Some(why)) => {
                    let (place, text) = (&given.place, &given.text);
                    return Err(Stop::usage(format!("{place}: `{text}`: {why}")));
                }
            }
        }
        let path = &conf.path;
        let words = "the server does not start with it, though it does with each line alone";
        Err(Stop::usage(format!("{path}: {words}")))
    }

    /// Why the server does not start so; outer None: interrupted.
    fn refusal(&self, lines: &str) -> Option<Option<String>> {
        let text = format!("{lines}> PING\nshow log\n");
        let source = "a start under the configuration".to_string();
        let file = CaseFile { name: "start".to_string(), source, text, own: true };
        let outcome = self.fleet.run(job(&file, &self.desk.world))?;
        if outcome.transcript.contains("\n  +PONG\n") {
            return Some(None);
        }
        let said = outcome.rulings.iter().map(|ruling| ruling.sentence.as_str());
        let failed = outcome.failures.iter().map(|failure| failure.message.as_str());
        let log = outcome.transcript.lines().filter_map(|line| line.trim().strip_prefix("log  "));
        let why: Vec<&str> = said.chain(failed).chain(log.take(4)).collect();
        Some(Some(format!("the server does not start: {}", why.join("; "))))
    }

    /// All cases; true: interrupted.
    fn cases(&self) -> (Vec<CaseRecord>, bool) {
        let ready = &self.desk.cases;
        self.progress.more(ready.len());
        for (case, ready) in ready.iter().enumerate() {
            let sender = self.sender.clone();
            self.fleet.submit(job(&ready.file, &self.desk.world), move |outcome| {
                let outcome = Box::new(outcome);
                let _ = sender.send(Event::Done { case, world: 0, outcome });
            });
        }
        let mut records: Vec<Option<CaseRecord>> = vec![None; ready.len()];
        let mut missing = ready.len();
        while missing > 0 {
            let Ok(Event::Done { case, outcome, .. }) = self.events.recv() else { break };
            let Ready { file, script } = &ready[case];
            let runs = [*outcome];
            let cell = judge(script, &runs, &Reviewed::Never);
            records[case] = Some(CaseRecord::of(&file.name, &runs[0], cell));
            self.progress.advance_by(1, &file.name);
            missing -= 1;
        }
        (records.into_iter().flatten().collect(), missing > 0)
    }

    /// All sweeps; true: interrupted.
    fn sweeps(&self, sweeps: &mut Vec<Sweep>) -> bool {
        let sample = self.desk.sample.map(|runs| runs as usize);
        let scope = Scope { sample, ..Scope::WHOLE };
        for workload in &self.desk.workloads {
            let hear = |step| match step {
                RunCount::Planned(runs) => self.progress.more(runs),
                RunCount::Done(runs) => self.progress.advance_by(runs, &workload.name),
            };
            let (fleet, events, sender) = (self.fleet, self.events, self.sender);
            let sweeper = Sweeper { fleet, events, sender, scope, pairs: false, progress: &hear };
            let (sweep, swept) = sweeper.sweep(workload, &self.desk.world);
            sweeps.push(sweep);
            if swept.is_err() {
                return true;
            }
        }
        false
    }
}

fn config(conf: &Conf) -> Config {
    Config {
        path: conf.path.clone(),
        kept: conf.kept.iter().map(|given| given.text.clone()).collect(),
        dropped: conf
            .dropped
            .iter()
            .map(|(given, why)| (given.place.clone(), given.text.clone(), why.to_string()))
            .collect(),
    }
}

/// What each run means for the exit code; an accepted one is as expected, and an entry that accepts
/// nothing is bad usage.
fn exit(audit: &Audit, accepted: &Accepted) -> Exit {
    let cases = audit.cases.iter().map(CaseRecord::finding);
    let counted = accepted.without(&audit.file());
    let stale = audit.stale.iter().map(|_| Finding::BadCase);
    overall(cases.chain(sweep::exits(&counted)).chain(stale))
}

fn conclude(audit: &Audit, headline: &str, out: &Path) {
    for entry in &audit.stale {
        screen::error(entry);
    }
    for (number, cause) in (1..).zip(&audit.causes) {
        let accepted = if cause.accepted.is_some() { " (accepted)" } else { "" };
        let (verdict, place, runs) = (cause.verdict, cause.place(), cause.runs);
        screen::line(&format!("{number}. {verdict}  {place}  {runs} run(s){accepted}"));
        screen::line(&format!("    {}", cause.sentence));
    }
    if let Some(config) = &audit.config {
        let (kept, dropped) = (config.kept.len(), config.dropped.len());
        screen::line(&format!("under {}: {kept} directives, {dropped} left out", config.path));
    }
    audit.limits().iter().for_each(|limit| screen::line(limit));
    screen::line(&format!("{}: {headline}", audit.server));
    screen::line(&format!("the page is {}", out.display()));
}
