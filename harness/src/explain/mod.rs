//! Explaining a finding: its story, and what would have helped.
//!
//! ```text
//! script ──▶ subject ──run──▶ story
//!               │      └─▶ calls ──▶ changes ──▶ variants ──judged──▶ what helped
//! ```
//!
//! A [`Change`] is something that the machine does otherwise, never the server: a sync that it
//! makes by itself, another order of two calls, an error that ends the server or does not come
//! again. Each is a line or two in the script, so a variant is an ordinary script, which a token
//! replays. Where the power is cut, a variant counts for all states that this may leave. Must not
//! know: words for people, and how a script is run.

pub mod candidates;
pub mod change;
pub mod record;
pub mod repair;
pub mod search;
pub mod subject;
pub mod trial;

pub use change::{Change, Kind};
pub use record::{Explanation, Help, Trial};
pub use repair::{Means, Repair, repairs};
pub use search::{Nothing, Question, explain};
