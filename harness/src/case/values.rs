//! The values that steps and rules carry: times, sizes, errnos, signals, bytes, versions.
//!
//! Each parser returns what it expected when the text is something else. Must not know: any verb.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::error::one_of;
use super::script::{Bound, Relation};

/// Nanoseconds per unit, the largest first.
const UNITS: [(&str, u64); 3] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];

const A_TIME: &str = "expected a time such as 1s, 20ms or 500us";

/// `1s`, `20ms`, `500us`.
pub fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..]);
    match (number(digits), unit) {
        (Some(0), Some(_)) => Err("a time of 0 has no effect".to_string()),
        (Some(n), Some((_, nanos))) => n
            .checked_mul(*nanos)
            .map(Duration::from_nanos)
            .ok_or_else(|| "that is longer than 500 years".to_string()),
        _ => Err(A_TIME.to_string()),
    }
}

/// How far a step may move the clock: servers do their periodic work all along.
const FARTHEST: Duration = Duration::from_secs(24 * 3600);

/// A time by which a step moves the clock, a day at most.
pub fn advance(text: &str) -> Result<Duration, String> {
    match time(text)? {
        time if time <= FARTHEST => Ok(time),
        _ => Err("a step moves the clock by a day at most, because servers tick all along".into()),
    }
}

/// A time as [`time`] reads it, in the largest unit that divides it.
pub fn show_time(time: Duration) -> String {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let whole = UNITS.iter().find(|(_, unit)| nanos.is_multiple_of(*unit));
    let (unit, per) = whole.unwrap_or(&UNITS[2]);
    format!("{}{unit}", nanos / per)
}

/// `100`, `4kb`, `10mb`: bytes; kb and mb count by 1024, as in redis.conf.
pub fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match (lower.strip_suffix("kb"), lower.strip_suffix("mb")) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (lower.as_str(), 1),
    };
    number(digits)
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| "expected a size in bytes such as 100, 4kb or 10mb".to_string())
}

/// Digits and nothing else.
pub fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Linux's errnos end here.
const LAST_ERRNO: i32 = 133;

fn errnos() -> impl Iterator<Item = (String, Errno)> {
    (1..=LAST_ERRNO)
        .map(Errno::from_raw)
        .filter(|errno| *errno != Errno::UnknownErrno)
        .map(|errno| (format!("{errno:?}"), errno))
}

/// An errno by its name in errno(3).
pub fn errno(text: &str) -> Result<Errno, String> {
    let wanted = match text {
        "EWOULDBLOCK" => "EAGAIN",
        "ENOTSUP" => "EOPNOTSUPP",
        other => other,
    };
    if let Some((_, errno)) = errnos().find(|(name, _)| name == wanted) {
        return Ok(errno);
    }
    let names: Vec<String> = errnos().map(|(name, _)| name).collect();
    match super::error::nearest(text, &names.iter().map(String::as_str).collect::<Vec<_>>()) {
        Some(near) => Err(format!("did you mean `{near}`?")),
        None => Err("expected a name from errno(3) such as ENOSPC, EIO or EAGAIN".to_string()),
    }
}

/// A signal by its name, with or without `SIG`.
pub fn signal(text: &str) -> Result<Signal, String> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if ["STOP", "TSTP", "TTIN", "TTOU"].contains(&name) {
        return Err("a signal that stops processes is not modelled; `hold` holds a task".into());
    }
    Signal::iterator().find(|signal| signal.as_str().strip_prefix("SIG") == Some(name)).ok_or_else(
        || match one_of(text, Signal::iterator().map(Signal::as_str)) {
            list if list.starts_with("did you mean") => list,
            _ => "expected a signal such as KILL, TERM or SIGUSR1".to_string(),
        },
    )
}

/// Pairs of hexadecimal digits.
pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    match digits {
        Some(digits) if !digits.is_empty() && digits.len().is_multiple_of(2) => {
            Ok(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
        }
        _ => Err("expected bytes as pairs of hexadecimal digits such as 2a310d0a".to_string()),
    }
}

/// `7.0`, `>=6.2`, `<7`.
pub fn bound(text: &str) -> Result<Bound, String> {
    const RELATIONS: [(&str, Relation); 4] = [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        (">", Relation::Above),
        ("<", Relation::Below),
    ];
    let (relation, rest) = RELATIONS
        .iter()
        .find_map(|(sign, relation)| Some((*relation, text.strip_prefix(sign)?)))
        .unwrap_or((Relation::StartsWith, text));
    let version: Option<Vec<u64>> = rest.split('.').map(number).collect();
    version
        .map(|version| Bound { relation, version })
        .ok_or_else(|| "expected a version such as 7.0, >=6.2 or <7".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_part_by_part() {
        let holds = |range: &str, version| bound(range).unwrap().holds(version);
        assert!(holds("7.0", "7.0.15") && !holds("7.0", "7.2.1"));
        assert!(holds(">=6.2", "6.2.0") && holds(">=6.2", "7.0.15") && !holds(">=6.2", "6.0.16"));
        assert!(holds("<7", "6.2.14") && !holds("<7", "7.0.0") && !holds(">7", "7.0.0"));
        assert!(holds("<=6.0.8", "6.0.8"));
    }

    #[test]
    fn times_read_back_as_they_are_shown() {
        for text in ["1s", "1500ms", "20ms", "500us", "90s"] {
            assert_eq!(show_time(time(text).unwrap()), text);
        }
    }
}
