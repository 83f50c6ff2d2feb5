//! Ctrl-C: SIGINT and SIGTERM become one call of a closure on a thread of its own.
//!
//! The signals are blocked in the calling thread and so in every thread that it starts from then
//! on; one thread waits for them. Processes that are started inherit the blocked mask and have to
//! unblock it ([`accept`]). Must not know: what ends.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::reap;
use crate::exit::Exit;

/// Held while a second interrupt must not end the process.
static HELD_OFF: Mutex<()> = Mutex::new(());

/// As long as the answer is held, an interrupt does not end the process: what is written whole or
/// not at all lies beside its place for a moment.
pub fn hold_off() -> MutexGuard<'static, ()> {
    HELD_OFF.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM].into_iter().collect()
}

/// Blocks the signals, so that they wait for [`on_interrupt`]: also one that comes while it is
/// still being found out what this machine can do. To be called before anything is started.
pub fn block() -> io::Result<()> {
    signals().thread_block()?;
    Ok(())
}

/// Calls `then` at the first SIGINT or SIGTERM; the second one ends the process,
/// which leaves nothing behind, at once.
pub fn on_interrupt(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        let signals = signals();
        if signals.wait().is_ok() {
            then();
        }
        if signals.wait().is_ok() {
            reap::end_descendants();
            let _held = hold_off();
            let words = "interrupted twice: ended at once, without the report of what was done";
            let _ = writeln!(io::stderr(), "{words}");
            std::process::exit(Exit::Interrupted.code().into());
        }
    })?;
    Ok(())
}

/// Takes signals again in a process whose parent had blocked them.
pub fn accept() -> io::Result<()> {
    SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    Ok(())
}
