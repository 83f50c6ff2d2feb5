//! A command as the AOF has it. A file is loaded later than it is written, so it must not contain
//! relative times.
//!
//! Must not know: what the commands do, and whether they succeeded.

mod absolute_option;
mod parts;
mod separate_expiry;

use crate::generation::Translation;
use crate::keyspace::Bytes;
pub(super) use parts::{cat_append_only_generic_command, strtoll};

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
