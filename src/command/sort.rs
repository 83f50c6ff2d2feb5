//! SORT (Redis: sort.c).
//!
//! With ALPHA, strings are compared byte by byte, as in the C locale.
//! Must not know: how the result is used.

use std::cmp::Ordering;

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;
use crate::text::float::parse_double;

/// The options after the key.
#[derive(Default)]
struct Options {
    desc: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    by: Option<Bytes>,
    /// The BY pattern has no `*`, so nothing is sorted.
    nosort: bool,
    get: Vec<Bytes>,
    store: Option<Bytes>,
}

impl Options {
    fn parse(mut words: &[Bytes]) -> Result<Options, Failure> {
        let mut options = Options::default();
        loop {
            words = match words {
                [] => return Ok(options),
                [word, rest @ ..] if is(word, "asc") => {
                    options.desc = false;
                    rest
                }
                [word, rest @ ..] if is(word, "desc") => {
                    options.desc = true;
                    rest
                }
                [word, rest @ ..] if is(word, "alpha") => {
                    options.alpha = true;
                    rest
                }
                [word, start, count, rest @ ..] if is(word, "limit") => {
                    options.limit = Some((integer(start)?, integer(count)?));
                    rest
                }
                [word, key, rest @ ..] if is(word, "store") => {
                    options.store = Some(key.clone());
                    rest
                }
                [word, pattern, rest @ ..] if is(word, "by") => {
                    options.nosort |= !pattern.contains(&b'*');
                    options.by = Some(pattern.clone());
                    rest
                }
                [word, pattern, rest @ ..] if is(word, "get") => {
                    options.get.push(pattern.clone());
                    rest
                }
                _ => return Err(Failure::syntax()),
            };
        }
    }

    /// The indexes selected by LIMIT.
    fn range(&self, length: usize) -> std::ops::Range<usize> {
        let Some((start, count)) = self.limit else { return 0..length };
        let start = usize::try_from(start).unwrap_or(0).min(length);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(length)
    }
}

/// The elements in their stored order, and whether they come from a set.
fn elements(ctx: &mut Context<'_>, key: &[u8]) -> Result<(Vec<Bytes>, bool), Failure> {
    match ctx.write(key) {
        None => Ok((Vec::new(), false)),
        Some(Value::List(list)) => Ok((list.iter().cloned().collect(), false)),
        Some(Value::Set(set)) => Ok((set.iter().map(|member| member.into_owned()).collect(), true)),
        Some(Value::ZSet(zset)) => {
            // Redis iterates over a skip list here and converts a ziplist for that, permanently.
            zset.convert_to_skiplist();
            Ok((zset.iter().map(|(member, _)| member.clone()).collect(), false))
        }
        Some(_) => Err(Failure::wrong_type()),
    }
}

/// The value that a pattern refers to when `element` replaces its `*`: `#` is the element itself,
/// `key->field` a field of a hash (Redis: `lookupKeyByPattern`).
fn look_up(ctx: &mut Context<'_>, pattern: &[u8], element: &[u8]) -> Option<Bytes> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = rest.windows(2).position(|pair| pair == b"->");
    let field = arrow.map(|at| &rest[at + 2..]).filter(|field| !field.is_empty());
    let postfix = match (arrow, field) {
        (Some(at), Some(_)) => &rest[..at],
        _ => rest,
    };
    let key = [prefix, element, postfix].concat();
    match (ctx.read(&key)?, field) {
        (Value::Hash(hash), Some(field)) => hash.get(field).cloned(),
        (Value::String(string), None) => Some(string.to_vec()),
        _ => None,
    }
}

/// The sort key of an element.
enum Weight {
    Number(f64),
    Text(Option<Bytes>),
}

fn weight(ctx: &mut Context<'_>, options: &Options, element: &Bytes) -> Result<Weight, Failure> {
    let value = match &options.by {
        Some(pattern) => look_up(ctx, pattern, element),
        None => Some(element.clone()),
    };
    if options.alpha {
        return Ok(Weight::Text(value));
    }
    let Some(value) = value else { return Ok(Weight::Number(0.0)) };
    let number = value.trim_ascii_start();
    let number = if number.is_empty() { Some(0.0) } else { parse_double(number) };
    number
        .map(Weight::Number)
        .ok_or_else(|| Failure::new("One or more scores can't be converted into double"))
}

/// Equal numbers are ordered by the elements' bytes.
fn compare(one: &(Weight, Bytes), other: &(Weight, Bytes)) -> Ordering {
    match (&one.0, &other.0) {
        (Weight::Number(a), Weight::Number(b)) => {
            a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| one.1.cmp(&other.1))
        }
        (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

fn sorted(
    ctx: &mut Context<'_>,
    options: &Options,
    elements: Vec<Bytes>,
) -> Result<Vec<Bytes>, Failure> {
    let mut weighted = Vec::with_capacity(elements.len());
    for element in elements {
        weighted.push((weight(ctx, options, &element)?, element));
    }
    weighted.sort_by(compare);
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

/// `SORT key [BY pattern] [LIMIT start count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE key]`
pub fn sort(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let mut options = Options::parse(&argv[2..])?;
    let (mut elements, is_set) = elements(ctx, &argv[1])?;
    if options.nosort && is_set && options.store.is_some() {
        // A set has no order that a replica or the AOF could reproduce.
        options = Options { nosort: false, alpha: true, by: None, ..options };
    }
    if !options.nosort {
        elements = sorted(ctx, &options, elements)?;
    }
    if options.desc && !(options.nosort && is_set) {
        elements.reverse();
    }
    let range = options.range(elements.len());
    let found = output(ctx, &options, &elements[range]);
    match &options.store {
        None => {
            let bulk = |part: Option<Bytes>| part.map_or(Reply::Null, Reply::Bulk);
            Ok(Reply::Array(found.into_iter().map(bulk).collect()))
        }
        Some(key) => Ok(store(ctx, key, found)),
    }
}

fn output(ctx: &mut Context<'_>, options: &Options, elements: &[Bytes]) -> Vec<Option<Bytes>> {
    if options.get.is_empty() {
        return elements.iter().cloned().map(Some).collect();
    }
    let mut found = Vec::new();
    for element in elements {
        found.extend(options.get.iter().map(|pattern| look_up(ctx, pattern, element)));
    }
    found
}

/// A missing value is stored as an empty string.
fn store(ctx: &mut Context<'_>, key: &Bytes, found: Vec<Option<Bytes>>) -> Reply {
    let length = found.len();
    if length > 0 {
        let list = found.into_iter().map(Option::unwrap_or_default).collect();
        ctx.set(key, Value::List(list), false);
        ctx.modified(key, length);
    } else if ctx.db().delete(key) {
        ctx.modified(key, 1);
    }
    Reply::count(length)
}
