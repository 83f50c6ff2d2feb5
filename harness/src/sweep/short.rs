//! Calls that move less than they were asked for, as a part of a fault's text: `half`, `1, full+`,
//! `0+`.
//!
//! Must not know: which calls these are.

use std::fmt;

/// What comes after a short call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next call is as usual.
    GoesOn,
    /// The disk is full until `heal`.
    Full,
    /// Everything is killed before the next write to the file.
    Killed,
    /// All calls like it are as short, until `heal`.
    Again,
}

/// How much of what it was asked for a short call moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    Nothing,
    OneByte,
    Half,
    AllButOne,
}

impl Then {
    const ALL: [Then; 4] = [Then::Full, Then::Killed, Then::Again, Then::GoesOn];

    fn as_str(self) -> &'static str {
        match self {
            Then::GoesOn => "",
            Then::Full => ", full+",
            Then::Killed => ", killed",
            Then::Again => "+",
        }
    }
}

impl Moved {
    const ALL: [Moved; 4] = [Moved::Nothing, Moved::OneByte, Moved::Half, Moved::AllButOne];

    fn as_str(self) -> &'static str {
        match self {
            Moved::Nothing => "0",
            Moved::OneByte => "1",
            Moved::Half => "half",
            Moved::AllButOne => "all-1",
        }
    }
}

/// Reads `half, killed`. None: it is something else.
pub fn read(text: &str) -> Option<(Moved, Then)> {
    let moved = |name: &str| Moved::ALL.into_iter().find(|moved| moved.as_str() == name);
    Then::ALL.into_iter().find_map(|then| Some((moved(text.strip_suffix(then.as_str())?)?, then)))
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
