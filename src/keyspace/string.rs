//! A string and the encoding that Redis gave it: OBJECT shows it, and a file never keeps it.
//!
//! Must not know: commands.

use std::ops::Deref;

use super::bytes::Bytes;
use crate::text::parse_integer;

/// Longest string that Redis puts into one block with its header.
const EMBSTR_MAX: usize = 44;
/// Below this, Redis has one object for each integer.
const SHARED_INTEGERS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Int,
    Embstr,
    Raw,
}

/// A string that remembers its encoding. Two are equal when their bytes are.
#[derive(Clone, Debug)]
pub struct StringValue {
    bytes: Bytes,
    encoding: Encoding,
}

impl StringValue {
    /// As SET stores it: in the smallest encoding (Redis: `tryObjectEncoding`).
    pub fn encoded(bytes: Bytes) -> Self {
        match parse_integer(&bytes) {
            Some(_) => StringValue { bytes, encoding: Encoding::Int },
            None => StringValue::unencoded(bytes),
        }
    }

    /// As a computed string is stored: never as an integer (Redis: `createStringObject`).
    pub fn unencoded(bytes: Bytes) -> Self {
        let short = bytes.len() <= EMBSTR_MAX;
        let encoding = if short { Encoding::Embstr } else { Encoding::Raw };
        StringValue { bytes, encoding }
    }

    /// One that grows from nothing (Redis: `createObject` with an empty sds).
    pub fn empty() -> Self {
        StringValue { bytes: Bytes::new(), encoding: Encoding::Raw }
    }

    /// To change it in place, which makes it raw for good (Redis: `dbUnshareStringValue`).
    pub fn unshare(&mut self) -> &mut Bytes {
        self.encoding = Encoding::Raw;
        &mut self.bytes
    }

    /// The name that OBJECT ENCODING answers with.
    pub fn encoding(&self) -> &'static str {
        match self.encoding {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
        }
    }

    /// Whether it is one of the integers of which there is one object for all.
    pub fn is_shared(&self) -> bool {
        self.shared_integer().is_some()
    }

    /// That integer.
    pub fn shared_integer(&self) -> Option<i64> {
        let shared = |number: &i64| (0..SHARED_INTEGERS).contains(number);
        match self.encoding {
            Encoding::Int => parse_integer(&self.bytes).filter(shared),
            Encoding::Embstr | Encoding::Raw => None,
        }
    }
}

impl PartialEq for StringValue {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Deref for StringValue {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::StringValue;

    #[test]
    fn an_encoding_depends_on_how_the_string_came_about() {
        let bytes = |length| vec![b'7'; length];
        assert_eq!(StringValue::encoded(bytes(3)).encoding(), "int");
        assert_eq!(StringValue::unencoded(bytes(3)).encoding(), "embstr");
        assert_eq!(StringValue::encoded(bytes(44)).encoding(), "embstr");
        assert_eq!(StringValue::encoded(bytes(45)).encoding(), "raw");
        let mut edited = StringValue::encoded(bytes(3));
        assert!(edited.is_shared());
        edited.unshare().push(b'7');
        assert!(edited.encoding() == "raw" && !edited.is_shared());
    }
}
