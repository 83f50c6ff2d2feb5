//! The options of XADD and XTRIM (Redis: `xaddCommand` and `xtrimCommand` of 6.0,
//! `streamParseAddOrTrimArgsOrReply` of 7.0).
//!
//! Must not know: what they do.

use super::ids::{NewId, new_id, strict_id};
use crate::command::arguments::{integer, is};
use crate::command::context::Context;
use crate::command::failure::Failure;
use crate::keyspace::Bytes;
use crate::keyspace::stream::{Trim, TrimTo};

/// Whether the options are those of XADD or of XTRIM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Add,
    Trim,
}

/// How to trim, and the place of the threshold among the arguments.
pub struct Trimming {
    pub trim: Trim,
    pub place: usize,
}

pub struct Options {
    pub id: NewId,
    /// The place of the id; fields and values follow.
    pub id_place: usize,
    /// Do not create the stream.
    pub must_exist: bool,
    pub trimming: Option<Trimming>,
}

impl Default for Options {
    fn default() -> Self {
        Options { id: NewId::Any, id_place: 0, must_exist: false, trimming: None }
    }
}

/// Where the options begin, after the key.
const FIRST: usize = 2;

/// The place of what follows MAXLEN or MINID at `place`, and whether `~` is before it.
fn threshold(argv: &[Bytes], place: usize) -> (usize, bool) {
    let more = argv.len() - 1 - place;
    let next = argv[place + 1].as_slice();
    let approximate = more >= 2 && next == b"~";
    let exact = more >= 2 && next == b"=";
    (if approximate || exact { place + 2 } else { place + 1 }, approximate)
}

fn trimming(to: TrimTo, place: usize, whole_nodes: bool) -> Trimming {
    Trimming { trim: Trim { to, whole_nodes, limit: 0 }, place }
}

/// MAXLEN at `place`.
fn max_len(argv: &[Bytes], place: usize) -> Result<Trimming, Failure> {
    let (place, approximate) = threshold(argv, place);
    let length = u64::try_from(integer(&argv[place])?);
    let length = length.map_err(|_| Failure::new("The MAXLEN argument must be >= 0."))?;
    Ok(trimming(TrimTo::Length(length), place, approximate))
}

/// MINID at `place`.
fn min_id(argv: &[Bytes], place: usize) -> Result<Trimming, Failure> {
    let (place, approximate) = threshold(argv, place);
    Ok(trimming(TrimTo::Id(strict_id(&argv[place], 0)?), place, approximate))
}

/// `[MAXLEN [~|=] count] id`
pub fn plain_options(argv: &[Bytes], asked: Asked, _ctx: &Context<'_>) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut place = FIRST;
    while let Some(word) = argv.get(place) {
        let more = place + 1 < argv.len();
        if asked == Asked::Add && word == b"*" {
            break;
        } else if is(word, "maxlen") && more {
            let trimming = max_len(argv, place)?;
            place = trimming.place;
            options.trimming = Some(trimming);
        } else if asked == Asked::Add {
            options.id = NewId::Given(strict_id(word, 0)?);
            break;
        } else {
            return Err(Failure::syntax());
        }
        place += 1;
    }
    if asked == Asked::Trim && options.trimming.is_none() {
        return Err(Failure::new("XTRIM called without an option to trim the stream"));
    }
    options.id_place = place;
    Ok(options)
}

/// `[NOMKSTREAM] [MAXLEN|MINID [~|=] threshold [LIMIT count]] id`
pub fn counted_options(
    argv: &[Bytes],
    asked: Asked,
    ctx: &Context<'_>,
) -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut limit = None;
    let mut place = FIRST;
    while let Some(word) = argv.get(place) {
        let more = place + 1 < argv.len();
        if asked == Asked::Add && word == b"*" {
            break;
        } else if (is(word, "maxlen") || is(word, "minid")) && more {
            if options.trimming.is_some() {
                return Err(Failure::new(
                    "syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            let parse = if is(word, "maxlen") { max_len } else { min_id };
            let trimming = parse(argv, place)?;
            place = trimming.place;
            options.trimming = Some(trimming);
        } else if is(word, "limit") && more {
            place += 1;
            let count = u64::try_from(integer(&argv[place])?);
            let count = count.map_err(|_| Failure::new("The LIMIT argument must be >= 0."))?;
            limit = Some(count);
        } else if asked == Asked::Add && is(word, "nomkstream") {
            options.must_exist = true;
        } else if asked == Asked::Add {
            options.id = new_id(word)?;
            break;
        } else {
            return Err(Failure::syntax());
        }
        place += 1;
    }
    options.id_place = place;
    set_limit(&mut options, limit, asked, ctx)?;
    Ok(options)
}

/// Most entries that `~` removes at once, if nothing is asked for; the AOF says what was removed.
fn set_limit(
    options: &mut Options,
    limit: Option<u64>,
    asked: Asked,
    ctx: &Context<'_>,
) -> Result<(), Failure> {
    let Some(Trimming { trim, .. }) = &mut options.trimming else {
        let words = match asked {
            _ if limit.is_some_and(|limit| limit != 0) => {
                "syntax error, LIMIT cannot be used without specifying a trimming strategy"
            }
            Asked::Trim => "syntax error, XTRIM must be called with a trimming strategy",
            // Of an XADD that does not trim, LIMIT 0 is refused for its `~`.
            Asked::Add if limit.is_some() && !ctx.loading => NO_TILDE,
            Asked::Add => return Ok(()),
        };
        return Err(Failure::new(words));
    };
    if ctx.loading {
        return Ok(());
    }
    let nodes_of = ctx.keyspace.limits.stream.node_max_entries;
    trim.limit = match (limit, trim.whole_nodes) {
        (Some(_), false) => return Err(Failure::new(NO_TILDE)),
        (Some(limit), true) => limit,
        (None, false) => 0,
        (None, true) if nodes_of == 0 => 10_000,
        (None, true) => nodes_of.saturating_mul(100).min(1_000_000),
    };
    Ok(())
}

const NO_TILDE: &str = "syntax error, LIMIT cannot be used without the special ~ option";
