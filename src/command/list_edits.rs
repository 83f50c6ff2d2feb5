//! Lists: changes by index or value, and RPOPLPUSH (Redis: t_list.c).
//!
//! Must not know: other types, except that a key may hold one.

use std::collections::VecDeque;

use super::arguments::{index_of, index_range, integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::list_moves::move_one;
use super::lists::End;
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// LSET key index element
pub fn lset(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let list = ctx.write_list(&argv[1])?.ok_or_else(Failure::no_such_key)?;
    let index = integer(&argv[2])?;
    let place = index_of(index, list.len()).ok_or_else(Failure::out_of_range)?;
    list[place] = argv[3].clone();
    ctx.modified(&argv[1], 1);
    Ok(Reply::OK)
}

/// LINSERT key BEFORE|AFTER pivot element
pub fn linsert(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let after = if is(&argv[2], "after") {
        true
    } else if is(&argv[2], "before") {
        false
    } else {
        return Err(Failure::syntax());
    };
    let Some(list) = ctx.write_list(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let Some(pivot) = list.iter().position(|element| *element == argv[3]) else {
        return Ok(Reply::Integer(-1));
    };
    list.insert(pivot + usize::from(after), argv[4].clone());
    let length = list.len();
    ctx.modified(&argv[1], 1);
    Ok(Reply::count(length))
}

/// Removes up to `limit` occurrences from the head. Returns how many.
fn remove_first(list: &mut VecDeque<Bytes>, limit: usize, element: &Bytes) -> usize {
    let mut removed = 0;
    list.retain(|candidate| {
        let goes = removed < limit && candidate == element;
        removed += usize::from(goes);
        !goes
    });
    removed
}

/// The same from the tail.
fn remove_last(list: &mut VecDeque<Bytes>, limit: usize, element: &Bytes) -> usize {
    let matches = list.iter().filter(|candidate| *candidate == element).count();
    let mut kept = matches.saturating_sub(limit);
    let removed = matches - kept;
    list.retain(|candidate| {
        let stays = candidate != element || kept > 0;
        kept -= usize::from(stays && candidate == element);
        stays
    });
    removed
}

/// LREM key count element. A negative count starts at the tail; 0 removes all.
pub fn lrem(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = integer(&argv[2])?;
    let Some(list) = ctx.write_list(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let limit = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let remove = if count < 0 { remove_last } else { remove_first };
    let removed = remove(list, limit, &argv[3]);
    let empty = list.is_empty();
    ctx.delete_if(empty, &argv[1]);
    if removed > 0 {
        ctx.modified(&argv[1], removed);
    }
    Ok(Reply::count(removed))
}

/// LTRIM key start stop
pub fn ltrim(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (start, stop) = (integer(&argv[2])?, integer(&argv[3])?);
    let Some(list) = ctx.write_list(&argv[1])? else { return Ok(Reply::OK) };
    let kept = index_range(start, stop, list.len());
    list.truncate(kept.end);
    list.drain(..kept.start);
    let empty = list.is_empty();
    ctx.delete_if(empty, &argv[1]);
    ctx.modified(&argv[1], 1);
    Ok(Reply::OK)
}

/// RPOPLPUSH source destination
pub fn rpoplpush(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let moved = move_one(ctx, [&argv[1], &argv[2]], [End::Tail, End::Head])?;
    Ok(moved.map_or(Reply::Null, Reply::Bulk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_from_either_end() {
        let list = || -> VecDeque<Bytes> {
            "a b a c a".split(' ').map(|word| word.as_bytes().to_vec()).collect()
        };
        let text = |list: &VecDeque<Bytes>| {
            String::from_utf8(list.iter().flatten().copied().collect()).expect("text")
        };
        let (mut first, mut last) = (list(), list());
        assert_eq!(remove_first(&mut first, 2, &b"a".to_vec()), 2);
        assert_eq!(remove_last(&mut last, 2, &b"a".to_vec()), 2);
        assert_eq!((text(&first), text(&last)), ("bca".to_string(), "abc".to_string()));
        assert_eq!(remove_last(&mut last, usize::MAX, &b"a".to_vec()), 1);
        assert_eq!(text(&last), "bc");
    }
}
