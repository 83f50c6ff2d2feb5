//! The payload of DUMP and RESTORE: one serialized value (Redis: `createDumpPayload`,
//! `verifyDumpPayload`, cluster.c).
//!
//! ```text
//! type value  version(2 bytes)  crc64
//! ```
//!
//! Must not know: keys.

use super::format::Writer;
use super::load_value::ValueRules;
use super::lzf::Lzf;
use super::save_value::kind_of;
use super::source::Reader;
use crate::keyspace::{Bytes, Limits, Value};
use crate::rio::crc64::Crc64;

/// Version and checksum.
const FOOTER_LEN: usize = 2 + 8;

/// Why a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPayload {
    /// It comes from a newer server or is damaged.
    VersionOrChecksum,
    Format,
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut crc = Crc64::default();
    crc.update(bytes);
    crc.value().to_le_bytes()
}

/// A value as a payload.
pub fn create_dump_payload(
    value: &Value,
    version: u32,
    limits: &Limits,
    compression: bool,
) -> Bytes {
    let mut payload = vec![kind_of(value, limits)];
    let mut lzf = Lzf::default();
    let lzf = compression.then_some(&mut lzf);
    let written = Writer::new(&mut payload, lzf).value(value, limits);
    written.expect("memory takes all");
    payload.extend_from_slice(&(version as u16).to_le_bytes());
    payload.extend_from_slice(&checksum(&payload));
    payload
}

/// The value of a payload, which may be of this version or an older one.
pub fn load_dump_payload(
    payload: &[u8],
    newest: u32,
    rules: &ValueRules,
) -> Result<Value, BadPayload> {
    let end = payload.len().checked_sub(FOOTER_LEN).ok_or(BadPayload::VersionOrChecksum)?;
    let (mut body, footer) = payload.split_at(end);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let intact = footer[2..] == checksum(&payload[..payload.len() - 8]);
    if u32::from(version) > newest || !intact {
        return Err(BadPayload::VersionOrChecksum);
    }
    let mut reader = Reader::new(&mut body);
    let kind = reader.byte().map_err(|_| BadPayload::Format)?;
    reader.value(kind, rules).map_err(|_| BadPayload::Format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::REDIS_6_0;

    #[test]
    fn a_payload_comes_back_unless_it_was_touched() {
        let limits = Limits::default();
        let value = Value::List([b"a".to_vec(), b"12".to_vec()].into());
        let payload = create_dump_payload(&value, 9, &limits, true);
        let rules = ValueRules::of(&REDIS_6_0, &limits);
        assert_eq!(load_dump_payload(&payload, 9, &rules), Ok(value));
        let mut damaged = payload.clone();
        damaged[3] ^= 1;
        for bad in [&damaged[..], &payload[1..], b"", b"0123456789"] {
            assert_eq!(load_dump_payload(bad, 9, &rules), Err(BadPayload::VersionOrChecksum));
        }
    }

    /// What redis-server 6.0.16 gave for `SET foo bar`, `DUMP foo`.
    #[test]
    fn a_payload_is_that_of_redis() {
        let value = Value::string(*b"bar");
        let payload = create_dump_payload(&value, 9, &Limits::default(), true);
        assert_eq!(payload, b"\x00\x03bar\t\x006L\x18\xac\xba\xe0\x9e\xa6");
    }
}
