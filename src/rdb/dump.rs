//! The payload of DUMP and RESTORE: one serialized value, or all libraries of functions (Redis:
//! `createDumpPayload`, `verifyDumpPayload`, cluster.c; `functionDumpCommand`, functions.c).
//!
//! ```text
//! type value  version(2 bytes)  crc64
//! ```
//!
//! Must not know: keys.

use super::format::{Writer, opcode};
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
    with_footer(payload, version)
}

/// Libraries as a payload.
pub fn create_functions_payload<'a>(
    code: impl Iterator<Item = &'a Bytes>,
    version: u32,
    compression: bool,
) -> Bytes {
    let (mut payload, mut lzf) = (Vec::new(), Lzf::default());
    let mut writer = Writer::new(&mut payload, compression.then_some(&mut lzf));
    for code in code {
        let written = writer.byte(opcode::FUNCTION2).and_then(|()| writer.string(code));
        written.expect("memory takes all");
    }
    with_footer(payload, version)
}

fn with_footer(mut payload: Bytes, version: u32) -> Bytes {
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
    let mut body = verified(payload, newest).ok_or(BadPayload::VersionOrChecksum)?;
    let mut reader = Reader::new(&mut body);
    let kind = reader.byte().map_err(|_| BadPayload::Format)?;
    reader.value(kind, rules).map_err(|_| BadPayload::Format)
}

/// The code of each library in a payload.
///
/// # Errors
/// Why it is refused, in Redis' words.
pub fn load_functions_payload(payload: &[u8], newest: u32) -> Result<Vec<Bytes>, &'static str> {
    let mut body = verified(payload, newest).ok_or("DUMP payload version or checksum are wrong")?;
    let mut all = Vec::new();
    while !body.is_empty() {
        let mut reader = Reader::new(&mut body);
        let code = match reader.byte() {
            Ok(opcode::FUNCTION2) => {
                reader.string().map_err(|_| "Failed loading library payload")?
            }
            Ok(opcode::FUNCTION_PRE_GA) => {
                reader.functions_pre_ga().map_err(|_| "Failed loading library blob")?
            }
            _ => return Err("given type is not a function"),
        };
        all.push(code);
    }
    Ok(all)
}

/// A payload without its footer; None if that is wrong.
fn verified(payload: &[u8], newest: u32) -> Option<&[u8]> {
    let (body, footer) = payload.split_at(payload.len().checked_sub(FOOTER_LEN)?);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let intact = footer[2..] == checksum(&payload[..payload.len() - 8]);
    (u32::from(version) <= newest && intact).then_some(body)
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
