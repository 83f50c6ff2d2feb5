//! `sabot replay`, `sabot shrink`, `sabot export`: one run out of its token.
//!
//! Must not know: how a case runs.

use super::args::{ExportArgs, TokenArgs};
use super::{known_export, screen};
use crate::case::{self, Script};
use crate::engine::interrupt;
use crate::engine::pool::Settings;
use crate::engine::session::with_fleet;
use crate::engine::worlds::{Choice, World};
use crate::error::{Stop, cannot};
use crate::exit::{Exit, overall};
use crate::kernel::Site;
use crate::report::export::strace;
use crate::runner;
use crate::suite::check::judge;
use crate::suite::library::{CaseFile, job, understand};
use crate::suite::snapshots::Reviewed;
use crate::sweep::shrink;
use crate::sweep::smallest::smallest;
use crate::sweep::token::NotAToken;
use crate::sweep::{Axis, OneOrPair, Token};

fn refused(why: &NotAToken) -> Stop {
    Stop::usage(why.to_string())
}

fn decode(text: &str) -> Result<Token, Stop> {
    Token::decode(text).map_err(|why| refused(&why))
}

/// The world that was asked for, or the token's own.
fn world(args: &TokenArgs, token: &Token) -> Result<World, Stop> {
    let word = args.world.as_ref().unwrap_or(&token.world);
    let choice = Choice::of(std::slice::from_ref(word))?;
    match choice.absent.first() {
        Some(absent) => {
            Err(Stop::unable(format!("missing: world {}: {}", absent.label, absent.reason)))
        }
        None => Ok(choice.worlds[0].clone()),
    }
}

fn case_of(token: &Token) -> CaseFile {
    let source = format!("the token of {}", token.case);
    CaseFile { name: token.case.clone(), source, text: token.script.clone(), own: true }
}

fn settings(args: &TokenArgs) -> Result<Settings, Stop> {
    Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))
}

/// Replays the run, twice, and says whether it came to the same as when the token was made.
pub fn replay(args: &TokenArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let token = decode(&args.token)?;
    let ready = understand(vec![case_of(&token)])?.remove(0);
    let world = world(args, &token)?;
    let runs = with_fleet(&settings(args)?, |fleet, _, _| {
        let run = || fleet.run(job(&ready.file, &world));
        Some(vec![run()?, run()?])
    })?;
    let Some(runs) = runs else { return Ok(Exit::Interrupted) };
    screen::line(&runs[0].transcript);
    let cell = judge(&ready.script, &runs, &Reviewed::Never);
    for note in &cell.notes {
        screen::error(note);
    }
    let exit = overall([cell.finding]);
    let worst = runner::decisive(&runs[0].rulings);
    let verdict = worst.map_or(runs[0].verdict, |ruling| ruling.verdict);
    if verdict == token.verdict {
        screen::line(&format!("as the token says: {verdict}"));
        return Ok(exit);
    }
    screen::line(&format!("the token says {}, this run {verdict}", token.verdict));
    Ok(if exit == Exit::Expected { Exit::Differs } else { exit })
}

/// Finds the smallest script with the same verdict, and prints it with a token of its own.
pub fn shrink(args: &TokenArgs) -> Result<Exit, Stop> {
    interrupt::block()?;
    let token = decode(&args.token)?;
    understand(vec![case_of(&token)])?;
    let world = world(args, &token)?;
    let lines = with_fleet(&settings(args)?, |fleet, _, _| smallest(fleet, &world, &token.script))?;
    let Some(lines) = lines else { return Ok(Exit::Interrupted) };
    let before = token.script.lines().count();
    // A smaller script makes its calls under other numbers.
    let site = match token.site.parse::<OneOrPair<Site>>() {
        Ok(site) => Axis::of(&site.first).to_string(),
        Err(_) => token.site.clone(),
    };
    let site = format!("{site} (shrunk)");
    let small = Token { script: shrink::text(&lines), site, world: world.label, ..token };
    screen::line(&case_text(&small, &parsed(&small)?));
    screen::line(&format!("{before} lines became {}", lines.len()));
    screen::line(&small.encode());
    Ok(Exit::Expected)
}

fn parsed(token: &Token) -> Result<Script, Stop> {
    case::parse("token", &token.script).map_err(|bad| Stop::usage(bad.to_string()))
}

/// Writes the run as a case that stands alone, or a known bug as a report of it.
pub fn export(args: &ExportArgs) -> Result<Exit, Stop> {
    let text = match (Token::decode(&args.token), known_export::bug(&args.token)?) {
        (Err(_), Some(bug)) => known_export::report(&bug, args)?,
        // Nobody takes it for a token.
        (Err(NotAToken::Form), None) if !args.token.trim().starts_with("sabot") => {
            return Err(known_export::unknown(&args.token)?);
        }
        (token, _) => {
            let token = token.map_err(|why| refused(&why))?;
            case_text(&token, &parsed(&token)?)
        }
    };
    match &args.out {
        Some(path) => {
            std::fs::write(path, text).map_err(|e| Stop::usage(cannot("write", path, &e)))?
        }
        None => screen::line(&text),
    }
    Ok(Exit::Expected)
}

/// What the world's servers have in common; empty where it is not on this machine.
fn family(world: &str) -> String {
    let choice = Choice::of(&[world.to_string()]).unwrap_or_default();
    choice.worlds.first().map(|world| world.family.clone()).unwrap_or_default()
}

fn case_text(token: &Token, script: &Script) -> String {
    let mut text = format!(
        "# {} at {} in {} ended as {}; found by `sabot sweep` in world {}.\n",
        token.fault, token.site, token.case, token.verdict, token.world
    );
    if let Some(command) = strace::command(script, "redis-server", &family(&token.world)) {
        text.push_str(&format!("# The same for a server of one's own: {command}\n"));
    }
    text.push_str(&token.script);
    text
}
