//! Times and framing, which both ways need.
//!
//! Must not know: the commands.

use crate::keyspace::Bytes;

/// How a command states an expiry time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    in_seconds: bool,
    relative: bool,
}

impl Expiry {
    pub(super) const EXPIRE: Expiry = Expiry { in_seconds: true, relative: true };
    pub(super) const PEXPIRE: Expiry = Expiry { in_seconds: false, relative: true };
    pub(super) const EXPIREAT: Expiry = Expiry { in_seconds: true, relative: false };
    pub(super) const PEXPIREAT: Expiry = Expiry { in_seconds: false, relative: false };

    /// The time in milliseconds since the epoch.
    pub(super) fn when(self, time: &[u8], now: &mut dyn FnMut() -> i64) -> Bytes {
        let mut when = strtoll(time);
        if self.in_seconds {
            when = when.wrapping_mul(1000);
        }
        if self.relative {
            when = when.wrapping_add(now());
        }
        when.to_string().into_bytes()
    }
}

/// Appends a command unchanged, as a multi bulk (Redis: `catAppendOnlyGenericCommand`).
pub(in crate::aof) fn cat_append_only_generic_command(dst: &mut Vec<u8>, argv: &[Bytes]) {
    dst.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for arg in argv {
        dst.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        dst.extend_from_slice(arg);
        dst.extend_from_slice(b"\r\n");
    }
}

/// `strtoll(text, NULL, 10)`: the number at the start of `text`; 0 if there is none; clamped if it
/// is too large.
pub(in crate::aof) fn strtoll(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let digit = if negative { -digit } else { digit };
        number.saturating_mul(10).saturating_add(digit)
    })
}
