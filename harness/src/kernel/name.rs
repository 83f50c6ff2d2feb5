//! Names of tasks and roles: short words that are part of every site, and so are copied with every
//! call. Copying one is cheap.
//!
//! Must not know: which names there are.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::Deserialize;

/// An immutable word.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Name(Word);

#[derive(Clone)]
enum Word {
    Known(&'static str),
    Shared(Arc<str>),
}

impl Name {
    /// A name that is known at compile time.
    pub const fn known(word: &'static str) -> Name {
        Name(Word::Known(word))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Word::Known(word) => word,
            Word::Shared(word) => word,
        }
    }
}

impl From<&str> for Name {
    fn from(word: &str) -> Name {
        Name(Word::Shared(word.into()))
    }
}

impl From<String> for Name {
    fn from(word: String) -> Name {
        Name(Word::Shared(word.into()))
    }
}

impl From<&String> for Name {
    fn from(word: &String) -> Name {
        word.as_str().into()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl PartialEq<Name> for String {
    fn eq(&self, other: &Name) -> bool {
        **self == **other
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
