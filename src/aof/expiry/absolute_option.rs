//! Since 7.0 a command is propagated with an absolute time (Redis: `setGenericCommand`,
//! `getsetCommand`, t_string.c; `expireGenericCommand`, expire.c;
//! `restoreCommand`, cluster.c): SET gets PXAT and loses its other
//! options, the EXPIRE commands become PEXPIREAT and keep theirs.
//!
//! In Redis the commands rewrite themselves. Here it is done when they are fed, which comes to the
//! same: only commands that changed something are, and the time is that of the command.
//!
//! Must not know: what the commands do, and whether they succeeded.

use super::parts::{Expiry, cat_append_only_generic_command, strtoll};
use crate::keyspace::Bytes;

pub(super) fn cat(dst: &mut Vec<u8>, argv: &[Bytes], now: &mut dyn FnMut() -> i64) {
    cat_append_only_generic_command(dst, &absolute(argv, now).unwrap_or_else(|| argv.to_vec()));
}

/// The command to write instead, if it is another one.
fn absolute(argv: &[Bytes], now: &mut dyn FnMut() -> i64) -> Option<Vec<Bytes>> {
    let name = argv.first()?.to_ascii_lowercase();
    match (name.as_slice(), argv) {
        (b"expire", [_, key, time, ..]) => Some(expire_at(argv, Expiry::EXPIRE, key, time, now)),
        (b"pexpire", [_, key, time, ..]) => Some(expire_at(argv, Expiry::PEXPIRE, key, time, now)),
        (b"expireat", [_, key, time, ..]) => {
            Some(expire_at(argv, Expiry::EXPIREAT, key, time, now))
        }
        (b"setex", [_, key, time, value]) => Some(set(key, value, &Expiry::EXPIRE.when(time, now))),
        (b"psetex", [_, key, time, value]) => {
            Some(set(key, value, &Expiry::PEXPIRE.when(time, now)))
        }
        (b"set", [_, key, value, options @ ..]) => match expiry_option(options) {
            Some((expiry, time)) => Some(set(key, value, &expiry.when(time, now))),
            None => without_get(argv),
        },
        (b"getset", [_, key, value]) => Some(vec![b"SET".to_vec(), key.clone(), value.clone()]),
        (b"restore", [_, _, ttl, _, options @ ..]) if strtoll(ttl) != 0 => {
            let absolute = options.iter().any(|word| word.eq_ignore_ascii_case(b"absttl"));
            (!absolute).then(|| {
                let mut argv = argv.to_vec();
                argv[2] = Expiry::PEXPIRE.when(ttl, now);
                argv.push(b"ABSTTL".to_vec());
                argv
            })
        }
        _ => None,
    }
}

fn expire_at(
    argv: &[Bytes],
    expiry: Expiry,
    key: &Bytes,
    time: &Bytes,
    now: &mut dyn FnMut() -> i64,
) -> Vec<Bytes> {
    let head = [b"PEXPIREAT".to_vec(), key.clone(), expiry.when(time, now)];
    head.into_iter().chain(argv[3..].iter().cloned()).collect()
}

fn set(key: &Bytes, value: &Bytes, when: &Bytes) -> Vec<Bytes> {
    vec![b"SET".to_vec(), key.clone(), value.clone(), b"PXAT".to_vec(), when.clone()]
}

/// Without the option GET, which changes nothing but the reply.
fn without_get(argv: &[Bytes]) -> Option<Vec<Bytes>> {
    let is_get = |word: &Bytes| word.eq_ignore_ascii_case(b"get");
    let options = argv.get(3..)?;
    options.iter().any(is_get).then(|| {
        let kept = options.iter().filter(|word| !is_get(word));
        argv[..3].iter().chain(kept).cloned().collect()
    })
}

/// The option of SET that states a time, with its argument. SET refuses two of them.
fn expiry_option(options: &[Bytes]) -> Option<(Expiry, &Bytes)> {
    options.windows(2).find_map(|pair| {
        let expiry = match pair[0].to_ascii_lowercase().as_slice() {
            b"ex" => Expiry::EXPIRE,
            b"px" => Expiry::PEXPIRE,
            b"exat" => Expiry::EXPIREAT,
            b"pxat" => Expiry::PEXPIREAT,
            _ => return None,
        };
        Some((expiry, &pair[1]))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated as translated_by;
    use crate::generation::Translation;

    fn translated(command: &str) -> String {
        translated_by(Translation::AbsoluteOption, command)
    }

    #[test]
    fn relative_times_become_absolute() {
        assert_eq!(translated("EXPIRE k 10 NX"), "*4 PEXPIREAT k 11000 NX");
        assert_eq!(translated("pexpire k 10"), "*3 PEXPIREAT k 1010");
        assert_eq!(translated("EXPIREAT k 10"), "*3 PEXPIREAT k 10000");
        assert_eq!(translated("PEXPIREAT k 10"), "*3 PEXPIREAT k 10");
        assert_eq!(translated("SETEX k 10 v"), "*5 SET k v PXAT 11000");
        assert_eq!(translated("PSETEX k 10 v"), "*5 SET k v PXAT 1010");
    }

    #[test]
    fn set_loses_its_other_options_with_an_expiry() {
        assert_eq!(translated("set k v NX"), "*4 set k v NX");
        assert_eq!(translated("set k v XX GET"), "*4 set k v XX");
        assert_eq!(translated("set k v NX EX 10"), "*5 SET k v PXAT 11000");
        assert_eq!(translated("set k v EXAT 10"), "*5 SET k v PXAT 10000");
        assert_eq!(translated("set k v NX pxat 10"), "*5 SET k v PXAT 10");
    }

    #[test]
    fn other_commands_that_say_more_than_they_did_are_rewritten_too() {
        assert_eq!(translated("GETSET k v"), "*3 SET k v");
        assert_eq!(translated("restore k 10 p REPLACE"), "*6 restore k 1010 p REPLACE ABSTTL");
        assert_eq!(translated("restore k 0 p"), "*4 restore k 0 p");
        assert_eq!(translated("restore k 10 p absttl"), "*5 restore k 10 p absttl");
    }
}
