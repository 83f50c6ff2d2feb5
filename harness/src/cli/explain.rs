//! `sabot explain`: why a finding is what it is, and what would have helped.
//!
//! Must not know: which changes are tried.

use super::args::ExplainArgs;
use super::error::CommandError;
use super::session::Session;
use super::{output, screen, tokens};
use crate::contract::Verdict;
use crate::engine::pool::Interrupted;
use crate::engine::worlds::{self, World};
use crate::exit::Exit;
use crate::explain::{Nothing, Question, explain};
use crate::report::explanation;
use crate::suite::library::{Library, ParsedCase, parse_all};
use crate::sweep::Token;
use crate::sweep::token::NotAToken;

/// What is to be explained.
struct Asked {
    case: ParsedCase,
    world: World,
    /// What the token says that the run came to.
    verdict: Option<Verdict>,
}

pub fn main(args: &ExplainArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    output::possible(args.json.as_deref())?;
    let Asked { case, world, verdict } = asked(args)?;
    let planned = |count| screen::error(&format!("trying {}", explanation::variants(count)));
    let found = session
        .with_pool(|pool| explain(&Question { pool, world: &world, case: &case }, planned))?;
    let Ok::<_, Interrupted>(found) = found else { return Err(CommandError::interrupted()) };
    match found {
        Ok(explanation) => {
            screen::line(&explanation::text(&explanation));
            if let Some(path) = &args.json {
                let json = serde_json::to_string_pretty(&explanation);
                output::write_json(path, &json.expect("an explanation is plain data"))?;
            }
            Ok(Exit::Expected)
        }
        Err(Nothing::NotMeasured(why)) => Err(CommandError::unable(why)),
        Err(Nothing::Fine(came_to)) => {
            let words = match verdict {
                Some(said) => format!("the token says {said}, this run {came_to}"),
                None => format!("this run comes to {came_to}: there is nothing to explain"),
            };
            screen::line(&words);
            Ok(if verdict.is_some() { Exit::Differs } else { Exit::Expected })
        }
    }
}

/// The run of a token, or a case.
fn asked(args: &ExplainArgs) -> Result<Asked, CommandError> {
    let asked = args.world.as_deref();
    match Token::decode(&args.what) {
        Ok(token) => {
            let case = parse_all(vec![tokens::case_of(&token)])?.remove(0);
            let world = tokens::world(asked, &token)?;
            Ok(Asked { case, world, verdict: Some(token.verdict) })
        }
        // Nobody takes it for a token.
        Err(NotAToken::Form) if !args.what.trim().starts_with("sabot") => {
            let mut cases = parse_all(Library::open()?.select(std::slice::from_ref(&args.what))?)?;
            if cases.len() > 1 {
                let words = format!("{} is more than one case", args.what);
                return Err(CommandError::usage(words));
            }
            let world = worlds::named(asked.unwrap_or("sim"))?;
            Ok(Asked { case: cases.remove(0), world, verdict: None })
        }
        Err(why) => Err(tokens::refused(&why)),
    }
}
