//! A command as the AOF has it. A file is loaded later than it is written, so it must not contain
//! relative times.
//!
//! Must not know: what the commands do, and whether they succeeded.

mod absolute_option;
mod separate_expiry;

use crate::generation::Translation;
use crate::keyspace::Bytes;

/// How a command states an expiry time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expiry {
    in_seconds: bool,
    relative: bool,
}

impl Expiry {
    const EXPIRE: Expiry = Expiry { in_seconds: true, relative: true };
    const PEXPIRE: Expiry = Expiry { in_seconds: false, relative: true };
    const EXPIREAT: Expiry = Expiry { in_seconds: true, relative: false };
    const PEXPIREAT: Expiry = Expiry { in_seconds: false, relative: false };

    /// The time in milliseconds since the epoch.
    fn when(self, time: &[u8], now: &mut dyn FnMut() -> i64) -> Bytes {
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

/// Appends the commands that replay `argv`. `now` returns milliseconds since the epoch and is
/// called only when needed.
pub(super) fn cat_append_only_command(
    translation: Translation,
    dst: &mut Vec<u8>,
    argv: &[Bytes],
    now: &mut dyn FnMut() -> i64,
) {
    match translation {
        Translation::SeparateExpiry => separate_expiry::cat(dst, argv, now),
        Translation::AbsoluteOption => absolute_option::cat(dst, argv, now),
    }
}

/// Appends a command unchanged, as a multi bulk (Redis: `catAppendOnlyGenericCommand`).
pub(super) fn cat_append_only_generic_command(dst: &mut Vec<u8>, argv: &[Bytes]) {
    dst.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for arg in argv {
        dst.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        dst.extend_from_slice(arg);
        dst.extend_from_slice(b"\r\n");
    }
}

/// `strtoll(text, NULL, 10)`: the number at the start of `text`; 0 if there is none; clamped if it
/// is too large.
pub(super) fn strtoll(text: &[u8]) -> i64 {
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

#[cfg(test)]
mod tests {
    use super::{Bytes, Translation, cat_append_only_command, strtoll};

    /// What `command` becomes at 1,000 ms past the epoch; spaces stand for the framing.
    pub(super) fn translated(translation: Translation, command: &str) -> String {
        let argv: Vec<Bytes> = command.split(' ').map(|word| word.into()).collect();
        let mut dst = Vec::new();
        cat_append_only_command(translation, &mut dst, &argv, &mut || 1_000);
        let text = String::from_utf8(dst).expect("the tests speak ASCII");
        let words = text.split("\r\n").filter(|line| !line.starts_with('$') && !line.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn framing_counts_bytes() {
        let mut dst = Vec::new();
        super::cat_append_only_generic_command(&mut dst, &[b"DEL".to_vec(), b"\r\n\0".to_vec()]);
        assert_eq!(dst, b"*2\r\n$3\r\nDEL\r\n$3\r\n\r\n\0\r\n");
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        assert_eq!(strtoll(b"12\r\n"), 12);
        assert_eq!(strtoll(b" -7x"), -7);
        assert_eq!(strtoll(b"+7x"), 7);
        assert_eq!(strtoll(b"x"), 0);
        assert_eq!(strtoll(b"-9223372036854775808"), i64::MIN);
        assert_eq!(strtoll(b"99999999999999999999"), i64::MAX);
    }
}
