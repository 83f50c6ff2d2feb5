//! Strings as bit arrays; bit 0 is the most significant bit of the first byte (Redis: bitops.c).
//!
//! Must not know: other types, except that a key may hold one.

use super::arguments::integer;
use super::context::Context;
use super::failure::{Answer, Failure};
use super::strings::byte_range;
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::resp::request::BULK_MAX_LEN;
use crate::text::parse_integer;

/// The byte that holds a bit, and its mask.
fn position(argument: &[u8]) -> Result<(usize, u8), Failure> {
    let offset = parse_integer(argument).filter(|offset| (0..BULK_MAX_LEN * 8).contains(offset));
    let wrong = || Failure::new("bit offset is not an integer or out of range");
    let offset = offset.ok_or_else(wrong)?;
    Ok(((offset >> 3) as usize, 0x80 >> (offset & 7)))
}

/// SETBIT key offset bit
pub fn setbit(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (byte, mask) = position(&argv[2])?;
    let on = match parse_integer(&argv[3]) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => return Err(Failure::new("bit is not an integer or out of range")),
    };
    ctx.write_string(&argv[1])?;
    let string = ctx.string_in_place(&argv[1]);
    if string.len() <= byte {
        string.resize(byte + 1, 0);
    }
    let old = string[byte] & mask != 0;
    if on {
        string[byte] |= mask;
    } else {
        string[byte] &= !mask;
    }
    ctx.modified(&argv[1], 1);
    Ok(Reply::Integer(i64::from(old)))
}

/// GETBIT key offset
pub fn getbit(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let (byte, mask) = position(&argv[2])?;
    let string = ctx.read_string(&argv[1])?;
    let bit = string.and_then(|string| string.get(byte)).is_some_and(|byte| byte & mask != 0);
    Ok(Reply::Integer(i64::from(bit)))
}

/// BITCOUNT key [start end], in bytes
pub fn bitcount(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let Some(string) = ctx.read_string(&argv[1])? else { return Ok(Reply::Integer(0)) };
    let range = match &argv[2..] {
        [] => Some(0..string.len()),
        [start, end] => byte_range(integer(start)?, integer(end)?, string.len()),
        _ => return Err(Failure::syntax()),
    };
    let bytes = range.map(|range| &string[range]).unwrap_or_default();
    Ok(Reply::Integer(bytes.iter().map(|byte| i64::from(byte.count_ones())).sum()))
}
