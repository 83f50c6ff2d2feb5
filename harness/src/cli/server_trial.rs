//! `sabot doctor SERVER`: tries what every case needs of a server, and writes down its profile.
//!
//! Each trial is a script of its own, so that one that fails does not hide the others. Must not
//! know: how a script is run, and what is promised.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::args::DoctorArgs;
use super::error::CommandError;
use super::session::Session;
use super::{output, screen};
use crate::contract::Verdict;
use crate::engine::pool::Pool;
use crate::engine::wire::Job;
use crate::engine::worlds::{self, World};
use crate::exit::Exit;
use crate::kernel::{CallName, Name, Site};
use crate::profile::Profile;
use crate::runner::Outcome;

/// What is tried, and the script that tries it.
const TRIALS: [(&str, &str); 6] = [
    ("start", "> PING\nexpect +PONG\n"),
    (
        "write and kill",
        "config appendonly yes\nconfig appendfsync always\n> SET a 1\nkill all\nrestart\n",
    ),
    (
        "write and power cut",
        "config appendonly yes\nconfig appendfsync always\n> SET a 1\npower-cut none\nrestart\n",
    ),
    (
        "rewrite",
        "config appendonly yes\n> SET a 1\n> BGREWRITEAOF\nawait child\nkill all\nrestart\n",
    ),
    ("save", "config appendonly no\n> SET a 1\n> SAVE\nkill all\nrestart\n"),
    (
        "save in the background",
        "config appendonly no\n> SET a 1\n> BGSAVE\nawait child\nkill all\nrestart\n",
    ),
];

/// What a trial came to.
struct Trial {
    name: &'static str,
    outcome: Outcome,
    /// Why it does not work.
    trouble: Option<String>,
}

/// Tries a server; prints what works, and its profile.
pub fn main(word: &str, args: &DoctorArgs) -> Result<Exit, CommandError> {
    output::possible(args.profile.iter().map(|path| path.as_path()))?;
    let session = Session::begin(&args.limits)?;
    let world = worlds::named(word)?;
    let Some((profile, binary)) = world.supervised() else {
        return Err(CommandError::usage(format!("{word} runs no server of its own: name one")));
    };
    screen::line(&format!("{} ({})", world.server_name(), binary.display()));
    world.remark().iter().for_each(|remark| screen::line(remark));
    let trials = session.with_pool(|pool| tried(pool, &world))?;
    for Trial { name, trouble, .. } in &trials {
        screen::line(&match trouble {
            None => format!("ok       {name}"),
            Some(why) => format!("missing  {name}: {}", why.replace('\n', " ")),
        });
    }
    let text = written(&profile, &binary, &trials);
    match &args.profile {
        Some(path) => {
            output::write(path, &text)?;
            screen::line(&format!("its profile is in {}", path.display()));
        }
        None => screen::line(&format!("\n{text}")),
    }
    let works = trials.iter().all(|trial| trial.trouble.is_none());
    Ok(if works { Exit::Expected } else { Exit::NotMeasured })
}

fn tried(pool: &Pool, world: &World) -> Vec<Trial> {
    let trial = |(name, text): &(&'static str, &str)| {
        let (place, label) = (world.place.clone(), world.label.clone());
        let (case, source) = (name.to_string(), format!("trial `{name}`"));
        let job = Job { case, source, text: text.to_string(), head: 0, world: label, place };
        let outcome = pool.run(job).ok()?;
        let trouble = trouble(&outcome);
        Some(Trial { name, outcome, trouble })
    };
    TRIALS.iter().map_while(trial).collect()
}

fn trouble(outcome: &Outcome) -> Option<String> {
    if let Some(failure) = outcome.failures.first() {
        return Some(failure.message.clone());
    }
    let told = |verdict: Verdict| verdict.is_no_measurement() || verdict.is_broken_promise();
    let bad = outcome.rulings.iter().filter(|ruling| told(ruling.verdict));
    let worst = bad.min_by_key(|ruling| ruling.verdict);
    match worst {
        Some(ruling) => Some(format!("{}: {}", ruling.verdict, ruling.sentence)),
        None if told(outcome.verdict) => Some(outcome.verdict.to_string()),
        None => None,
    }
}

/// The profile as a file: what it is like, and what was seen and is not in that.
fn written(profile: &Profile, binary: &Path, trials: &[Trial]) -> String {
    let mut text = String::from("# Written by `sabot doctor`: what differs can be changed here.\n");
    let line = |text: &mut String, key: &str, value: &str| {
        writeln!(text, "{key} = {}", toml::Value::from(value)).expect("memory takes any text");
    };
    line(&mut text, "path", &binary.display().to_string());
    if profile.is_builtin() {
        line(&mut text, "like", &profile.name);
    } else {
        text.push_str("# The rest is in the profile that was tried.\n");
    }
    for (what, roles) in roles(trials) {
        if !roles.is_empty() {
            let roles = roles.iter().map(|role| &**role).collect::<Vec<_>>().join(", ");
            writeln!(text, "# {what}: {roles}").expect("memory takes any text");
        }
    }
    let unknown = unknown_threads(profile, trials);
    if !unknown.is_empty() {
        text.push_str(
            "\n# Threads that the other profile does not know; right of it their names in sites.\n",
        );
        text.push_str("[threads]\n");
    }
    for thread in unknown {
        let key = toml::Value::from(&*thread);
        writeln!(text, "{key} = {key}").expect("memory takes any text");
    }
    text
}

/// The sites that the trials went through.
fn sites(trials: &[Trial]) -> impl Iterator<Item = Site> {
    let all = trials.iter().flat_map(|trial| &trial.outcome.sites);
    all.filter_map(|site| site.parse().ok())
}

/// What the server itself does with its files, and the roles of those that it does this with.
fn roles(trials: &[Trial]) -> [(&'static str, BTreeSet<Name>); 3] {
    let with = |is_it: fn(&Site) -> bool| {
        let own = sites(trials).filter(|site| &*site.task == "parent" && is_it(site));
        let files = own.filter_map(|site| site.role).filter(|role| !role.starts_with("pipe"));
        files.collect()
    };
    [
        ("written", with(|site| site.call == CallName::Write)),
        ("renamed", with(|site| site.call == CallName::Rename)),
        ("opened by a restart", with(|site| site.call == CallName::Open && site.incarnation > 1)),
    ]
}

/// Threads that made a call on a file and that the profile gives no name.
fn unknown_threads(profile: &Profile, trials: &[Trial]) -> BTreeSet<Name> {
    let is_known = |task: &Name| profile.threads.values().any(|known| known == task);
    let tasks = sites(trials).filter(|site| !site.is_launchers()).map(|site| site.task);
    tasks
        .filter(|task| &**task != "parent" && !task.starts_with("child") && !is_known(task))
        .collect()
}
