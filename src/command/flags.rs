//! Command flags and ACL categories. The flags decide when a command may run; COMMAND shows both
//! (Redis: server.c, acl.c).
//!
//! Must not know: the commands.

use std::ops::BitOr;

/// A set of flags, with the names that COMMAND shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    pub const WRITE: Flags = Flags(1);
    pub const READONLY: Flags = Flags(1 << 1);
    pub const DENYOOM: Flags = Flags(1 << 2);
    pub const ADMIN: Flags = Flags(1 << 3);
    pub const NOSCRIPT: Flags = Flags(1 << 4);
    pub const RANDOM: Flags = Flags(1 << 5);
    pub const SORT: Flags = Flags(1 << 6);
    pub const LOADING: Flags = Flags(1 << 7);
    pub const STALE: Flags = Flags(1 << 8);
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    pub const FAST: Flags = Flags(1 << 11);
    pub const NO_AUTH: Flags = Flags(1 << 12);

    // Categories from here on.
    pub const KEYSPACE: Flags = Flags(1 << 13);
    pub const SET: Flags = Flags(1 << 14);
    pub const SORTEDSET: Flags = Flags(1 << 15);
    pub const LIST: Flags = Flags(1 << 16);
    pub const HASH: Flags = Flags(1 << 17);
    pub const STRING: Flags = Flags(1 << 18);
    pub const BITMAP: Flags = Flags(1 << 19);
    pub const ADMIN_CATEGORY: Flags = Flags(1 << 20);
    pub const BLOCKING: Flags = Flags(1 << 21);
    pub const DANGEROUS: Flags = Flags(1 << 22);
    pub const CONNECTION: Flags = Flags(1 << 23);
    pub const TRANSACTION: Flags = Flags(1 << 24);
    pub const STREAM: Flags = Flags(1 << 25);

    /// Not allowed in a transaction (7.0).
    pub const NO_MULTI: Flags = Flags(1 << 26);
    /// Only as far as the configuration allows it (7.0).
    pub const PROTECTED: Flags = Flags(1 << 27);

    const NAMES: [(Flags, &'static str); 13] = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::RANDOM, "random"),
        (Flags::SORT, "sort_for_script"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
    ];

    /// In the order in which COMMAND shows them. A command with any of the flags is in the category
    /// (Redis: `setImplicitACLCategories`); one that is not fast is slow.
    const CATEGORIES: [(Flags, &'static str); 16] = [
        (Flags::KEYSPACE, "keyspace"),
        (Flags::READONLY, "read"),
        (Flags::WRITE, "write"),
        (Flags::SET, "set"),
        (Flags::SORTEDSET, "sortedset"),
        (Flags::LIST, "list"),
        (Flags::HASH, "hash"),
        (Flags::STRING, "string"),
        (Flags::BITMAP, "bitmap"),
        (Flags::STREAM, "stream"),
        (Flags::all(&[Flags::ADMIN, Flags::ADMIN_CATEGORY]), "admin"),
        (Flags::FAST, "fast"),
        (Flags::BLOCKING, "blocking"),
        (Flags::all(&[Flags::ADMIN, Flags::DANGEROUS]), "dangerous"),
        (Flags::CONNECTION, "connection"),
        (Flags::TRANSACTION, "transaction"),
    ];

    /// All of these flags.
    pub const fn all(flags: &[Flags]) -> Flags {
        let (mut all, mut next) = (0, 0);
        while next < flags.len() {
            all |= flags[next].0;
            next += 1;
        }
        Flags(all)
    }

    /// Whether any of these flags is set.
    pub fn has(self, any: Flags) -> bool {
        self.0 & any.0 != 0
    }

    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |&(flag, _)| self.has(flag)).map(|(_, name)| name)
    }

    /// The names of its categories.
    pub fn categories(self) -> impl Iterator<Item = &'static str> {
        Self::CATEGORIES.into_iter().filter_map(move |(any, name)| match name {
            "fast" if !self.has(any) => Some("slow"),
            _ => self.has(any).then_some(name),
        })
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}
