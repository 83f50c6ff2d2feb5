//! RENAME, RENAMENX, MOVE and SWAPDB (Redis: db.c).
//!
//! Must not know: what the values are made of.

use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::parse_integer;

/// Moves a value with its expiry time to another key, which must not exist.
fn transfer(ctx: &mut Context<'_>, from: (usize, &[u8]), to: (usize, &[u8])) {
    let source = &mut ctx.keyspace.dbs[from.0];
    let when = source.expires.swap_remove(from.1);
    let object = source.dict.swap_remove(from.1).expect("the caller has looked");
    ctx.add_in(to.0, to.1, object);
    if let Some(when) = when {
        ctx.keyspace.dbs[to.0].set_expire(to.1, when);
    }
    for (db, key) in [from, to] {
        ctx.keyspace.interest.touch_watched_key(db, key);
    }
    ctx.changed(1);
}

/// Returns whether the key was renamed.
fn rename_generic(
    ctx: &mut Context<'_>,
    argv: &[Bytes],
    only_if_absent: bool,
) -> Result<bool, Failure> {
    let (from, to) = (&argv[1], &argv[2]);
    ctx.write(from).ok_or_else(Failure::no_such_key)?;
    if from == to {
        return Ok(!only_if_absent);
    }
    if ctx.write(to).is_some() {
        if only_if_absent {
            return Ok(false);
        }
        ctx.db().delete(to);
    }
    let db = ctx.session.db;
    transfer(ctx, (db, from), (db, to));
    Ok(true)
}

/// RENAME key newkey
pub fn rename(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    rename_generic(ctx, argv, false).map(|_| Reply::OK)
}

/// RENAMENX key newkey
pub fn renamenx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    rename_generic(ctx, argv, true).map(|renamed| Reply::Integer(i64::from(renamed)))
}

/// MOVE key db
pub fn move_(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (key, source) = (&argv[1], ctx.session.db);
    let index = parse_integer(&argv[2]).and_then(|index| usize::try_from(index).ok());
    let target = index.filter(|&index| index < ctx.keyspace.dbs.len());
    let target = target.ok_or_else(Failure::out_of_range)?;
    if source == target {
        return Err(Failure::new("source and destination objects are the same"));
    }
    if ctx.write(key).is_none() {
        return Ok(Reply::Integer(0));
    }
    ctx.expire_in(target, key);
    if ctx.keyspace.dbs[target].dict.contains_key(key) {
        return Ok(Reply::Integer(0));
    }
    transfer(ctx, (source, key), (target, key));
    Ok(Reply::Integer(1))
}

/// SWAPDB index index
pub fn swapdb(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let index = |word: &Bytes, which: &str| {
        let number = parse_integer(word).and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| Failure::new(format!("invalid {which} DB index")))
    };
    let (one, other) = (index(&argv[1], "first")?, index(&argv[2], "second")?);
    let known = |index: i32| usize::try_from(index).ok().filter(|&db| db < ctx.keyspace.dbs.len());
    let (Some(one), Some(other)) = (known(one), known(other)) else {
        return Err(Failure::new("DB index is out of range"));
    };
    ctx.keyspace.swap_databases(one, other);
    ctx.changed(1);
    Ok(Reply::OK)
}
