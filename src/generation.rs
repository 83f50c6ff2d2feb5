//! A generation of Redis as a value: what a server of this version is called, writes and says, and
//! which mechanism it has where two versions have different ones.
//!
//! Data (versions, formats, words) is used as it is. A mechanism is only named here; each room
//! keeps the two ways of doing it in modules of their own and chooses between them at one place. No
//! code compares versions: generations are not ordered.
//!
//! Must not know: how a mechanism works.

mod definition;
mod redis_6_0;
mod redis_7_0;
mod words;

pub use definition::*;
pub use redis_6_0::REDIS_6_0;
pub use redis_7_0::REDIS_7_0;
pub use words::{ConfigRefused, RdbBlock, RdbDefect, RdbOpen, StreamDefect, Words};

/// All generations; the first is the default.
pub static GENERATIONS: [&Generation; 2] = [&REDIS_6_0, &REDIS_7_0];

/// The generation of this name.
pub fn named(name: &str) -> Option<&'static Generation> {
    GENERATIONS.into_iter().find(|generation| generation.name == name)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_generation_has_the_name_of_its_release() {
        for (name, version) in [("redis-6.0", "6.0.16"), ("redis-7.0", "7.0.15")] {
            assert_eq!(named(name).map(|it| it.version), Some(version));
        }
        assert!(named("redis-5.0").is_none());
    }
}
