//! Samples keys for expiry (Redis: the inner loop of `activeExpireCycle`, expire.c).
//!
//! Redis scans the buckets of its hash table. Here the cursor follows the order of the map, so that
//! every run expires the same keys first.
//! Must not know: the clock, and how deletions are propagated.

use super::{Bytes, Db};

/// The result of one round of sampling.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// How many expiry times were checked.
    pub seen: usize,
    /// The expired keys, which have been deleted.
    pub expired: Vec<Bytes>,
}

/// Checks `count` expiry times from `cursor` on and deletes the expired keys. The cursor wraps
/// around.
pub fn sample(db: &mut Db, cursor: &mut usize, count: usize, now_ms: i64) -> Sampled {
    let mut sampled = Sampled::default();
    let count = count.min(db.expires.len());
    while sampled.seen < count && !db.expires.is_empty() {
        sampled.seen += 1;
        if *cursor >= db.expires.len() {
            *cursor = 0;
        }
        let (key, &when) = db.expires.get_index(*cursor).expect("the cursor was just wrapped");
        if now_ms > when {
            // The last entry takes this index, so the cursor stays.
            let key = key.clone();
            db.delete(&key);
            sampled.expired.push(key);
        } else {
            *cursor += 1;
        }
    }
    sampled
}

/// State kept between cycles (Redis: the static variables of `activeExpireCycle`).
pub struct ExpireCycle {
    /// DEBUG SET-ACTIVE-EXPIRE
    pub enabled: bool,
    pub current_db: usize,
    pub timelimit_exit: bool,
    pub last_fast_cycle: i64,
    /// Where sampling continues in each database.
    pub cursors: Vec<usize>,
}

impl ExpireCycle {
    pub fn new(databases: usize) -> Self {
        ExpireCycle {
            enabled: true,
            current_db: 0,
            timelimit_exit: false,
            last_fast_cycle: 0,
            cursors: vec![0; databases],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Value;

    fn db_with(ends: &[i64]) -> Db {
        let mut db = Db::default();
        for (index, &end) in ends.iter().enumerate() {
            let key = format!("k{index}").into_bytes();
            db.set(&key, Value::string(Vec::new()), false);
            db.set_expire(&key, end);
        }
        db
    }

    #[test]
    fn each_key_is_looked_at_once() {
        let mut db = db_with(&[5, 50, 5, 50, 5]);
        let mut cursor = 0;
        let sampled = sample(&mut db, &mut cursor, 20, 10);
        assert_eq!(sampled.seen, 5);
        assert_eq!(sampled.expired, [b"k0", b"k4", b"k2"]);
        assert_eq!(db.dict.len(), 2);
        assert_eq!(sample(&mut db, &mut cursor, 20, 10), Sampled { seen: 2, expired: Vec::new() });
    }

    #[test]
    fn the_cursor_goes_round() {
        let mut db = db_with(&[50, 50, 5]);
        let mut cursor = 0;
        assert_eq!(sample(&mut db, &mut cursor, 2, 10).expired.len(), 0);
        assert_eq!(sample(&mut db, &mut cursor, 2, 10).expired, [b"k2"]);
    }
}
