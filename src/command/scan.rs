//! SCAN, SSCAN, HSCAN and ZSCAN: iterate in steps while keys come and go (Redis:
//! `scanGenericCommand`, db.c).
//!
//! Unlike in Redis, a cursor is the number of entries still to be visited, from the last to the
//! first; 0 starts and ends. A removed entry is replaced by the last one, which was already
//! visited. So every entry that exists from the first call to the last is returned.
//! Must not know: what the values mean.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Hash, Set, ZSet};
use crate::resp::Reply;
use crate::text::float::format_17g;
use crate::text::glob_match;

/// The options after the cursor.
struct Options {
    pattern: Option<Bytes>,
    count: usize,
    type_name: Option<Bytes>,
}

impl Options {
    fn parse(words: &[Bytes], type_allowed: bool) -> Result<Options, Failure> {
        let mut options = Options { pattern: None, count: 10, type_name: None };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(Failure::syntax()) };
            if is(name, "count") {
                let count = usize::try_from(integer(value)?).map_err(|_| Failure::syntax())?;
                if count < 1 {
                    return Err(Failure::syntax());
                }
                options.count = count;
            } else if is(name, "match") {
                options.pattern = Some(value.clone());
            } else if is(name, "type") && type_allowed {
                options.type_name = Some(value.clone());
            } else {
                return Err(Failure::syntax());
            }
        }
        Ok(options)
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob_match(pattern, name, false))
    }
}

/// Parses the whole argument as `strtoul` does (Redis: `parseScanCursorOrReply`).
fn parse_cursor(argument: &[u8]) -> Result<u64, Failure> {
    let invalid = || Failure::new("invalid cursor");
    let digits = argument.strip_prefix(b"+").unwrap_or(argument);
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid());
    }
    let text = std::str::from_utf8(digits).map_err(|_| invalid())?;
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| invalid()) }
}

/// The indexes that this call visits, in descending order, and the next cursor.
fn portion(cursor: u64, count: usize, length: usize) -> (Vec<usize>, u64) {
    let end = match usize::try_from(cursor) {
        Ok(0) | Err(_) => length,
        Ok(left) => left.min(length),
    };
    let start = end.saturating_sub(count);
    ((start..end).rev().collect(), start as u64)
}

fn reply(cursor: u64, parts: Vec<Bytes>) -> Reply {
    Reply::Array(vec![Reply::bulk(cursor), Reply::bulks(parts)])
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub fn scan(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let cursor = parse_cursor(&argv[1])?;
    let options = Options::parse(&argv[2..], true)?;
    let dict = &ctx.db().dict;
    let (places, cursor) = portion(cursor, options.count, dict.len());
    let is_wanted = |place: usize| {
        let (key, value) = dict.get_index(place)?;
        let type_fits = options.type_name.as_ref().is_none_or(|name| is(name, value.type_name()));
        (options.matches(key) && type_fits).then(|| key.clone())
    };
    let mut keys: Vec<Bytes> = places.into_iter().filter_map(is_wanted).collect();
    let db = ctx.session.db;
    keys.retain(|key| !ctx.expire_in(db, key));
    Ok(reply(cursor, keys))
}

/// The common part of SSCAN, HSCAN and ZSCAN. Values in a compact encoding are returned whole;
/// `parts` returns the entry at an index, its name first.
fn scan_value(
    argv: &[Bytes],
    compact: bool,
    length: usize,
    parts: impl Fn(usize) -> Vec<Bytes>,
) -> Answer {
    let cursor = parse_cursor(&argv[2])?;
    let options = Options::parse(&argv[3..], false)?;
    let (places, cursor) = match compact {
        true => ((0..length).collect(), 0),
        false => portion(cursor, options.count, length),
    };
    let found = places.into_iter().map(parts).filter(|parts| options.matches(&parts[0]));
    Ok(reply(cursor, found.flatten().collect()))
}

/// The reply if the key does not exist; the cursor is still checked.
fn scan_nothing(argv: &[Bytes]) -> Answer {
    parse_cursor(&argv[2])?;
    Ok(reply(0, Vec::new()))
}

const WITHIN: &str = "a portion is within the value";

/// SSCAN key cursor [MATCH pattern] [COUNT count]
pub fn sscan(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(set) = ctx.read_set(&argv[1])? else { return scan_nothing(argv) };
    let parts = |place| vec![set.get_index(place).expect(WITHIN).into_owned()];
    scan_value(argv, Set::is_intset(set), set.len(), parts)
}

/// HSCAN key cursor [MATCH pattern] [COUNT count]
pub fn hscan(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(hash) = ctx.read_hash(&argv[1])? else { return scan_nothing(argv) };
    let parts = |place| {
        let (field, value) = hash.get_index(place).expect(WITHIN);
        vec![field.clone(), value.clone()]
    };
    scan_value(argv, Hash::is_ziplist(hash), hash.len(), parts)
}

/// ZSCAN key cursor [MATCH pattern] [COUNT count]
pub fn zscan(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(zset) = ctx.read_zset(&argv[1])? else { return scan_nothing(argv) };
    let parts = |place| {
        let (member, score) = zset.get_index(place).expect(WITHIN);
        vec![member.clone(), format_17g(score).into_bytes()]
    };
    scan_value(argv, ZSet::is_ziplist(zset), zset.len(), parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_sees_all_that_stays() {
        let mut all: Vec<u32> = (0..100).collect();
        let (mut cursor, mut seen, mut step) = (0, Vec::new(), 0);
        loop {
            let (places, next) = portion(cursor, 7, all.len());
            seen.extend(places.into_iter().map(|place| all[place]));
            // Every third number goes, wherever it is; new ones come.
            if let Some(place) = all.iter().position(|number| number % 3 == 1) {
                all.swap_remove(place);
            }
            step += 1;
            all.push(1000 + 3 * step);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        for number in (0..100).filter(|number| number % 3 != 1) {
            assert!(seen.contains(&number), "{number}");
        }
    }

    #[test]
    fn cursors_are_whole_numbers() {
        assert_eq!(parse_cursor(b"18446744073709551615"), Ok(u64::MAX));
        assert!(parse_cursor(b"18446744073709551616").is_err());
        assert!(parse_cursor(b"-1x").is_err() && parse_cursor(b" 1").is_err());
    }
}
