//! This program executed again: as a worker, or as our own server.
//!
//! Supervision needs processes of their own: a worker must have one thread, a core and name spaces
//! to itself, and world `server` needs a program that is our server. The command `sabot` could take
//! an argument for that; a test of another project cannot, because its `main` is that of a test
//! harness which would take the argument for a filter. So the program that links this crate looks
//! at its own arguments before its `main` does: those that begin with [`WORD`] never get that far.
//! The server under test always matches the harness in this way, too.
//!
//! Must not know: what a worker does.
//!
//! # Safety
//!
//! A pointer in `.init_array` is called once, by the C library, before `main` and on the only
//! thread. By then the C library and the arguments of `std::env` are ready: those come from an
//! earlier entry of the same array. What `main` would have been preceded by is made up for: SIGPIPE
//! is ignored, and a panic ends with the exit code 101.

#![allow(unsafe_code)]

use std::path::Path;

use nix::sys::signal::{SigHandler, Signal, signal};

use super::reexec::{SERVER_CORE, VERSION, WORD, WORKER};
use super::{reap, version, worker};
use crate::exit::Exit;

// SAFETY: the section is an array of such pointers, and what this one points to may run when the C
// library calls it: see the head of this file.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let name = words.next().unwrap_or_default();
    version::ask_behind_walls();
    if words.next().as_deref() != Some(WORD) {
        return;
    }
    // SAFETY: SIG_IGN is no handler, so no code runs in the middle of other code.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    let words: Vec<String> = words.collect();
    let code = std::panic::catch_unwind(|| become_what_is_asked(name, &words));
    std::process::exit(code.unwrap_or(101));
}

fn become_what_is_asked(name: String, words: &[String]) -> i32 {
    match words {
        [what, arguments @ ..] if what == SERVER_CORE => {
            serve(std::iter::once(name).chain(arguments.iter().cloned()).collect())
        }
        [what, cpu] if what == WORKER => match cpu.parse() {
            Ok(cpu) => work(cpu),
            Err(_) => Exit::BadUsage.code().into(),
        },
        [what, program] if what == VERSION => version::tell(Path::new(program)),
        _ => Exit::BadUsage.code().into(),
    }
}

/// Our own server.
fn serve(words: Vec<String>) -> i32 {
    let mut os = sabot_server::os::linux::LinuxOs::new();
    os.install_signal_handlers();
    sabot_server::event_loop::main(&mut os, words)
}

fn work(cpu: usize) -> i32 {
    let exit = match reap::leave_nothing(|| worker::main(cpu)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(why)) => failed(&why.to_string()),
        Err(why) => failed(&format!("cannot adopt orphans: {why}")),
    };
    exit.code().into()
}

fn failed(why: &str) -> Exit {
    eprintln!("{why}");
    Exit::NotMeasured
}

/// Keeps the pointer in whatever links this crate: a static that nobody names could be left out.
pub fn keep() {
    std::hint::black_box(&raw const BEFORE_MAIN);
}
