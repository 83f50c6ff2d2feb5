//! Lists: pushing, popping and reading (Redis: t_list.c).
//!
//! Must not know: other types, except that a key may hold one.

use std::collections::VecDeque;

use super::arguments::{NOT_POSITIVE, at_least, index_of, index_range, integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Head,
    Tail,
}

impl End {
    /// LEFT or RIGHT.
    pub fn named(word: &[u8]) -> Result<End, Failure> {
        match () {
            () if is(word, "left") => Ok(End::Head),
            () if is(word, "right") => Ok(End::Tail),
            () => Err(Failure::syntax()),
        }
    }

    /// Its name in a command.
    pub fn word(self) -> &'static str {
        match self {
            End::Head => "left",
            End::Tail => "right",
        }
    }

    pub fn push(self, list: &mut VecDeque<Bytes>, element: Bytes) {
        match self {
            End::Head => list.push_front(element),
            End::Tail => list.push_back(element),
        }
    }

    pub fn pop(self, list: &mut VecDeque<Bytes>) -> Option<Bytes> {
        match self {
            End::Head => list.pop_front(),
            End::Tail => list.pop_back(),
        }
    }
}

fn push(ctx: &mut Context<'_>, argv: &[Bytes], end: End) -> Answer {
    let list = ctx.list_or_add(&argv[1], VecDeque::new)?;
    argv[2..].iter().for_each(|element| end.push(list, element.clone()));
    let length = list.len();
    ctx.modified(&argv[1], argv.len() - 2);
    Ok(Reply::count(length))
}

/// RPUSH key element [element …]
pub fn rpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push(ctx, argv, End::Tail)
}

/// LPUSH key element [element …]
pub fn lpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push(ctx, argv, End::Head)
}

fn push_if_present(ctx: &mut Context<'_>, argv: &[Bytes], end: End) -> Answer {
    match ctx.write_list(&argv[1])? {
        Some(_) => push(ctx, argv, end),
        None => Ok(Reply::Integer(0)),
    }
}

/// RPUSHX key element [element …]
pub fn rpushx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push_if_present(ctx, argv, End::Tail)
}

/// LPUSHX key element [element …]
pub fn lpushx(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    push_if_present(ctx, argv, End::Head)
}

/// Pops one element; None if the key does not exist.
pub fn pop_one(ctx: &mut Context<'_>, key: &[u8], end: End) -> Result<Option<Bytes>, Failure> {
    let Some(list) = ctx.write_list(key)? else { return Ok(None) };
    let popped = end.pop(list);
    let empty = list.is_empty();
    ctx.delete_if(empty, key);
    ctx.modified(key, 1);
    Ok(popped)
}

fn pop(ctx: &mut Context<'_>, key: &[u8], end: End) -> Answer {
    Ok(pop_one(ctx, key, end)?.map_or(Reply::Null, Reply::Bulk))
}

/// RPOP key
pub fn rpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, &argv[1], End::Tail)
}

/// LPOP key
pub fn lpop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop(ctx, &argv[1], End::Head)
}

/// Takes up to `count` elements off an end; None if there is no list.
pub fn take(
    ctx: &mut Context<'_>,
    key: &Bytes,
    end: End,
    count: usize,
) -> Result<Option<Vec<Bytes>>, Failure> {
    let Some(list) = ctx.write_list(key)? else { return Ok(None) };
    let taken: Vec<Bytes> = std::iter::from_fn(|| end.pop(list)).take(count).collect();
    let empty = list.is_empty();
    ctx.delete_if(empty, key);
    ctx.modified(key, taken.len());
    Ok(Some(taken))
}

fn pop_some(ctx: &mut Context<'_>, name: &str, argv: &[Bytes], end: End) -> Answer {
    let count = match &argv[2..] {
        [] => return pop(ctx, &argv[1], end),
        [count] => at_least(count, 0, NOT_POSITIVE)?,
        _ => return Err(Failure::wrong_arity(name)),
    };
    if count == 0 {
        let exists = ctx.write_list(&argv[1])?.is_some();
        return Ok(if exists { Reply::EMPTY_ARRAY } else { Reply::NullArray });
    }
    Ok(take(ctx, &argv[1], end, count)?.map_or(Reply::NullArray, Reply::bulks))
}

/// `RPOP key [count]`
pub fn rpop_some(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop_some(ctx, "rpop", argv, End::Tail)
}

/// `LPOP key [count]`
pub fn lpop_some(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    pop_some(ctx, "lpop", argv, End::Head)
}

/// LLEN key
pub fn llen(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let length = ctx.read_list(&argv[1])?.map_or(0, VecDeque::len);
    Ok(Reply::count(length))
}

/// LINDEX key index
pub fn lindex(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(list) = ctx.read_list(&argv[1])? else { return Ok(Reply::Null) };
    let index = integer(&argv[2])?;
    let element = index_of(index, list.len()).and_then(|place| list.get(place));
    Ok(element.map_or(Reply::Null, |element| Reply::Bulk(element.clone())))
}

/// LRANGE key start stop
pub fn lrange(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (start, stop) = (integer(&argv[2])?, integer(&argv[3])?);
    let Some(list) = ctx.read_list(&argv[1])? else { return Ok(Reply::EMPTY_ARRAY) };
    Ok(Reply::bulks(list.range(index_range(start, stop, list.len())).cloned()))
}

/// The options of LPOS.
struct Search {
    /// The first match to return, counted from 1.
    rank: usize,
    backwards: bool,
    /// How many matches to return, 0 for all; None to return a single one.
    count: Option<usize>,
    /// How many elements to compare, 0 for all.
    maxlen: usize,
}

impl Search {
    fn parse(words: &[Bytes]) -> Result<Search, Failure> {
        let mut search = Search { rank: 1, backwards: false, count: None, maxlen: 0 };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(Failure::syntax()) };
            let not_negative =
                |words: &str| usize::try_from(integer(value)?).map_err(|_| Failure::new(words));
            if is(name, "rank") {
                let rank = integer(value)?;
                if rank == 0 {
                    return Err(Failure::new(
                        "RANK can't be zero: use 1 to start from the first match, 2 from the \
                         second, ...",
                    ));
                }
                search.rank = rank.unsigned_abs() as usize;
                search.backwards = rank < 0;
            } else if is(name, "count") {
                search.count = Some(not_negative("COUNT can't be negative")?);
            } else if is(name, "maxlen") {
                search.maxlen = not_negative("MAXLEN can't be negative")?;
            } else {
                return Err(Failure::syntax());
            }
        }
        Ok(search)
    }

    fn run(&self, list: &VecDeque<Bytes>, element: &Bytes) -> Vec<Reply> {
        let seen = if self.maxlen == 0 { list.len() } else { self.maxlen.min(list.len()) };
        let wanted = self.count.map_or(1, |count| if count == 0 { usize::MAX } else { count });
        (0..seen)
            .map(|step| if self.backwards { list.len() - 1 - step } else { step })
            .filter(|&place| list[place] == *element)
            .skip(self.rank - 1)
            .take(wanted)
            .map(Reply::count)
            .collect()
    }
}

/// LPOS key element [RANK rank] [COUNT count] [MAXLEN len]
pub fn lpos(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let search = Search::parse(&argv[3..])?;
    let mut found = match ctx.read_list(&argv[1])? {
        Some(list) => search.run(list, &argv[2]),
        None => Vec::new(),
    };
    Ok(match search.count {
        Some(_) => Reply::Array(found),
        None => found.pop().unwrap_or(Reply::Null),
    })
}
