//! What is asked of a server to learn its dataset.
//!
//! Must not know: who asks, and what is promised.

use crate::contract::{Unit, expiring};
use crate::observation::Argv;

pub fn is_temporary(role: &str) -> bool {
    role.ends_with("-temp") || role == "rewrite-bg"
}

/// Makes the server notice which keys have expired, then asks for the digest.
pub fn questions<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Vec<Argv> {
    let argv = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Argv>();
    let keys = expiring(units);
    let mut questions = Vec::new();
    for (db, key) in &keys {
        questions.push(argv(&[b"SELECT", db.as_bytes()]));
        questions.push(argv(&[b"TTL", key]));
    }
    if !keys.is_empty() {
        questions.push(argv(&[b"SELECT", b"0"]));
    }
    questions.push(argv(&[b"DEBUG", b"DIGEST"]));
    questions
}
