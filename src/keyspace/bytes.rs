//! Byte strings, and collections of them that walk in the same order in every run.
//!
//! Must not know: what the bytes mean.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

/// A key, a member or a value: bytes without any encoding.
pub type Bytes = Vec<u8>;
pub type BytesMap<V> = IndexMap<Bytes, V, FxBuildHasher>;
pub type BytesSet = IndexSet<Bytes, FxBuildHasher>;
