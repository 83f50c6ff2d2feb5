//! Turns an executed command into the bytes that replay it (Redis: `feedAppendOnlyFile`, aof.c).
//!
//! A file is loaded later than it is written, so it must not contain relative times: EXPIRE and
//! PEXPIRE become PEXPIREAT; SETEX, and SET with EX or PX, become SET and PEXPIREAT. A SELECT goes
//! before the first command of another database.
//!
//! Must not know: what the commands do, and whether they succeeded.

use super::state::{Aof, State};
use crate::clock;
use crate::env::Env;
use crate::keyspace::Bytes;

/// How a command states an expiry time.
#[derive(Clone, Copy)]
struct Expiry {
    in_seconds: bool,
    relative: bool,
}

impl Expiry {
    const EXPIRE: Expiry = Expiry { in_seconds: true, relative: true };
    const PEXPIRE: Expiry = Expiry { in_seconds: false, relative: true };
    const EXPIREAT: Expiry = Expiry { in_seconds: true, relative: false };
}

impl Aof {
    /// Appends a command that was executed on database `db`.
    ///
    /// On return the command is in `buf` if the AOF is on, to be written before the next reply is
    /// sent, and in the rewrite buffer if a child is rewriting. If the AOF is waiting for its first
    /// rewrite and no child is running, it is in neither: only the dataset has it.
    pub fn feed_append_only_file(&mut self, env: &mut Env<'_>, db: usize, argv: &[Bytes]) {
        let mut bytes = Vec::new();
        if self.selected_db != Some(db) {
            let select = [b"SELECT".to_vec(), db.to_string().into_bytes()];
            cat_append_only_generic_command(&mut bytes, &select);
            self.selected_db = Some(db);
        }
        cat_append_only_command(&mut bytes, argv, &mut || clock::mstime(env.os));
        if self.state == State::On {
            self.buf.extend_from_slice(&bytes);
        }
        if env.children.aof.is_some()
            && let Some(pipes) = &mut self.pipes
        {
            pipes.feed(env, &mut self.rewrite_buffer, &bytes);
        }
    }
}

/// Appends the commands that replay `argv`. `now` returns milliseconds since the epoch and is
/// called only when needed.
fn cat_append_only_command(dst: &mut Vec<u8>, argv: &[Bytes], now: &mut dyn FnMut() -> i64) {
    let name = argv.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    match (name.as_slice(), argv) {
        (b"expire", [_, key, time]) => cat_expire_at(dst, Expiry::EXPIRE, key, time, now),
        (b"pexpire", [_, key, time]) => cat_expire_at(dst, Expiry::PEXPIRE, key, time, now),
        (b"expireat", [_, key, time]) => cat_expire_at(dst, Expiry::EXPIREAT, key, time, now),
        (b"setex" | b"psetex", [_, key, time, value]) => {
            let relative = if name == b"setex" { Expiry::EXPIRE } else { Expiry::PEXPIRE };
            cat_append_only_generic_command(dst, &[b"SET".to_vec(), key.clone(), value.clone()]);
            cat_expire_at(dst, relative, key, time, now);
        }
        (b"set", [_, key, _, options @ ..]) => match expiry_option(options) {
            Some((expiry, time)) => {
                cat_append_only_generic_command(dst, &argv[..3]);
                cat_expire_at(dst, expiry, key, time, now);
            }
            None => cat_append_only_generic_command(dst, argv),
        },
        _ => cat_append_only_generic_command(dst, argv),
    }
}

/// The EX or PX option of SET with its argument. SET refuses both at once.
fn expiry_option(options: &[Bytes]) -> Option<(Expiry, &Bytes)> {
    options.windows(2).find_map(|pair| match pair[0].to_ascii_lowercase().as_slice() {
        b"ex" => Some((Expiry::EXPIRE, &pair[1])),
        b"px" => Some((Expiry::PEXPIRE, &pair[1])),
        _ => None,
    })
}

/// Appends a command unchanged, as a multi bulk (Redis: `catAppendOnlyGenericCommand`).
fn cat_append_only_generic_command(dst: &mut Vec<u8>, argv: &[Bytes]) {
    dst.extend_from_slice(format!("*{}\r\n", argv.len()).as_bytes());
    for arg in argv {
        dst.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        dst.extend_from_slice(arg);
        dst.extend_from_slice(b"\r\n");
    }
}

/// Appends a PEXPIREAT, whichever way the time was stated (Redis: `catAppendOnlyExpireAtCommand`).
fn cat_expire_at(
    dst: &mut Vec<u8>,
    expiry: Expiry,
    key: &Bytes,
    time: &Bytes,
    now: &mut dyn FnMut() -> i64,
) {
    let mut when = strtoll(time);
    if expiry.in_seconds {
        when = when.wrapping_mul(1000);
    }
    if expiry.relative {
        when = when.wrapping_add(now());
    }
    let when = when.to_string().into_bytes();
    cat_append_only_generic_command(dst, &[b"PEXPIREAT".to_vec(), key.clone(), when]);
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
    use super::{Bytes, cat_append_only_command, strtoll};

    /// What `command` becomes at 1,000 ms past the epoch; spaces stand for the framing.
    fn translated(command: &str) -> String {
        let argv: Vec<Bytes> = command.split(' ').map(|word| word.into()).collect();
        let mut dst = Vec::new();
        cat_append_only_command(&mut dst, &argv, &mut || 1_000);
        let text = String::from_utf8(dst).expect("the tests speak ASCII");
        let words = text.split("\r\n").filter(|line| !line.starts_with('$') && !line.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn relative_times_become_absolute() {
        assert_eq!(translated("EXPIRE k 10"), "*3 PEXPIREAT k 11000");
        assert_eq!(translated("pexpire k 10"), "*3 PEXPIREAT k 1010");
        assert_eq!(translated("EXPIREAT k 10"), "*3 PEXPIREAT k 10000");
        assert_eq!(translated("PEXPIREAT k 10"), "*3 PEXPIREAT k 10");
        assert_eq!(translated("SETEX k 10 v"), "*3 SET k v *3 PEXPIREAT k 11000");
        assert_eq!(translated("PSETEX k 10 v"), "*3 SET k v *3 PEXPIREAT k 1010");
    }

    #[test]
    fn set_loses_its_options_only_with_an_expiry() {
        assert_eq!(translated("set k v"), "*3 set k v");
        assert_eq!(translated("set k v NX"), "*4 set k v NX");
        assert_eq!(translated("set k v KEEPTTL"), "*4 set k v KEEPTTL");
        assert_eq!(translated("set k v ex 10"), "*3 set k v *3 PEXPIREAT k 11000");
        assert_eq!(translated("SET k v NX PX 10"), "*3 SET k v *3 PEXPIREAT k 1010");
    }

    #[test]
    fn framing_counts_bytes() {
        let mut dst = Vec::new();
        cat_append_only_command(&mut dst, &[b"DEL".to_vec(), b"\r\n\0".to_vec()], &mut || 0);
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
