//! What files hold of modules, which this server does not have: their names, and how their data is
//! skipped when a file is checked (Redis: `moduleTypeNameByID`, module.c;
//! `rdbLoadCheckModuleValue`, rdb.c).
//!
//! Must not know: what the data means.

use super::source::{Loaded, Reader};

/// The letters of a module's name, in the order of their numbers.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NAME_LEN: u32 = 9;

/// The opcodes of a module's data.
const EOF: u64 = 0;
const SINT: u64 = 1;
pub const UINT: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// The name that is in the id of a module's type, before a version of ten bits.
pub fn module_name(id: u64) -> String {
    let letter = |place| LETTERS[(id >> (10 + 6 * place)) as usize & 63];
    (0..NAME_LEN).rev().map(|place| char::from(letter(place))).collect()
}

impl Reader<'_> {
    pub(super) fn skip_module_value(&mut self) -> Loaded<()> {
        loop {
            match self.len()? {
                EOF => return Ok(()),
                SINT | UINT => drop(self.len()?),
                FLOAT => drop(self.array::<4>()?),
                DOUBLE => drop(self.array::<8>()?),
                STRING => drop(self.string()?),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_in_the_id() {
        let name = b"hellotype";
        let number = |letter| LETTERS.iter().position(|other| *other == letter).expect("a letter");
        let id = name.iter().fold(0, |id, &letter| id << 6 | number(letter) as u64) << 10 | 3;
        assert_eq!(module_name(id), "hellotype");
    }

    #[test]
    fn data_is_skipped_up_to_its_end() {
        let mut data = &b"\x01\x05\x02\x06\x05\x02hi\x04aaaaaaaa\x03aaaa\0rest"[..];
        Reader::new(&mut data).skip_module_value().expect("it is whole");
        assert_eq!(data, b"rest");
    }
}
