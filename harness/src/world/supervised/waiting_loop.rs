//! Proof that a stopped thread does nothing but wait: its next instructions are carried out one by
//! one, until they repeat.
//!
//! A waiting loop reads the same words with the same result on every pass, changes no memory, and
//! leaves the registers as they were, except for a counter that ends it. So, as long as the words
//! stay the same, going on with it comes to nothing: somebody else has to change one of them. Must
//! not know: why the thread was stopped, and who runs next.

mod doing;
mod known_loops;
mod registers;
mod walk;

use nix::errno::Errno;

pub use doing::{Doing, WaitingLoop};
pub use known_loops::KnownLoops;
use walk::{Stepped, Walk};

/// Finds out what a thread does that is stopped under ptrace, between two instructions. If these
/// do not repeat within `steps` of them, it counts as working.
pub fn examine(tid: i32, known: &mut KnownLoops, steps: usize) -> Result<Doing, Errno> {
    let mut walk = Walk::new(tid)?;
    if let Some(waits) = known.find(tid, &walk.now) {
        return Ok(Doing::Waits(waits.clone()));
    }
    for _ in 0..steps {
        match walk.step()? {
            Stepped::On => {}
            Stepped::Out(doing) => return Ok(doing),
        }
        let Some(length) = walk.period() else { continue };
        let doing = walk.confirm(length)?.unwrap_or(Doing::Works);
        if let Doing::Waits(waits) = &doing {
            let used = walk.used(length);
            known.learn(walk.last(length), &used, waits);
        }
        return Ok(doing);
    }
    Ok(Doing::Works)
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests;
