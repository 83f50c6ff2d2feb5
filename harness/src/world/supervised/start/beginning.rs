//! The beginning of a server: what it does from its entry point on up to the first call that no
//! copy of it could inherit.
//!
//! That is most of what a start costs: tables of commands, shared objects, the libraries' own
//! tables, the configuration. It depends on the arguments, the time, and the server's number, and
//! these are the same for most starts of a sweep. Before its first thread, epoll instance or
//! persistence file a server does hardly anything else. Must not know: how a process is copied.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libc::{c_int, c_long, user_regs_struct};
use nix::errno::Errno;
use nix::unistd::Pid;

use super::inherited::{Beginner, Fate, at_the_beginning};
use super::watched::{Noted, Watched};
use crate::world::supervised::calls::tsc::segv_action;
use crate::world::supervised::memory::Memory;

/// The most calls of a beginning; a server that makes more does not come to an end.
const MOST: usize = 10_000;

/// A server that has begun, stopped before a call.
#[derive(Debug)]
pub struct Begun {
    /// With these it makes that call.
    pub registers: user_regs_struct,
    pub noted: Noted,
    /// The lowest number that is free for a descriptor.
    pub free: c_int,
    pub pipes: Vec<Pipe>,
    /// The arguments of fcntl(2) on those pipes, in order.
    pub flags: Vec<[u64; 3]>,
    /// What it has written to its standard output and error.
    pub said: Vec<u8>,
}

/// A pipe that a server has made.
#[derive(Clone, Copy, Debug)]
pub struct Pipe {
    pub ends: [c_int; 2],
    pub flags: u64,
}

/// What a beginning depends on besides the key of the start.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The server's number in the PID namespace of the start, and its parent's.
    pub pid: i32,
    pub parent: i32,
    pub directory: &'a Path,
}

/// Lets a process that is stopped at its entry point begin. `hidden`: a descriptor that a server
/// does not have.
pub fn begin(
    mut watched: Watched<'_>,
    pid: Pid,
    around: Circumstances<'_>,
    hidden: c_int,
) -> Result<Begun, String> {
    let Circumstances { pid: number, parent, directory } = around;
    let memory = watched.memory();
    let mut done = Done::default();
    for _ in 0..MOST {
        let Some(call) = watched.next_call()? else {
            return Err("it has stopped at a breakpoint".to_string());
        };
        let ends: Vec<c_int> = done.pipes.iter().flat_map(|pipe| pipe.ends).collect();
        let server = Beginner { memory, pid: number, parent, directory, pipes: &ends };
        let fate = at_the_beginning(server, &call);
        if fate == Fate::Last {
            let registers = watched.take_back(&call)?;
            let Done { pipes, flags, said } = done;
            let free = first_free(pid, &pipes, hidden)?;
            return Ok(Begun { registers, noted: watched.noted, free, pipes, flags, said });
        }
        done.carry_out(fate, &mut watched, &call)?;
    }
    Err(format!("it has made {MOST} calls and has not begun yet"))
}

/// What a copy has to do again.
#[derive(Debug, Default)]
struct Done {
    pipes: Vec<Pipe>,
    flags: Vec<[u64; 3]>,
    said: Vec<u8>,
}

impl Done {
    fn carry_out(
        &mut self,
        fate: Fate,
        watched: &mut Watched<'_>,
        call: &user_regs_struct,
    ) -> Result<(), String> {
        let memory = watched.memory();
        match fate {
            Fate::Answered(value) => watched.answer(value),
            Fate::Action => watched.answer(action(memory, call)),
            Fate::Said => {
                let bytes = memory.read(call.rsi, call.rdx as usize);
                self.said.extend(bytes.map_err(|errno| format!("what it says: {errno}"))?);
                watched.answer(call.rdx as i64)
            }
            Fate::Again => {
                let result = watched.make(call)?.rax as i64;
                if result < 0 {
                    return Err(format!("a call has failed: {}", Errno::from_raw(-result as i32)));
                }
                match call.orig_rax as c_long {
                    libc::SYS_fcntl => self.flags.push([call.rdi, call.rsi, call.rdx]),
                    _ => self.pipes.push(new_pipe(memory, call)?),
                }
                Ok(())
            }
            Fate::Made | Fate::Last => watched.make(call).map(drop),
        }
    }
}

fn action(memory: Memory, call: &user_regs_struct) -> i64 {
    let args = [call.rdi, call.rsi, call.rdx, call.r10, call.r8, call.r9];
    segv_action(memory, args).unwrap_or_else(|errno| -(errno as i64))
}

fn new_pipe(memory: Memory, call: &user_regs_struct) -> Result<Pipe, String> {
    let flags = if call.orig_rax as c_long == libc::SYS_pipe2 { call.rsi } else { 0 };
    let word = memory.u64(call.rdi).map_err(|errno| format!("pipe: {errno}"))?;
    Ok(Pipe { ends: [word as c_int, (word >> 32) as c_int], flags })
}

/// The first free descriptor. Fails if a copy that closes its pipes and makes new ones would not
/// get the same numbers for them.
fn first_free(pid: Pid, pipes: &[Pipe], hidden: c_int) -> Result<c_int, String> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| error.to_string())?;
    let names = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut open: BTreeSet<c_int> = names.filter(|fd| *fd != hidden).collect();
    let lowest = |open: &BTreeSet<c_int>| (0..).find(|fd| !open.contains(fd)).unwrap_or(c_int::MAX);
    for end in pipes.iter().flat_map(|pipe| pipe.ends) {
        open.remove(&end);
    }
    for end in pipes.iter().flat_map(|pipe| pipe.ends) {
        if lowest(&open) != end {
            return Err(format!("its pipe has {end} where a new one would have {}", lowest(&open)));
        }
        open.insert(end);
    }
    Ok(lowest(&open))
}
