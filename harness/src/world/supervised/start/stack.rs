//! What lies on the stack of a copy: arguments as execve(2) lays them out, and below them memory
//! for the calls that set it up.
//!
//! Must not know: which calls those are.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::linking::Linked;
use super::start_key::StartKey;

/// How many bytes of arguments a copy can take; its stack has about 128 KiB.
const MOST: usize = 1 << 15;
/// How far below the stack pointer the memory for remote calls starts.
const SCRATCH: u64 = 1 << 14;
/// What the x86-64 ABI lets a function use below its stack pointer.
const RED_ZONE: u64 = 128;

/// Whether a copy has room for these arguments.
pub fn takes(args: &[String]) -> bool {
    args.iter().map(|arg| arg.len() + 1 + size_of::<u64>()).sum::<usize>() <= MOST
}

/// Where the memory for remote calls starts, for a process with this stack pointer.
pub fn below(pointer: u64) -> u64 {
    (pointer - SCRATCH) & !15
}

/// The stack pointer for these arguments, and the stack from there on, as execve(2) lays it out:
/// argc, argv, envp, the auxiliary vector, then the strings without gaps.
pub fn of_arguments(linked: &Linked, key: &StartKey, args: &[String]) -> (u64, Vec<u8>) {
    let program = key.program.as_os_str().as_bytes();
    let line = |(name, value): &(String, String)| format!("{name}={value}").into_bytes();
    let environment: Vec<_> = key.environment.iter().map(line).collect();
    let args: Vec<&[u8]> = [program].into_iter().chain(args.iter().map(String::as_bytes)).collect();
    let strings: Vec<&[u8]> =
        args.iter().copied().chain(environment.iter().map(Vec::as_slice)).collect();
    let size: usize = strings.iter().map(|string| string.len() + 1).sum();
    let mut at = (linked.registers.rsp - RED_ZONE - size as u64) & !15;
    let mut words = vec![args.len() as u64];
    let mut text = Vec::with_capacity(size);
    for (n, string) in strings.iter().enumerate() {
        if n == args.len() {
            words.push(0);
        }
        words.push(at);
        text.extend_from_slice(string);
        text.push(0);
        at += string.len() as u64 + 1;
    }
    // The ends of envp and, if there is no environment, of argv.
    words.resize(strings.len() + 3, 0);
    words.extend(&linked.auxiliary);
    let text_at = at - size as u64;
    let stack = (text_at - 8 * words.len() as u64) & !15;
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
    bytes.resize((text_at - stack) as usize, 0);
    bytes.extend(text);
    (stack, bytes)
}

/// Memory of a copy, collected to be written at once.
#[derive(Debug)]
pub struct Scratch {
    pub at: u64,
    pub bytes: Vec<u8>,
}

impl Scratch {
    /// Memory below everything that a process with this stack pointer uses.
    pub fn below(pointer: u64) -> Scratch {
        Scratch { at: below(pointer), bytes: Vec::new() }
    }

    /// Adds bytes; returns their address.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        let at = self.end();
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        at
    }

    pub fn put_path(&mut self, path: &Path) -> u64 {
        self.put(&[path.as_os_str().as_bytes(), &[0]].concat())
    }

    pub fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}
