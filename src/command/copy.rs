//! COPY (Redis: db.c).
//!
//! Must not know: what the values are made of.

use super::arguments::is;
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::parse_integer;

/// The options after the keys.
struct Options {
    db: usize,
    replace: bool,
}

impl Options {
    fn parse(ctx: &Context<'_>, mut words: &[Bytes]) -> Result<Options, Failure> {
        let mut options = Options { db: ctx.session.db, replace: false };
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if is(word, "replace") => {
                    options.replace = true;
                    rest
                }
                [word, index, rest @ ..] if is(word, "db") => {
                    let index = parse_integer(index).and_then(|index| i32::try_from(index).ok());
                    let index = usize::try_from(index.ok_or_else(Failure::not_an_integer)?);
                    let known = index.ok().filter(|&index| index < ctx.keyspace.dbs.len());
                    options.db = known.ok_or_else(|| Failure::new("DB index is out of range"))?;
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }
}

/// `COPY source destination [DB db] [REPLACE]`
pub fn copy(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (source, destination) = (&argv[1], &argv[2]);
    let Options { db, replace } = Options::parse(ctx, &argv[3..])?;
    if db == ctx.session.db && source == destination {
        return Err(Failure::new("source and destination objects are the same"));
    }
    let Some(value) = ctx.read(source).cloned() else { return Ok(Reply::Integer(0)) };
    let when = ctx.db().expires.get(source).copied();
    ctx.expire_in(db, destination);
    let target = &mut ctx.keyspace.dbs[db];
    if target.dict.contains_key(destination) {
        if !replace {
            return Ok(Reply::Integer(0));
        }
        target.delete(destination);
    }
    let object = ctx.keyspace.access.object(value);
    ctx.add_in(db, destination, object);
    if let Some(when) = when {
        ctx.keyspace.dbs[db].set_expire(destination, when);
    }
    ctx.keyspace.interest.touch_watched_key(db, destination);
    ctx.changed(1);
    Ok(Reply::Integer(1))
}
