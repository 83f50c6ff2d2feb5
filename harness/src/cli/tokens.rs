//! `sabot replay`, `sabot shrink`, `sabot export`: one run out of its token.
//!
//! Must not know: how a case runs.

use super::args::{ExportArgs, TokenArgs};
use super::error::CommandError;
use super::session::Session;
use super::{known, output, screen};
use crate::case::{self, Script};
use crate::contract::Verdict;
use crate::engine::pool::Interrupted;
use crate::engine::worlds::{self, World};
use crate::exit::{Exit, overall};
use crate::kernel::Site;
use crate::report::export::strace;
use crate::report::repeats;
use crate::runner::{self, Outcome};
use crate::suite::check::judge;
use crate::suite::library::{CaseFile, job, parse_all};
use crate::suite::runs::repeat;
use crate::suite::snapshots::Reviewed;
use crate::sweep::shrink;
use crate::sweep::smallest::smallest;
use crate::sweep::token::NotAToken;
use crate::sweep::{Axis, OneOrPair, Token};

pub(super) fn refused(why: &NotAToken) -> CommandError {
    CommandError::usage(why.to_string())
}

fn decode(text: &str) -> Result<Token, CommandError> {
    Token::decode(text).map_err(|why| refused(&why))
}

/// The world that was asked for, or the token's own. A token may come from anybody, so it does not
/// decide by itself which program is run: one that it names by path must be asked for as well.
pub(super) fn world(asked: Option<&str>, token: &Token) -> Result<World, CommandError> {
    match asked {
        Some(asked) => Ok(worlds::named(asked)?),
        None if worlds::is_path(&token.world) => Err(CommandError::usage(format!(
            "this token is about the program {}, which it may not choose by itself: to run it, add \
             --world {}",
            token.world, token.world
        ))),
        None => Ok(worlds::named(&token.world)?),
    }
}

pub(super) fn case_of(token: &Token) -> CaseFile {
    let source = format!("the token of {}", token.case);
    CaseFile { name: token.case.clone(), source, text: token.script.clone(), ..CaseFile::own() }
}

/// Replays the run, twice, and says whether it came to the same as when the token was made.
pub fn replay(args: &TokenArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?;
    let token = decode(&args.token)?;
    let case = parse_all(vec![case_of(&token)])?.remove(0);
    let world = world(args.world.as_deref(), &token)?;
    let runs = session.with_pool(|pool| {
        let run = || pool.run(job(&case.file, &world));
        Ok([run()?, run()?])
    })?;
    let Ok::<_, Interrupted>(runs) = runs else { return Err(CommandError::interrupted()) };
    screen::line(&runs[0].transcript);
    let assessment = judge(&case.script, &runs, &Reviewed::Never);
    for note in &assessment.notes {
        screen::error(note);
    }
    let exit = overall([assessment.status]);
    let verdict = verdict(&runs[0]);
    if verdict == token.verdict {
        screen::line(&format!("as the token says: {verdict}"));
        return Ok(exit);
    }
    screen::line(&format!("the token says {}, this run {verdict}", token.verdict));
    Ok(if exit == Exit::Expected { Exit::Differs } else { exit })
}

/// Finds the smallest script with the same verdict, and prints it with a token of its own.
pub fn shrink(args: &TokenArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?;
    let token = decode(&args.token)?;
    parse_all(vec![case_of(&token)])?;
    let world = world(args.world.as_deref(), &token)?;
    let lines = session.with_pool(|pool| smallest(pool, &world, &token.script))?;
    let Ok(lines) = lines else { return Err(CommandError::interrupted()) };
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

fn parsed(token: &Token) -> Result<Script, CommandError> {
    case::parse("token", &token.script).map_err(|bad| CommandError::usage(bad.to_string()))
}

/// Writes the run as a case that stands alone, or a known bug as a report of it.
pub fn export(args: &ExportArgs) -> Result<Exit, CommandError> {
    let text = match (Token::decode(&args.token), known::bug(&args.token)?) {
        (Err(_), Some(bug)) => known::export(&bug, args)?,
        // Nobody takes it for a token.
        (Err(NotAToken::Form), None) if !args.token.trim().starts_with("sabot") => {
            return Err(known::unknown(&args.token)?);
        }
        (token, _) => {
            let token = token.map_err(|why| refused(&why))?;
            let script = parsed(&token)?;
            format!("{}{}", tried(&token, args)?, case_text(&token, &script))
        }
    };
    match &args.out {
        Some(path) => output::write(path, &text)?,
        None => screen::data(&text),
    }
    Ok(Exit::Expected)
}

/// Where the run was tried, and in how many runs it came to what the token says, as comments.
fn tried(token: &Token, args: &ExportArgs) -> Result<String, CommandError> {
    let words = match args.worlds.as_slice() {
        [] if worlds::is_path(&token.world) => {
            return Ok("# Not tried again: `--world PATH` says where.\n".to_string());
        }
        [] => std::slice::from_ref(&token.world),
        asked => asked,
    };
    let session = Session::begin(&args.limits)?;
    let mut text = String::new();
    for word in words {
        let world = match worlds::named(word) {
            Err(why) if args.worlds.is_empty() => {
                text.push_str(&format!(
                    "# Not tried again: {}\n",
                    why.to_string().replace('\n', " ")
                ));
                continue;
            }
            found => found?,
        };
        let (case, runs) = (case_of(token), args.runs as usize);
        let outcomes = session.with_pool(|pool| repeat(pool, &case, &world, runs))?;
        let outcomes = outcomes.map_err(|Interrupted| CommandError::interrupted())?;
        let shows = |outcome: &Outcome| verdict(outcome) == token.verdict;
        let (seen, build) = (repeats::seen(&outcomes, shows), world.build());
        text.push_str(&format!("# Shown in {seen}, on {word}: {build}\n"));
    }
    Ok(text)
}

/// What a run came to, as tokens have it.
fn verdict(outcome: &Outcome) -> Verdict {
    runner::decisive(&outcome.rulings).map_or(outcome.verdict, |ruling| ruling.verdict)
}

/// Which servers are like the world's; empty where it is not on this machine, and where a program
/// named by path would have to be run to find it out.
fn family(world: &str) -> String {
    if worlds::is_path(world) {
        return String::new();
    }
    worlds::named(world).map(|world| world.family).unwrap_or_default()
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
