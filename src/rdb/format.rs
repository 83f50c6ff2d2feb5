//! The RDB format: opcodes, types, lengths, strings (Redis: rdb.h, rdb.c).
//!
//! ```text
//! file     REDISvvvv  AUX name value …  database …  EOF crc64
//! database SELECTDB n  RESIZEDB keys expires  entry …
//! entry    [EXPIRETIME_MS t]  [IDLE seconds | FREQ count]  type key value
//!
//! length   00nnnnnn                    6 bits
//!          01nnnnnn nnnnnnnn          14 bits
//!          10000000 n×4, 10000001 n×8  32 and 64 bits, big-endian
//!          11eeeeee                   no length: the string follows in encoding e
//! ```
//!
//! Must not know: values, and where a [`Sink`] writes to.

use super::lzf::Lzf;
use crate::os::Errno;
use crate::text::parse_integer;

/// Which versions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Those of Redis up to this one, as a server does.
    UpTo(u32),
    /// All that are known, so that the files of any server can be compared.
    All,
}

/// That of 8.6. Types that are not held are refused by their names.
pub const NEWEST_OF_REDIS: i64 = 13;
/// From 9.0 on Valkey counts from here, after a header of its own. What lies between belongs to
/// nobody.
pub const OLDEST_OF_VALKEY: i64 = 80;
pub const NEWEST_OF_VALKEY: i64 = 80;

pub mod opcode {
    //! Bytes that stand in the place of a type.
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION2: u8 = 245;
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZEDB: u8 = 251;
    pub const EXPIRETIME_MS: u8 = 252;
    pub const EXPIRETIME: u8 = 253;
    pub const SELECTDB: u8 = 254;
    pub const EOF: u8 = 255;
}

pub mod kind {
    //! Types of values (Redis: `RDB_TYPE_…`). 16 and up are of 7.0 and 7.2.
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET_2: u8 = 5;
    pub const MODULE: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM_LISTPACKS: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_LISTPACKS_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_LISTPACKS_3: u8 = 21;
    /// From 8.6 on: with what idempotent producers have sent.
    pub const STREAM_LISTPACKS_4: u8 = 26;
}

/// The containers of a list node in 7.0.
pub const NODE_PLAIN: u64 = 1;
pub const NODE_PACKED: u64 = 2;

/// Marks an encoded string instead of a length.
pub const ENCVAL: u8 = 0b1100_0000;
pub const LEN_14_BITS: u8 = 0b0100_0000;
pub const LEN_32_BITS: u8 = 0x80;
pub const LEN_64_BITS: u8 = 0x81;

/// Encodings of a string.
pub const ENC_INT8: u8 = 0;
pub const ENC_INT16: u8 = 1;
pub const ENC_INT32: u8 = 2;
pub const ENC_LZF: u8 = 3;

/// Longest string that is tried as an integer.
const INTEGER_MAX_LEN: usize = 11;
/// Shortest string that is compressed.
const COMPRESSED_MIN_LEN: usize = 21;

/// Where the bytes of an RDB file go.
pub trait Sink {
    /// Takes all of `data`.
    fn write(&mut self, data: &[u8]) -> Result<(), Errno>;
}

impl Sink for Vec<u8> {
    fn write(&mut self, data: &[u8]) -> Result<(), Errno> {
        self.extend_from_slice(data);
        Ok(())
    }
}

type Written = Result<(), Errno>;

/// Writes the elements of the format in the same pieces as Redis, because their boundaries decide
/// which write(2) calls a buffered file makes.
pub struct Writer<'s> {
    sink: &'s mut dyn Sink,
    /// None without `rdbcompression`.
    lzf: Option<&'s mut Lzf>,
}

impl<'s> Writer<'s> {
    /// Compresses long strings if `lzf` is given.
    pub fn new(sink: &'s mut dyn Sink, lzf: Option<&'s mut Lzf>) -> Self {
        Writer { sink, lzf }
    }

    /// Bytes as they are (Redis: `rdbWriteRaw`).
    pub fn raw(&mut self, data: &[u8]) -> Written {
        self.sink.write(data)
    }

    /// A type or an opcode (Redis: `rdbSaveType`).
    pub fn byte(&mut self, byte: u8) -> Written {
        self.sink.write(&[byte])
    }

    /// Redis: `rdbSaveLen`.
    pub fn len(&mut self, len: u64) -> Written {
        if len < 1 << 6 {
            self.byte(len as u8)
        } else if len < 1 << 14 {
            self.raw(&[LEN_14_BITS | (len >> 8) as u8, len as u8])
        } else if let Ok(len) = u32::try_from(len) {
            self.byte(LEN_32_BITS)?;
            self.raw(&len.to_be_bytes())
        } else {
            self.byte(LEN_64_BITS)?;
            self.raw(&len.to_be_bytes())
        }
    }

    /// A string in its shortest form (Redis: `rdbSaveRawString`).
    pub fn string(&mut self, string: &[u8]) -> Written {
        if string.len() <= INTEGER_MAX_LEN
            && let Some(encoded) = parse_integer(string).and_then(encode_integer)
        {
            return self.raw(&encoded);
        }
        if string.len() >= COMPRESSED_MIN_LEN
            && let Some(lzf) = &mut self.lzf
            // Compression has to save at least four bytes.
            && let Some(compressed) = lzf.compress(string, string.len() - 4)
        {
            self.byte(ENCVAL | ENC_LZF)?;
            self.len(compressed.len() as u64)?;
            self.len(string.len() as u64)?;
            return self.raw(&compressed);
        }
        self.len(string.len() as u64)?;
        if string.is_empty() { Ok(()) } else { self.raw(string) }
    }

    /// A double in eight bytes (Redis: `rdbSaveBinaryDoubleValue`).
    pub fn binary_double(&mut self, value: f64) -> Written {
        self.raw(&value.to_le_bytes())
    }

    /// Redis: `rdbSaveAuxField`.
    pub fn aux(&mut self, key: &str, value: &str) -> Written {
        self.byte(opcode::AUX)?;
        self.string(key.as_bytes())?;
        self.string(value.as_bytes())
    }
}

/// A number of at most 32 bits as a string encoding (Redis: `rdbEncodeInteger`).
fn encode_integer(value: i64) -> Option<Vec<u8>> {
    let (encoding, width) = match value {
        -0x80..=0x7f => (ENC_INT8, 1),
        -0x8000..=0x7fff => (ENC_INT16, 2),
        -0x8000_0000..=0x7fff_ffff => (ENC_INT32, 4),
        _ => return None,
    };
    let mut encoded = vec![ENCVAL | encoding];
    encoded.extend_from_slice(&value.to_le_bytes()[..width]);
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>) -> Written) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes, Some(&mut Lzf::default()))).expect("memory takes all");
        bytes
    }

    #[test]
    fn lengths_take_as_few_bytes_as_they_can() {
        let len = |len| written(|writer| writer.len(len));
        assert_eq!(len(63), [63]);
        assert_eq!(len(64), [0x40, 64]);
        assert_eq!(len(16383), [0x7f, 0xff]);
        assert_eq!(len(16384), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(len(1 << 32), [0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn strings_take_the_form_that_redis_gives_them() {
        let string = |text: &str| written(|writer| writer.string(text.as_bytes()));
        assert_eq!(string(""), [0]);
        assert_eq!(string("-128"), [0xc0, 0x80]);
        assert_eq!(string("128"), [0xc1, 0x80, 0]);
        assert_eq!(string("-2147483648"), [0xc2, 0, 0, 0, 0x80]);
        assert_eq!(string("2147483648"), *b"\x0a2147483648");
        assert_eq!(string("01"), *b"\x0201");
        assert_eq!(string(&"a".repeat(20)), [&[20][..], &[b'a'; 20]].concat());
        assert_eq!(string(&"a".repeat(40))[..3], [0xc3, 9, 40], "LZF");
    }
}
