//! Sets (Redis: t_set.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::{Answer, Context, Failure, integer};
use crate::keyspace::{Bytes, BytesSet, Value};
use crate::resp::Reply;

/// SADD key member [member …]
pub fn sadd(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    ctx.expire_if_needed(&argv[1]);
    let entry = ctx.db().dict.entry(argv[1].clone());
    let Value::Set(set) = entry.or_insert_with(|| Value::Set(BytesSet::default())) else {
        return Err(Failure::wrong_type());
    };
    let added = argv[2..].iter().filter(|member| set.insert(member.to_vec())).count();
    ctx.changed(added);
    Ok(Reply::Integer(added as i64))
}

/// SREM key member [member …]
pub fn srem(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(set) = ctx.write_set(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let removed = argv[2..].iter().filter(|member| set.swap_remove(member.as_slice())).count();
    if set.is_empty() {
        ctx.db().delete(&argv[1]);
    }
    ctx.changed(removed);
    Ok(Reply::Integer(removed as i64))
}

/// SPOP key [count]. Redis picks at random; here the youngest member goes first, which no client
/// can rely on and every run repeats. The file says which members went.
pub fn spop(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = match argv {
        [_, _] => None,
        [_, _, count] => Some(pop_count(count)?),
        _ => return Err(Failure::syntax()),
    };
    let Some(set) = ctx.write_set(&argv[1])? else {
        return Ok(if count.is_some() { Reply::Array(Vec::new()) } else { Reply::Null });
    };
    let popped: Vec<Bytes> = (0..count.unwrap_or(1)).map_while(|_| set.pop()).collect();
    let emptied = set.is_empty();
    if emptied {
        ctx.db().delete(&argv[1]);
    }
    ctx.changed(popped.len());
    ctx.effects.rewritten = Some(match count {
        Some(_) if emptied => vec![vec![b"DEL".to_vec(), argv[1].clone()]],
        _ => popped
            .iter()
            .map(|member| vec![b"SREM".to_vec(), argv[1].clone(), member.clone()])
            .collect(),
    });
    Ok(match count {
        None => popped.into_iter().next().map_or(Reply::Null, Reply::Bulk),
        Some(_) => Reply::bulks(popped),
    })
}

fn pop_count(count: &[u8]) -> Result<usize, Failure> {
    usize::try_from(integer(count)?).map_err(|_| Failure::new("index out of range"))
}

/// SISMEMBER key member
pub fn sismember(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let is_member = ctx.read_set(&argv[1])?.is_some_and(|set| set.contains(&argv[2]));
    Ok(Reply::Integer(i64::from(is_member)))
}

/// SCARD key
pub fn scard(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let count = ctx.read_set(&argv[1])?.map_or(0, BytesSet::len);
    Ok(Reply::Integer(count as i64))
}

/// SMEMBERS key
pub fn smembers(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let members = ctx.read_set(&argv[1])?.map(|set| Reply::bulks(set.iter().cloned()));
    Ok(members.unwrap_or(Reply::Array(Vec::new())))
}
