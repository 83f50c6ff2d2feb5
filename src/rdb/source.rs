//! Reads the elements of the RDB format (Redis: the `rdbLoad…` functions of rdb.c).
//!
//! Lengths are not trusted: memory is allocated only as data arrives.
//! Must not know: values, and where the bytes come from.

use super::format::{ENC_INT8, ENC_INT16, ENC_INT32, ENC_LZF, ENCVAL};
use super::format::{LEN_32_BITS, LEN_64_BITS};
use super::format::{NEWEST_OF_REDIS, NEWEST_OF_VALKEY, OLDEST_OF_VALKEY, Versions};
use super::lzf;
use crate::generation::{RdbDefect, Words};
use crate::keyspace::Bytes;
use crate::text::atoi;
use crate::text::float::parse_double;

/// Why a file could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// It ended early, or a read failed.
    ShortRead,
    /// It contains something invalid (Redis: `rdbExitReportCorruptRDB`).
    Corrupt { defect: RdbDefect, reason: String },
    /// It needs a feature that this server does not have. Holds the log line.
    Fatal(String),
    /// Redis would end itself by `serverPanic`. Holds the message.
    Panic(String),
    /// A value is empty, which this server leaves out.
    EmptyKey,
    /// It is not an RDB file, or too new. Holds the log line; the caller fails with EINVAL.
    Refused(String),
}

impl LoadError {
    pub(super) fn corrupt(defect: RdbDefect, reason: impl Into<String>) -> LoadError {
        LoadError::Corrupt { defect, reason: reason.into() }
    }
}

/// The message of Redis' `rdbReportError`.
pub(super) fn internal_error(
    words: &dyn Words,
    offset: u64,
    defect: RdbDefect,
    reason: &str,
) -> String {
    let line = words.rdb_line(defect);
    format!("Internal error in RDB reading offset {offset}, function at rdb.c:{line} -> {reason}")
}

/// The part of a string that C would print: up to the first NUL.
pub(super) fn c_string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

pub(super) type Loaded<T> = Result<T, LoadError>;

/// A length, or a string encoding in its place.
enum Length {
    Plain(u64),
    Encoding(u8),
}

/// Where the bytes of an RDB file come from.
pub trait Source {
    /// Fills `buf`.
    fn fill(&mut self, buf: &mut [u8]) -> Loaded<()>;

    /// The next `len` bytes. Must not allocate for bytes that do not arrive.
    fn take(&mut self, len: u64) -> Loaded<Bytes>;
}

impl Source for &[u8] {
    fn fill(&mut self, buf: &mut [u8]) -> Loaded<()> {
        let (taken, rest) = self.split_at_checked(buf.len()).ok_or(LoadError::ShortRead)?;
        buf.copy_from_slice(taken);
        *self = rest;
        Ok(())
    }

    fn take(&mut self, len: u64) -> Loaded<Bytes> {
        let len = usize::try_from(len).map_err(|_| LoadError::ShortRead)?;
        let (taken, rest) = self.split_at_checked(len).ok_or(LoadError::ShortRead)?;
        *self = rest;
        Ok(taken.to_vec())
    }
}

/// Reads elements from a [`Source`].
pub struct Reader<'s> {
    source: &'s mut dyn Source,
}

impl<'s> Reader<'s> {
    pub fn new(source: &'s mut dyn Source) -> Self {
        Reader { source }
    }

    /// The version from the nine-byte header, if it is supported.
    pub(super) fn version(&mut self, versions: Versions) -> Loaded<u32> {
        let header: [u8; 9] = self.array()?;
        let (number, known) = match (&header, versions) {
            ([b'R', b'E', b'D', b'I', b'S', number @ ..], Versions::UpTo(newest)) => {
                (atoi(number), 1..=i64::from(newest))
            }
            ([b'R', b'E', b'D', b'I', b'S', number @ ..], Versions::All) => {
                (atoi(number), 1..=NEWEST_OF_REDIS)
            }
            ([b'V', b'A', b'L', b'K', b'E', b'Y', number @ ..], Versions::All) => {
                (atoi(number), OLDEST_OF_VALKEY..=NEWEST_OF_VALKEY)
            }
            _ => {
                let line = "Wrong signature trying to load DB from file";
                return Err(LoadError::Refused(line.to_string()));
            }
        };
        match u32::try_from(number) {
            Ok(version) if known.contains(&number) => Ok(version),
            _ => Err(LoadError::Refused(format!("Can't handle RDB format version {number}"))),
        }
    }

    /// A fixed number of bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Loaded<[u8; N]> {
        let mut bytes = [0; N];
        self.source.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A type or an opcode.
    pub(super) fn byte(&mut self) -> Loaded<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A length. As in Redis, an encoding in its place is taken for one (Redis: `rdbLoadLen`).
    pub(super) fn len(&mut self) -> Loaded<u64> {
        match self.length()? {
            Length::Plain(len) => Ok(len),
            Length::Encoding(encoding) => Ok(encoding.into()),
        }
    }

    fn length(&mut self) -> Loaded<Length> {
        let first = self.byte()?;
        Ok(match (first & ENCVAL) >> 6 {
            0 => Length::Plain(first.into()),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            3 => Length::Encoding(first & 0x3f),
            kind => match first {
                LEN_32_BITS => Length::Plain(u32::from_be_bytes(self.array()?).into()),
                LEN_64_BITS => Length::Plain(u64::from_be_bytes(self.array()?)),
                _ => {
                    let reason = format!("Unknown length encoding {kind} in rdbLoadLen()");
                    return Err(LoadError::corrupt(RdbDefect::LengthEncoding, reason));
                }
            },
        })
    }

    /// A string in any of its forms (Redis: `rdbGenericLoadStringObject`).
    pub(super) fn string(&mut self) -> Loaded<Bytes> {
        let number = |number: i64| Ok(number.to_string().into_bytes());
        match self.length()? {
            Length::Plain(len) => self.source.take(len),
            Length::Encoding(ENC_INT8) => number(i8::from_le_bytes(self.array()?).into()),
            Length::Encoding(ENC_INT16) => number(i16::from_le_bytes(self.array()?).into()),
            Length::Encoding(ENC_INT32) => number(i32::from_le_bytes(self.array()?).into()),
            Length::Encoding(ENC_LZF) => self.compressed_string(),
            Length::Encoding(other) => Err(LoadError::corrupt(
                RdbDefect::StringEncoding,
                format!("Unknown RDB string encoding type {other}"),
            )),
        }
    }

    fn compressed_string(&mut self) -> Loaded<Bytes> {
        let (compressed_len, len) = (self.len()?, self.len()?);
        let compressed = self.source.take(compressed_len)?;
        lzf::decompress(&compressed, len)
            .ok_or_else(|| LoadError::corrupt(RdbDefect::Lzf, "Invalid LZF compressed string"))
    }

    /// Functions as they were written before 7.0 was released: name, engine, description and code.
    pub(super) fn functions_pre_ga(&mut self) -> Loaded<Bytes> {
        let (name, engine) = (self.string()?, self.string()?);
        if self.len()? != 0 {
            self.string()?;
        }
        let code = self.string()?;
        Ok([b"#!", &engine[..], b" name=", &name, b"\n", &code].concat())
    }

    /// A double in eight bytes.
    pub(super) fn binary_double(&mut self) -> Loaded<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A double as text, as it was written before version 8 (Redis: `rdbLoadDoubleValue`).
    pub(super) fn double(&mut self) -> Loaded<f64> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            len => {
                let text = self.source.take(len.into())?;
                // Text that is not a number counts as a failed read.
                parse_double(text.trim_ascii_start()).ok_or(LoadError::ShortRead)
            }
        }
    }
}
