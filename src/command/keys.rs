//! Commands on keys of any type, and on whole databases (Redis: db.c).
//!
//! Must not know: what the values are made of.

use super::{Answer, Context, Failure};
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::glob_match;

/// DEL key [key …], and UNLINK: freeing is never put off here.
pub fn del(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let mut deleted = 0;
    for key in &argv[1..] {
        ctx.expire_if_needed(key);
        deleted += usize::from(ctx.db().delete(key));
    }
    ctx.changed(deleted);
    Ok(Reply::Integer(deleted as i64))
}

/// EXISTS key [key …]; a key that is named twice counts twice.
pub fn exists(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = argv[1..].iter().filter(|key| ctx.read(key).is_some()).count();
    Ok(Reply::Integer(count as i64))
}

/// TYPE key
pub fn type_(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::status(ctx.read(&argv[1]).map_or("none", |value| value.type_name())))
}

/// KEYS pattern; keys past their time are left out, but not removed.
pub fn keys(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let now = ctx.now_ms();
    let db = ctx.db();
    let matching = db
        .dict
        .keys()
        .filter(|key| glob_match(&argv[1], key, false) && !db.is_expired(key, now))
        .cloned();
    Ok(Reply::bulks(matching))
}

/// DBSIZE
pub fn dbsize(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    Ok(Reply::Integer(ctx.db().dict.len() as i64))
}

/// Only ASYNC may follow, and it makes no difference here.
fn check_flush_options(argv: &[Bytes]) -> Result<(), Failure> {
    match &argv[1..] {
        [] => Ok(()),
        [word] if word.eq_ignore_ascii_case(b"async") => Ok(()),
        _ => Err(Failure::syntax()),
    }
}

/// FLUSHDB [ASYNC]; not propagated when there was nothing to remove.
pub fn flushdb(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv)?;
    let removed = ctx.db().clear();
    ctx.changed(removed);
    Ok(Reply::OK)
}

/// FLUSHALL [ASYNC]; propagated even when there was nothing to remove.
pub fn flushall(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv)?;
    let removed = ctx.keyspace.clear();
    ctx.changed(removed + 1);
    Ok(Reply::OK)
}
