//! Strings: SET, GET and their variants, and substrings (Redis: t_string.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::integer;
use super::context::Context;
use super::failure::{Answer, Failure};
use super::lifetime::Lifetime;
use crate::keyspace::{Bytes, StringValue, Value};
use crate::resp::Reply;
use crate::resp::request::BULK_MAX_LEN;

/// The options of SET.
#[derive(Default)]
struct SetOptions {
    only_if_absent: bool,
    only_if_present: bool,
    keep_ttl: bool,
    /// Reply with the old value.
    get: bool,
    lifetime: Option<Lifetime>,
    /// An expiry time that is too large is an error.
    checked: bool,
}

/// SET key value [EX seconds | PX milliseconds | KEEPTTL] [NX | XX]
pub fn set(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = parse_options(&argv[3..])?;
    set_generic(ctx, "set", &argv[1], &argv[2], &options)
}

/// `SET key value [EX seconds | PX milliseconds | EXAT seconds-since-the-epoch | PXAT
/// milliseconds-since-the-epoch | KEEPTTL] [NX | XX] [GET]`
pub fn set_until(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = parse_later_options(&argv[3..])?;
    set_generic(ctx, "set", &argv[1], &argv[2], &options)
}

/// SETEX key seconds value
pub fn setex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let lifetime = Some(Lifetime::relative(&argv[2], 1000));
    let options = SetOptions { lifetime, ..SetOptions::default() };
    set_generic(ctx, "setex", &argv[1], &argv[3], &options)
}

/// PSETEX key milliseconds value
pub fn psetex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let lifetime = Some(Lifetime::relative(&argv[2], 1));
    let options = SetOptions { lifetime, ..SetOptions::default() };
    set_generic(ctx, "psetex", &argv[1], &argv[3], &options)
}

/// The same; a time that is too large is an error.
pub fn setex_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let lifetime = Some(Lifetime::relative(&argv[2], 1000));
    let options = SetOptions { lifetime, checked: true, ..SetOptions::default() };
    set_generic(ctx, "setex", &argv[1], &argv[3], &options)
}

/// The same.
pub fn psetex_checked(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let lifetime = Some(Lifetime::relative(&argv[2], 1));
    let options = SetOptions { lifetime, checked: true, ..SetOptions::default() };
    set_generic(ctx, "psetex", &argv[1], &argv[3], &options)
}

/// SETNX key value
pub fn setnx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let options = SetOptions { only_if_absent: true, ..SetOptions::default() };
    let reply = set_generic(ctx, "setnx", &argv[1], &argv[2], &options)?;
    Ok(Reply::Integer(i64::from(reply == Reply::OK)))
}

fn parse_options(words: &[Bytes]) -> Result<SetOptions, Failure> {
    let mut options = SetOptions::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let timed = options.lifetime.as_ref().map(Lifetime::unit);
        match word.to_ascii_lowercase().as_slice() {
            b"nx" if !options.only_if_present => options.only_if_absent = true,
            b"xx" if !options.only_if_absent => options.only_if_present = true,
            b"keepttl" if timed.is_none() => options.keep_ttl = true,
            b"ex" if !options.keep_ttl && timed != Some(1) => {
                let seconds = words.next().ok_or_else(Failure::syntax)?;
                options.lifetime = Some(Lifetime::relative(seconds, 1000));
            }
            b"px" if !options.keep_ttl && timed != Some(1000) => {
                let milliseconds = words.next().ok_or_else(Failure::syntax)?;
                options.lifetime = Some(Lifetime::relative(milliseconds, 1));
            }
            _ => return Err(Failure::syntax()),
        }
    }
    Ok(options)
}

fn parse_later_options(words: &[Bytes]) -> Result<SetOptions, Failure> {
    let mut options = SetOptions { checked: true, ..SetOptions::default() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" if !options.only_if_present => options.only_if_absent = true,
            b"xx" if !options.only_if_absent => options.only_if_present = true,
            b"get" => options.get = true,
            b"keepttl" if options.lifetime.is_none() => options.keep_ttl = true,
            _ => {
                let given = words.next().ok_or_else(Failure::syntax)?;
                let lifetime = Lifetime::option(word, given).ok_or_else(Failure::syntax)?;
                // The same option may be repeated, and the last time counts.
                let other = options.lifetime.as_ref();
                if options.keep_ttl || other.is_some_and(|other| !other.is_stated_as(&lifetime)) {
                    return Err(Failure::syntax());
                }
                options.lifetime = Some(lifetime);
            }
        }
    }
    Ok(options)
}

fn set_generic(
    ctx: &mut Context<'_>,
    name: &str,
    key: &[u8],
    value: &[u8],
    options: &SetOptions,
) -> Answer {
    let when = match &options.lifetime {
        None => None,
        Some(lifetime) if options.checked => Some(lifetime.checked(ctx, name)?),
        Some(lifetime) => Some(lifetime.wrapping(ctx, name)?),
    };
    let old = match options.get {
        true => Some(bulk_or_null(ctx.read_string(key)?)),
        false => None,
    };
    if (options.only_if_absent && ctx.write(key).is_some())
        || (options.only_if_present && ctx.write(key).is_none())
    {
        return Ok(old.unwrap_or(Reply::Null));
    }
    ctx.set(key, Value::string(value), options.keep_ttl);
    ctx.modified(key, 1);
    if let Some(when) = when {
        ctx.db().set_expire(key, when);
    }
    Ok(old.unwrap_or(Reply::OK))
}

fn bulk_or_null(value: Option<&StringValue>) -> Reply {
    value.map_or(Reply::Null, |value| Reply::Bulk(value.to_vec()))
}

/// GET key
pub fn get(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(bulk_or_null(ctx.read_string(&argv[1])?))
}

/// GETSET key value
pub fn getset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let old = bulk_or_null(ctx.read_string(&argv[1])?);
    ctx.set(&argv[1], Value::string(argv[2].clone()), false);
    ctx.modified(&argv[1], 1);
    Ok(old)
}

/// MGET key [key …]
pub fn mget(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let value = |key: &Bytes| bulk_or_null(ctx.read_string(key).ok().flatten());
    Ok(Reply::Array(argv[1..].iter().map(value).collect()))
}

fn mset_generic(ctx: &mut Context<'_>, argv: &[Bytes], only_if_absent: bool) -> Answer {
    if argv.len().is_multiple_of(2) {
        return Err(Failure::new("wrong number of arguments for MSET"));
    }
    let mut keys = argv[1..].iter().step_by(2);
    if only_if_absent && keys.any(|key| ctx.write(key).is_some()) {
        return Ok(Reply::Integer(0));
    }
    for pair in argv[1..].chunks_exact(2) {
        ctx.set(&pair[0], Value::string(pair[1].clone()), false);
        ctx.modified(&pair[0], 1);
    }
    Ok(if only_if_absent { Reply::Integer(1) } else { Reply::OK })
}

/// MSET key value [key value …]
pub fn mset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    mset_generic(ctx, argv, false)
}

/// MSETNX key value [key value …]
pub fn msetnx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    mset_generic(ctx, argv, true)
}

/// STRLEN key
pub fn strlen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let length = ctx.read_string(&argv[1])?.map_or(0, |string| string.len());
    Ok(Reply::Integer(length as i64))
}

/// GETRANGE key start end, and SUBSTR, its old name. A negative end before the string counts as
/// index 0.
pub fn getrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (start, end) = (integer(&argv[2])?, integer(&argv[3])?);
    let Some(string) = ctx.read_string(&argv[1])? else { return Ok(Reply::bulk("")) };
    let part = byte_range(start, end, string.len()).map(|range| &string[range]);
    Ok(Reply::Bulk(part.unwrap_or_default().to_vec()))
}

/// The byte range of GETRANGE and BITCOUNT.
pub fn byte_range(start: i64, end: i64, length: usize) -> Option<std::ops::Range<usize>> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let length = length as i64;
    let within = |place: i64| if place < 0 { place.saturating_add(length).max(0) } else { place };
    let (start, end) = (within(start), within(end).min(length - 1));
    (start <= end).then(|| start as usize..end as usize + 1)
}

fn check_length(length: u64) -> Result<(), Failure> {
    if length > BULK_MAX_LEN as u64 {
        return Err(Failure::new("string exceeds maximum allowed size (proto-max-bulk-len)"));
    }
    Ok(())
}

/// APPEND key value
pub fn append(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (key, tail) = (&argv[1], &argv[2]);
    let length = tail.len() + ctx.write_string(key)?.map_or(0, |string| string.len());
    if ctx.db().dict.contains_key(key) {
        check_length(length as u64)?;
        ctx.string_in_place(key).extend_from_slice(tail);
    } else {
        ctx.add(key, Value::string(tail.clone()));
    }
    ctx.modified(key, 1);
    Ok(Reply::count(length))
}

/// SETRANGE key offset value
pub fn setrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let offset = integer(&argv[2])?;
    let offset = usize::try_from(offset).map_err(|_| Failure::new("offset is out of range"))?;
    let patch = &argv[3];
    let length = ctx.write_string(&argv[1])?.map_or(0, |string| string.len());
    if patch.is_empty() {
        return Ok(Reply::count(length));
    }
    let end = offset.saturating_add(patch.len());
    check_length(end as u64)?;
    let string = ctx.string_in_place(&argv[1]);
    if string.len() < end {
        string.resize(end, 0);
    }
    string[offset..end].copy_from_slice(patch);
    let length = string.len();
    ctx.modified(&argv[1], 1);
    Ok(Reply::count(length))
}
