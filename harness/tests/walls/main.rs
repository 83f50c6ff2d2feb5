//! Nothing gets out: a program of ours, started as if it were a server, tries everything that it
//! can think of, as root and as an ordinary user. What is refused, and how, is the table in
//! docs/isolation.md. Where it does no harm, the same is done without walls, so that an attempt
//! which could never have succeeded is not taken for one that was refused.
//!
//! The test is the program, too, and the driver that runs it under supervision.

mod attempts;
mod case;
mod outside;
#[path = "../support/skip.rs"]
mod skip;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use sabot::profile::Profile;
use sabot::world::supervised::{Machine, Supervised};
use sabot::world::{Broken, Directive, World};

use attempts::{Outside, forbid_landlock};
use outside::World as Host;
use table::{Alone, Attempt, Seen};

/// Said by the program if an attempt has succeeded.
const DONE: &str = "done";
/// The first argument of the driver, and of one where Linux seems to have no Landlock.
const DRIVER: &str = "driver";
const VIEW_ALONE: &str = "driver-without-landlock";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((word, rest)) if word == "--attempt" => program(rest),
        Some((word, rest)) if word == DRIVER => driver(&Outside::of_words(rest)),
        Some((word, rest)) if word == VIEW_ALONE => {
            forbid_landlock().expect("seccomp(2)");
            driver(&Outside::of_words(rest));
        }
        _ => return libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    }
    ExitCode::SUCCESS
}

fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("without walls the attempts succeed", without_walls),
        Trial::test("nothing gets out of this user's servers", || walls(&[], DRIVER)),
        Trial::test("nothing gets out by the view alone", || walls(&[], VIEW_ALONE)),
        Trial::test("the document lists every attempt", documented),
        Trial::test("a case's configuration stays inside", case::configuration),
        Trial::test("the question for a version stays inside", case::version),
        Trial::test("a token does not choose a program", case::token),
        Trial::test("what steers a terminal is shown as escapes", case::escapes),
    ];
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if nix::unistd::geteuid().is_root() {
        trials.push(Trial::test("nothing gets out of an ordinary user's servers", move || {
            walls(&user, DRIVER)?;
            walls(&user, VIEW_ALONE)
        }));
    }
    trials
}

/// The program: makes one attempt and says what became of it.
fn program(words: &[String]) {
    let (name, rest) = words.split_first().expect("a name");
    let attempt = table::all().find(|attempt| attempt.name == name).expect("an attempt");
    match (attempt.carry_out)(&Outside::of_words(rest)) {
        Ok(_) => println!("{name}: {DONE}"),
        Err(errno) => println!("{name}: {errno:?}"),
    }
}

/// Runs every attempt under supervision, and prints what became of each in a line.
fn driver(outside: &Outside) {
    let machine = Machine::prepare().unwrap_or_else(|why| panic!("{why}"));
    for attempt in table::all() {
        let what = match supervised(&machine, attempt, outside) {
            Ok(log) => log,
            Err(broken) => broken.to_string(),
        };
        println!("{}\t{}", attempt.name, what.trim_end().replace('\n', " / "));
    }
}

fn supervised(machine: &Machine, attempt: &Attempt, outside: &Outside) -> Result<String, Broken> {
    let profile = Profile::named("redis-7").expect("it is part of the program");
    let profile = Profile { args: Vec::new(), ..profile };
    let program = std::env::current_exe().expect("this program");
    let mut world = Supervised::new(machine, profile, &program)?;
    let value = [vec![attempt.name.to_string()], outside.words()].concat().join(" ");
    let started = world.start(&[Directive { name: "attempt".to_string(), value }]);
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    started.map(|()| log)
}

/// Runs every attempt under supervision, as the user that `prefix` makes of this one.
fn walls(prefix: &[&str], driver: &str) -> Result<(), Failed> {
    if let Some(why) = outside::unsupervised() {
        skip::skip("server", &why);
        return Ok(());
    }
    let host = Host::new();
    let before = host.state();
    let words = host.outside().words();
    let mut command = match prefix.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(host.program());
            command
        }
        None => Command::new(host.program()),
    };
    let output = command.arg(driver).args(&words).current_dir("/").output()?;
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut wrong: Vec<String> = table::all()
        .filter_map(|attempt| {
            let line = said
                .lines()
                .find_map(|line| line.split_once('\t').filter(|(name, _)| *name == attempt.name));
            let what = line.map_or("nothing was said", |(_, what)| what);
            (!is_as_expected(attempt, what)).then(|| format!("{}: {what}", attempt.name))
        })
        .collect();
    let after = host.state();
    if before != after {
        wrong.push(format!("outside there was {before:#?}, and is {after:#?}"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n{errors}", wrong.join("\n")).into()),
    }
}

fn is_as_expected(attempt: &Attempt, what: &str) -> bool {
    match attempt.seen {
        Seen::Errors(errors) => {
            errors.iter().any(|errno| what == format!("{}: {errno:?}", attempt.name))
        }
        Seen::Ends => {
            what.contains("a call that is not modelled: ")
                || what.contains(", outside the run directory: ")
        }
        Seen::StaysInside => {
            !what.starts_with("harness broken") && !what.starts_with("not measured")
        }
    }
}

/// Each attempt on a world of its own, because it changes that.
fn without_walls() -> Result<(), Failed> {
    for attempt in table::all().filter(|attempt| attempt.alone == Alone::Succeeds) {
        let host = Host::new();
        let before = host.state();
        let output = Command::new(host.program())
            .args(["--attempt", attempt.name])
            .args(host.outside().words())
            .current_dir(host.run_directory())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let changed = attempt.seen != Seen::StaysInside || before != host.state();
        let done =
            attempt.seen == Seen::StaysInside || said.trim() == format!("{}: {DONE}", attempt.name);
        if !(done && changed) {
            return Err(format!("{}: {said}", attempt.name).into());
        }
    }
    Ok(())
}

/// The document says of each attempt how it is refused.
fn documented() -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/isolation.md");
    let document = std::fs::read_to_string(path)?;
    let missing: Vec<String> =
        table::all().map(row).filter(|row| !document.contains(row.as_str())).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("docs/isolation.md lacks\n{}", missing.join("\n")).into()),
    }
}

/// The attempt's line in the document's table.
fn row(attempt: &Attempt) -> String {
    let seen = match attempt.seen {
        Seen::Errors(errors) => {
            errors.iter().map(|errno| format!("`{errno:?}`")).collect::<Vec<_>>().join(" or ")
        }
        Seen::Ends => "the run ends".to_string(),
        Seen::StaysInside => "stays inside".to_string(),
    };
    let alone = if attempt.alone == Alone::Succeeds { "succeeds" } else { "not tried" };
    format!("| {} | {seen} | {alone} |", attempt.tried)
}
