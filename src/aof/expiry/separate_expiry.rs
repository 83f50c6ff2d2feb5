//! Up to 6.2 the AOF itself translates (Redis: `feedAppendOnlyFile`, aof.c): EXPIRE and PEXPIRE
//! become PEXPIREAT; SETEX, and SET with EX or PX, become SET and PEXPIREAT.
//!
//! Must not know: what the commands do, and whether they succeeded.

use super::parts::{Expiry, cat_append_only_generic_command};
use crate::keyspace::Bytes;

pub(super) fn cat(dst: &mut Vec<u8>, argv: &[Bytes], now: &mut dyn FnMut() -> i64) {
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

/// Appends a PEXPIREAT, whichever way the time was stated (Redis: `catAppendOnlyExpireAtCommand`).
fn cat_expire_at(
    dst: &mut Vec<u8>,
    expiry: Expiry,
    key: &Bytes,
    time: &Bytes,
    now: &mut dyn FnMut() -> i64,
) {
    let when = expiry.when(time, now);
    cat_append_only_generic_command(dst, &[b"PEXPIREAT".to_vec(), key.clone(), when]);
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated as translated_by;
    use crate::generation::Translation;

    fn translated(command: &str) -> String {
        translated_by(Translation::SeparateExpiry, command)
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
}
