//! When a string expires, as SET and GETEX state it (Redis: `getExpireMillisecondsOrReply`).
//!
//! Must not know: what is done with it.

use super::arguments::integer;
use super::context::Context;
use super::failure::Failure;
use crate::keyspace::Bytes;

/// When a key expires.
#[derive(Clone)]
pub struct Lifetime {
    /// The time as given.
    given: Bytes,
    /// Its unit in milliseconds.
    unit: i64,
    /// It counts from the epoch instead of from now.
    absolute: bool,
}

impl Lifetime {
    /// From now, in units of so many milliseconds.
    pub fn relative(given: &Bytes, unit: i64) -> Lifetime {
        Lifetime { given: given.clone(), unit, absolute: false }
    }

    /// EX, PX, EXAT or PXAT with its argument.
    pub fn option(word: &[u8], given: &Bytes) -> Option<Lifetime> {
        let (unit, absolute) = match word.to_ascii_lowercase().as_slice() {
            b"ex" => (1000, false),
            b"px" => (1, false),
            b"exat" => (1000, true),
            b"pxat" => (1, true),
            _ => return None,
        };
        Some(Lifetime { given: given.clone(), unit, absolute })
    }

    /// Whether both are given by the same option.
    pub fn is_stated_as(&self, other: &Lifetime) -> bool {
        (self.unit, self.absolute) == (other.unit, other.absolute)
    }

    pub fn unit(&self) -> i64 {
        self.unit
    }

    pub fn is_absolute(&self) -> bool {
        self.absolute
    }

    /// Milliseconds since the epoch. The time must be positive; what is too large wraps around.
    pub fn wrapping(&self, ctx: &Context<'_>, command: &str) -> Result<i64, Failure> {
        let given = integer(&self.given)?;
        if given <= 0 {
            return Err(invalid(ctx, command));
        }
        Ok(given.wrapping_mul(self.unit).wrapping_add(self.base(ctx)))
    }

    /// The same, and what is too large is an error.
    pub fn checked(&self, ctx: &Context<'_>, command: &str) -> Result<i64, Failure> {
        let given = Some(integer(&self.given)?).filter(|&given| given > 0);
        let when = given.and_then(|given| given.checked_mul(self.unit));
        let when = when.and_then(|when| when.checked_add(self.base(ctx)));
        when.ok_or_else(|| invalid(ctx, command))
    }

    fn base(&self, ctx: &Context<'_>) -> i64 {
        if self.absolute { 0 } else { ctx.now_ms() }
    }
}

fn invalid(ctx: &Context<'_>, command: &str) -> Failure {
    Failure::new(ctx.keyspace.generation.words.invalid_expire_time(command))
}
