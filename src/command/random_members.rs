//! HRANDFIELD and ZRANDMEMBER (Redis: t_hash.c, t_zset.c).
//!
//! Must not know: how a member is found at its place.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use crate::keyspace::{Bytes, Hash, Random, ZSet};
use crate::resp::Reply;

/// How many, and whether with what belongs to each.
struct Wanted {
    /// Negative: members may repeat.
    count: i64,
    both: bool,
}

impl Wanted {
    /// `[count [word]]`; None for a single member.
    fn parse(words: &[Bytes], with: &str) -> Result<Option<Wanted>, Failure> {
        let (count, both) = match words {
            [] => return Ok(None),
            [count] => (integer(count)?, false),
            [count, word] if is(word, with) => (integer(count)?, true),
            [count, ..] => return integer(count).and(Err(Failure::syntax())),
        };
        if count == i64::MIN {
            let words = "value is out of range, value must between -9223372036854775807 and \
                         9223372036854775807";
            return Err(Failure::new(words));
        }
        if both && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(Failure::new("value is out of range"));
        }
        Ok(Some(Wanted { count, both }))
    }

    /// Places below `length`, which is not 0.
    fn places(&self, length: usize, random: &mut Random) -> Vec<usize> {
        if self.count < 0 {
            return (0..self.count.unsigned_abs()).map(|_| random.below(length)).collect();
        }
        let mut places: Vec<usize> = (0..length).collect();
        if (self.count as usize) < length {
            for place in 0..self.count as usize {
                places.swap(place, place + random.below(length - place));
            }
            places.truncate(self.count as usize);
        }
        places
    }
}

/// Replies with members of a collection of this length; `at` returns one with what belongs to it.
fn reply(
    length: usize,
    wanted: Option<Wanted>,
    random: &mut Random,
    at: impl Fn(usize) -> Option<[Reply; 2]>,
) -> Reply {
    match wanted {
        None if length == 0 => Reply::Null,
        None => at(random.below(length)).map_or(Reply::Null, |[member, _]| member),
        Some(_) if length == 0 => Reply::EMPTY_ARRAY,
        Some(wanted) => {
            let found = wanted.places(length, random).into_iter().filter_map(at);
            let parts = if wanted.both { 2 } else { 1 };
            Reply::Array(found.flat_map(|pair| pair.into_iter().take(parts)).collect())
        }
    }
}

/// `HRANDFIELD key [count [WITHVALUES]]`. With a negative count fields may repeat.
pub fn hrandfield(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let wanted = Wanted::parse(&argv[2..], "withvalues")?;
    let mut random = ctx.keyspace.random.clone();
    let hash = ctx.read_hash(&argv[1])?;
    let reply = reply(hash.map_or(0, Hash::len), wanted, &mut random, |place| {
        let (field, value) = hash?.get_index(place)?;
        Some([field, value].map(|text| Reply::Bulk(text.clone())))
    });
    ctx.keyspace.random = random;
    Ok(reply)
}

/// `ZRANDMEMBER key [count [WITHSCORES]]`. With a negative count members may repeat.
pub fn zrandmember(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let wanted = Wanted::parse(&argv[2..], "withscores")?;
    let mut random = ctx.keyspace.random.clone();
    let zset = ctx.read_zset(&argv[1])?;
    let reply = reply(zset.map_or(0, ZSet::len), wanted, &mut random, |place| {
        let (member, score) = zset?.get_index(place)?;
        Some([Reply::Bulk(member.clone()), Reply::double(score)])
    });
    ctx.keyspace.random = random;
    Ok(reply)
}
