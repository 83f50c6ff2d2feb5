//! DEBUG DIGEST: 40 hex digits, equal for equal datasets, here and on a real server (Redis:
//! debug.c).
//!
//! Keys, members and fields are combined by XOR, so their order does not matter. List elements and
//! the parts of a pair are chained, so theirs does. Of an expiry time only its existence counts.
//! Must not know: who asks.

use sha1::{Digest as _, Sha1};

use super::{Keyspace, StreamId, Value};
use crate::text::float::format_17g;
use crate::text::hex;

type Digest = [u8; 20];

fn sha1(data: &[u8]) -> Digest {
    Sha1::digest(data).into()
}

/// Adds data whose order does not matter (Redis: `xorDigest`).
fn xor(digest: &mut Digest, data: &[u8]) {
    digest.iter_mut().zip(sha1(data)).for_each(|(byte, other)| *byte ^= other);
}

/// Adds data whose order matters (Redis: `mixDigest`).
fn mix(digest: &mut Digest, data: &[u8]) {
    xor(digest, data);
    *digest = sha1(digest);
}

/// The type's number in Redis, as it goes into the digest.
fn type_number(value: &Value) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::ZSet(_) => 3,
        Value::Hash(_) => 4,
        Value::Stream(_) => 6,
    }
}

fn mix_value(digest: &mut Digest, value: &Value) {
    mix(digest, &type_number(value).to_be_bytes());
    match value {
        Value::String(bytes) => mix(digest, bytes),
        Value::List(elements) => elements.iter().for_each(|element| mix(digest, element)),
        Value::Set(members) => members.iter().for_each(|member| xor(digest, &member)),
        Value::Hash(fields) => {
            fields.iter().for_each(|(field, value)| xor_pair(digest, field, value));
        }
        Value::ZSet(members) => {
            for (member, score) in members.iter() {
                xor_pair(digest, member, format_17g(score).as_bytes());
            }
        }
        Value::Stream(stream) => {
            for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                let StreamId { ms, seq } = entry.id();
                mix(digest, format!("{ms}.{seq}").as_bytes());
                entry.pairs().flatten().for_each(|item| mix(digest, item));
            }
        }
    }
}

fn xor_pair(digest: &mut Digest, first: &[u8], second: &[u8]) {
    let mut pair = Digest::default();
    mix(&mut pair, first);
    mix(&mut pair, second);
    xor(digest, &pair);
}

/// The digest of the whole dataset (Redis: `computeDatasetDigest`).
pub fn dataset_digest(keyspace: &Keyspace) -> String {
    let mut total = Digest::default();
    for (index, db) in keyspace.dbs.iter().enumerate().filter(|(_, db)| !db.dict.is_empty()) {
        mix(&mut total, &(index as u32).to_be_bytes());
        for (key, value) in &db.dict {
            let mut entry = Digest::default();
            mix(&mut entry, key);
            mix_value(&mut entry, value);
            if db.expires.contains_key(key) {
                xor(&mut entry, b"!!expire!!");
            }
            xor(&mut total, &entry);
        }
    }
    hex(&total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Hash, Limits, Set};

    fn bytes(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[test]
    fn an_empty_dataset_is_all_zeros() {
        assert_eq!(dataset_digest(&Keyspace::new(16)), "0".repeat(40));
    }

    /// The digest is that of redis-server 7.0.15 after `SET s 1`; `RPUSH l a b`; `SADD t x y`;
    /// `HSET h f v g w`; and `SELECT 3`, `SET e 1 EX 100`.
    #[test]
    fn the_digest_is_that_of_redis() {
        let mut keyspace = Keyspace::new(16);
        let db = &mut keyspace.dbs[0];
        db.set(b"s", Value::string("1"), false);
        db.set(b"l", Value::List([bytes("a"), bytes("b")].into()), false);
        let (mut set, mut hash, limits) = (Set::hashtable(), Hash::new(), Limits::default());
        for member in ["y", "x"] {
            set.insert(bytes(member), &limits);
        }
        for (field, value) in [("g", "w"), ("f", "v")] {
            hash.set(bytes(field), bytes(value), &limits);
        }
        db.set(b"t", Value::Set(set), false);
        db.set(b"h", Value::Hash(hash), false);
        keyspace.dbs[3].set(b"e", Value::string("1"), false);
        keyspace.dbs[3].set_expire(b"e", 1);
        assert_eq!(dataset_digest(&keyspace), "92c12cc4369571fdbb21c97cdec4f547e9ebe2f8");
    }
}
