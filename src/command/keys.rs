//! Commands on keys of any type, and on whole databases (Redis: db.c).
//!
//! Must not know: what the values are made of.

use super::arguments::is;
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::access::{Object, Tracking};
use crate::keyspace::{Bytes, Keyspace};
use crate::resp::Reply;
use crate::text::glob_match;

/// DEL key [key …], and UNLINK, which frees at once here.
pub fn del(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let mut deleted = 0;
    for key in &argv[1..] {
        ctx.expire_if_needed(key);
        if ctx.db().delete(key) {
            ctx.modified(key, 1);
            deleted += 1;
        }
    }
    Ok(Reply::count(deleted))
}

/// EXISTS key [key …], and TOUCH. A repeated key counts each time.
pub fn exists(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::count(argv[1..].iter().filter(|key| ctx.read(key).is_some()).count()))
}

/// TYPE key
pub fn type_(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::status(ctx.peek(&argv[1]).map_or("none", |value| value.type_name())))
}

/// One subcommand of OBJECT.
type Describe = fn(&Keyspace, &Object) -> Answer;

/// OBJECT ENCODING key | REFCOUNT key | IDLETIME key | FREQ key. Does not touch the value, counts
/// neither hit nor miss, and expires nothing.
pub fn object(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let [_, sub, key] = argv else {
        return Err(Failure::subcommand(ctx.keyspace.generation, argv));
    };
    let describe: Describe = match sub.to_ascii_lowercase().as_slice() {
        b"encoding" => |keyspace, object| Ok(Reply::bulk(object.encoding(keyspace.limits.compact))),
        b"refcount" => |_, object| Ok(Reply::Integer(object.refcount())),
        b"idletime" => idle_time,
        b"freq" => frequency,
        _ => return Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    };
    let object = ctx.keyspace.dbs[ctx.session.db].dict.get(key);
    object.map_or(Ok(Reply::Null), |object| describe(ctx.keyspace, object))
}

fn idle_time(keyspace: &Keyspace, object: &Object) -> Answer {
    let access = &keyspace.access;
    if access.settings.tracking == Tracking::Frequency {
        return Err(Failure::new(
            "An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    Ok(Reply::Integer(access.idle_seconds(object)))
}

fn frequency(keyspace: &Keyspace, object: &Object) -> Answer {
    let access = &keyspace.access;
    if access.settings.tracking != Tracking::Frequency {
        return Err(Failure::new(
            "An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
             that when switching between policies at runtime LRU and LFU data will take some time \
             to adjust.",
        ));
    }
    Ok(Reply::Integer(access.frequency(object).into()))
}

/// RANDOMKEY
pub fn randomkey(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    loop {
        let count = ctx.db().dict.len();
        if count == 0 {
            return Ok(Reply::Null);
        }
        let place = ctx.keyspace.random.below(count);
        let (key, _) = ctx.db().dict.get_index(place).expect("the place is within");
        let key = key.clone();
        if !ctx.expire_in(ctx.session.db, &key) {
            return Ok(Reply::Bulk(key));
        }
    }
}

/// KEYS pattern. Expired keys are left out but not deleted.
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
    Ok(Reply::count(ctx.db().dict.len()))
}

/// Only these words are allowed; they have no effect here.
fn check_flush_options(argv: &[Bytes], known: &[&str]) -> Result<(), Failure> {
    match &argv[1..] {
        [] => Ok(()),
        [word] if known.iter().any(|known| is(word, known)) => Ok(()),
        _ => Err(Failure::syntax()),
    }
}

/// Marks the clients that watch an existing key in a database that is about to be emptied.
fn touch_watched(ctx: &mut Context<'_>, emptied: impl Fn(usize, usize) -> bool) {
    let (selected, dbs) = (ctx.session.db, &ctx.keyspace.dbs);
    let removed = |db: usize, key: &[u8]| emptied(db, selected) && dbs[db].dict.contains_key(key);
    ctx.keyspace.interest.touch_watched_keys_on_flush(removed);
}

/// `FLUSHDB [ASYNC]`. Not propagated if the database was empty.
pub fn flushdb(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv, &["async"])?;
    clear_selected(ctx);
    Ok(Reply::OK)
}

/// `FLUSHDB [ASYNC | SYNC]`. Propagated in any case.
pub fn flushdb_forced(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv, &["async", "sync"])?;
    clear_selected(ctx);
    ctx.effects.forced = true;
    Ok(Reply::OK)
}

fn clear_selected(ctx: &mut Context<'_>) {
    touch_watched(ctx, |db, selected| db == selected);
    let removed = ctx.db().clear();
    ctx.changed(removed);
}

/// `FLUSHALL [ASYNC]`. Counts as one change more, so that it is propagated even if there were no
/// keys.
pub fn flushall(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv, &["async"])?;
    clear_all(ctx);
    ctx.changed(1);
    Ok(Reply::OK)
}

/// `FLUSHALL [ASYNC | SYNC]`. Propagated in any case.
pub fn flushall_forced(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    check_flush_options(argv, &["async", "sync"])?;
    clear_all(ctx);
    ctx.effects.forced = true;
    Ok(Reply::OK)
}

fn clear_all(ctx: &mut Context<'_>) {
    touch_watched(ctx, |_, _| true);
    let removed = ctx.keyspace.clear();
    ctx.changed(removed);
    ctx.effects.flushed_all = true;
}
