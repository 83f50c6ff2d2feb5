//! One power cut in every state that it may leave.
//!
//! Must not know: what is promised.

mod class;
pub mod lack;
mod look;
pub mod point;
mod reload;
mod resume;
pub mod survey;
