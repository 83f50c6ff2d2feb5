//! Strings, and the encoding that Redis would have chosen, which OBJECT shows (Redis: object.c).
//!
//! Must not know: commands.

use std::ops::Deref;

use super::bytes::Bytes;
use crate::text::parse_integer;

/// Longest string that Redis allocates together with its header (Redis:
/// `OBJ_ENCODING_EMBSTR_SIZE_LIMIT`).
const EMBSTR_MAX: usize = 44;
/// Below this, Redis shares one object per integer (Redis: `OBJ_SHARED_INTEGERS`).
const SHARED_INTEGERS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Int,
    Embstr,
    Raw,
}

/// A string with its encoding, which does not count for equality.
#[derive(Clone, Debug)]
pub struct StringValue {
    bytes: Bytes,
    encoding: Encoding,
}

impl StringValue {
    /// In its smallest encoding, as SET stores it (Redis: `tryObjectEncoding`).
    pub fn encoded(bytes: Bytes) -> Self {
        match parse_integer(&bytes) {
            Some(_) => StringValue { bytes, encoding: Encoding::Int },
            None => StringValue::unencoded(bytes),
        }
    }

    /// Never as an integer, as computed strings are stored (Redis: `createStringObject`).
    pub fn unencoded(bytes: Bytes) -> Self {
        let short = bytes.len() <= EMBSTR_MAX;
        let encoding = if short { Encoding::Embstr } else { Encoding::Raw };
        StringValue { bytes, encoding }
    }

    /// Empty and raw, to be appended to (Redis: `createObject` with an empty sds).
    pub fn empty() -> Self {
        StringValue { bytes: Bytes::new(), encoding: Encoding::Raw }
    }

    /// For changes in place; makes it raw, permanently (Redis: `dbUnshareStringValue`).
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

    /// Whether Redis would use a shared integer object.
    pub fn is_shared(&self) -> bool {
        self.shared_integer().is_some()
    }

    /// The shared integer, if it is one.
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
