//! The checksum at the end of an RDB file: CRC-64 by Jones (Redis: crc64.c).
//!
//! Must not know: where the bytes come from.

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static TABLE: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of the bytes so far.
#[derive(Clone)]
pub struct Crc64(Digest<'static, u64, Table<16>>);

impl Default for Crc64 {
    fn default() -> Self {
        Crc64(TABLE.digest())
    }
}

impl Crc64 {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::Crc64;

    /// The number that Redis' own test expects.
    #[test]
    fn the_checksum_is_that_of_redis() {
        let mut crc = Crc64::default();
        assert_eq!(crc.value(), 0);
        crc.update(b"1234");
        crc.update(b"56789");
        assert_eq!(crc.value(), 0xe9c6_d914_c4b8_d9ca);
    }
}
