//! Signal handlers: the server's set flags, a forked child's ends it.
//!
//! Must not know: what the signals lead to.
//!
//! # Safety
//!
//! A handler may run between any two instructions. These only access atomics, read memory that was
//! written before they could see it and is never changed or freed, and call open(2), write(2),
//! time(2) and `_exit`, which are async-signal-safe. They neither allocate nor take a lock.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::os::{HandlerLine, STDOUT};

/// The exit code of a child killed by SIGUSR1 (Redis: `SERVER_CHILD_NOERROR_RETVAL`).
const TOLD_TO_STOP: i32 = 255;
/// Longest line that a handler writes, in bytes.
const LINE_MAX: usize = 256;

static SIGINT_CAME: AtomicBool = AtomicBool::new(false);
static SIGTERM_CAME: AtomicBool = AtomicBool::new(false);
static HANDLER_LINE: AtomicPtr<Prepared> = AtomicPtr::new(std::ptr::null_mut());

/// [`HandlerLine`] in the form that a handler can use.
struct Prepared {
    /// None for standard output.
    file: Option<CString>,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// A second SIGINT before the first is handled ends the process (Redis: `sigShutdownHandler`).
extern "C" fn remember_signal(signal: libc::c_int) {
    if signal == libc::SIGTERM {
        SIGTERM_CAME.store(true, Ordering::SeqCst);
    } else if SIGINT_CAME.swap(true, Ordering::SeqCst) {
        // SAFETY: `_exit` is async-signal-safe, and no code of ours runs after it.
        unsafe { libc::_exit(1) }
    }
}

extern "C" fn stop_child(_signal: libc::c_int) {
    let words = HANDLER_LINE.load(Ordering::SeqCst);
    // SAFETY: the pointer is null or from `Box::into_raw`, and its target is never changed or
    // freed. `_exit` is async-signal-safe.
    unsafe {
        if let Some(words) = words.as_ref() {
            say(words);
        }
        libc::_exit(TOLD_TO_STOP)
    }
}

/// Writes the line. Errors are ignored.
fn say(words: &Prepared) {
    let mut line = [0u8; LINE_MAX];
    let mut length = 0;
    let mut digits = [0u8; 20];
    // SAFETY: a null pointer says that the time is wanted as the result only.
    let seconds = unsafe { libc::time(std::ptr::null_mut()) };
    for part in [&words.before[..], decimal(seconds.max(0) as u64, &mut digits), &words.after] {
        for &byte in part {
            if length < LINE_MAX {
                line[length] = byte;
                length += 1;
            }
        }
    }
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND;
    // SAFETY: the path is NUL-terminated and never freed; `length` is at most `LINE_MAX`, the
    // length of the array. Both calls are async-signal-safe.
    unsafe {
        let fd = match &words.file {
            Some(path) => libc::open(path.as_ptr(), flags, 0o644),
            None => STDOUT,
        };
        libc::write(fd, line.as_ptr().cast(), length);
    }
}

/// The digits of a number, at the end of the array.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

/// For the server.
pub fn install() {
    handle(Signal::SIGHUP, SigHandler::SigIgn);
    handle(Signal::SIGPIPE, SigHandler::SigIgn);
    handle(Signal::SIGTERM, SigHandler::Handler(remember_signal));
    handle(Signal::SIGINT, SigHandler::Handler(remember_signal));
}

/// For a forked child, which starts without pending signals.
pub fn install_in_child() {
    handle(Signal::SIGUSR1, SigHandler::Handler(stop_child));
    SIGINT_CAME.store(false, Ordering::SeqCst);
    SIGTERM_CAME.store(false, Ordering::SeqCst);
}

/// Ends this process by a signal's default action.
pub fn end_by(signal: Signal) -> ! {
    handle(signal, SigHandler::SigDfl);
    // SAFETY: no memory is passed, and no code of ours runs after `_exit`.
    unsafe {
        libc::raise(signal as i32);
        // Reached only if the signal is blocked. This is the exit code by which shells report a
        // signal.
        libc::_exit(128 + signal as i32)
    }
}

fn handle(signal: Signal, handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: every handler that is installed here is async-signal-safe, as said at the head.
    let done = unsafe { sigaction(signal, &action) };
    done.expect("these signals can be handled");
}

/// The line is never freed: a handler may be reading it.
pub fn set_handler_line(words: HandlerLine) {
    let file = match words.file.is_empty() {
        true => None,
        false => CString::new(words.file).ok(),
    };
    let (before, after) = (words.before.into_bytes(), words.after.into_bytes());
    let prepared = Box::new(Prepared { file, before, after });
    HANDLER_LINE.store(Box::into_raw(prepared), Ordering::SeqCst);
}

/// Takes the next pending signal.
pub fn take() -> Option<Signal> {
    if SIGINT_CAME.swap(false, Ordering::SeqCst) {
        return Some(Signal::SIGINT);
    }
    SIGTERM_CAME.swap(false, Ordering::SeqCst).then_some(Signal::SIGTERM)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_without_allocating() {
        assert_eq!(decimal(0, &mut [0; 20]), b"0");
        assert_eq!(decimal(1_234_567_890, &mut [0; 20]), b"1234567890");
        assert_eq!(decimal(u64::MAX, &mut [0; 20]), b"18446744073709551615");
    }
}
