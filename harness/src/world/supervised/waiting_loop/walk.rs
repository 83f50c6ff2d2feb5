//! A stopped thread whose instructions are carried out one by one.
//!
//! Must not know: why it was stopped, and which loops are known.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
};
use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use super::super::memory::Memory;
use super::super::traced::wait_for;
use super::doing::{Doing, WaitingLoop};
use super::registers::{GENERAL, general, is_one_loop, is_own_stack, value, vectors};

/// How many instructions the longest loop has.
const LONGEST: usize = 400;
/// The longest instruction of x86-64, in bytes.
const INSTRUCTION: usize = 15;

/// One instruction that was carried out.
pub struct Step {
    pub before: user_regs_struct,
    pub reads: Vec<(u64, Vec<u8>)>,
    /// What it left in memory, on its own stack or unchanged.
    writes: Vec<(u64, Vec<u8>)>,
}

pub enum Stepped {
    On,
    Out(Doing),
}

/// A thread that is being followed.
pub struct Walk {
    tid: i32,
    pub now: user_regs_struct,
    steps: Vec<Step>,
    /// Instruction pointer → the steps that began there.
    places: BTreeMap<u64, Vec<usize>>,
    decoded: BTreeMap<u64, Instruction>,
    info: InstructionInfoFactory,
}

impl Walk {
    pub fn new(tid: i32) -> Result<Walk, Errno> {
        let now = ptrace::getregs(Pid::from_raw(tid))?;
        let (steps, places, decoded) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Walk { tid, now, steps, places, decoded, info: InstructionInfoFactory::new() })
    }

    /// Carries out one instruction.
    pub fn step(&mut self) -> Result<Stepped, Errno> {
        let instruction = self.instruction()?;
        if !is_plain(&instruction) {
            return Ok(Stepped::Out(Doing::Works));
        }
        let (reads, written) = self.touched(&instruction)?;
        let pid = Pid::from_raw(self.tid);
        ptrace::step(pid, None)?;
        match wait_for(self.tid, WaitPidFlag::empty())? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            WaitStatus::Stopped(_, signal) => return Ok(Stepped::Out(Doing::Signalled(signal))),
            WaitStatus::PtraceEvent(..) => return Ok(Stepped::Out(Doing::Works)),
            _ => return Ok(Stepped::Out(Doing::Gone)),
        }
        let memory = Memory(self.tid);
        let mut writes = Vec::new();
        for (at, before) in written {
            let after = memory.read(at, before.len())?;
            if after != before && !is_own_stack(&self.now, at) {
                return Ok(Stepped::Out(Doing::Works));
            }
            writes.push((at, after));
        }
        let before = std::mem::replace(&mut self.now, ptrace::getregs(pid)?);
        self.places.entry(before.rip).or_default().push(self.steps.len());
        self.steps.push(Step { before, reads, writes });
        Ok(Stepped::On)
    }

    fn instruction(&mut self) -> Result<Instruction, Errno> {
        let at = self.now.rip;
        if let Some(known) = self.decoded.get(&at) {
            return Ok(*known);
        }
        let code = Memory(self.tid).up_to(at, INSTRUCTION)?;
        let decoded = Decoder::with_ip(64, &code, at, DecoderOptions::NONE).decode();
        self.decoded.insert(at, decoded);
        Ok(decoded)
    }

    /// The memory that an instruction is about to read, and that it may change, with the content.
    #[allow(clippy::type_complexity)]
    fn touched(
        &mut self,
        instruction: &Instruction,
    ) -> Result<(Vec<(u64, Vec<u8>)>, Vec<(u64, Vec<u8>)>), Errno> {
        let now = self.now;
        let memory = Memory(self.tid);
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for used in self.info.info(instruction).used_memory() {
            let at = used.virtual_address(0, |register, _, _| value(&now, register));
            let size = used.memory_size().size();
            let Some(at) = at.filter(|_| size > 0) else { continue };
            let access = used.access();
            let there = memory.read(at, size)?;
            if matches!(access, OpAccess::Read | OpAccess::CondRead) {
                reads.push((at, there));
            } else if access != OpAccess::NoMemAccess && access != OpAccess::None {
                if matches!(access, OpAccess::ReadWrite | OpAccess::ReadCondWrite) {
                    reads.push((at, there.clone()));
                }
                writes.push((at, there));
            }
        }
        Ok((reads, writes))
    }

    /// How many instructions the last pass of a loop had, if the one before it was the same.
    pub fn period(&self) -> Option<usize> {
        let end = self.steps.len();
        let been_here = self.places.get(&self.now.rip)?.iter().rev();
        been_here
            .map(|at| end - at)
            .take_while(|length| *length <= LONGEST)
            .find(|length| 2 * length <= end && self.is_one_loop(*length) && self.repeats(*length))
    }

    /// Whether the thread was here at the start of both of the last two stretches of so many
    /// instructions, with the same registers.
    fn is_one_loop(&self, length: usize) -> bool {
        let end = self.steps.len();
        let (first, second) = (&self.steps[end - 2 * length], &self.steps[end - length]);
        first.before.rip == self.now.rip
            && second.before.rip == self.now.rip
            && is_one_loop([&first.before, &second.before, &self.now])
    }

    /// Whether the last two stretches of so many instructions were the same.
    fn repeats(&self, length: usize) -> bool {
        let (before, last) = self.steps[self.steps.len() - 2 * length..].split_at(length);
        before.iter().zip(last).all(|(one, other)| {
            one.before.rip == other.before.rip
                && one.reads == other.reads
                && one.writes == other.writes
        })
    }

    /// Makes one more pass of a loop, in which the registers for vectors must stay the same, too.
    pub fn confirm(&mut self, length: usize) -> Result<Option<Doing>, Errno> {
        let before = vectors(self.tid)?;
        for _ in 0..length {
            if let Stepped::Out(doing) = self.step()? {
                return Ok(Some(doing));
            }
        }
        let same = vectors(self.tid)? == before;
        Ok(self.waiting_loop(length).filter(|_| same).map(Doing::Waits))
    }

    /// The last so many instructions.
    pub fn last(&self, length: usize) -> &[Step] {
        &self.steps[self.steps.len() - length..]
    }

    /// The general registers that the last so many instructions use.
    pub fn used(&mut self, length: usize) -> BTreeSet<usize> {
        let mut used = BTreeSet::new();
        for step in &self.steps[self.steps.len() - length..] {
            let Some(instruction) = self.decoded.get(&step.before.rip) else { continue };
            let registers = self.info.info(instruction).used_registers();
            let full = registers.iter().map(|used| used.register().full_register());
            used.extend(full.filter_map(|full| GENERAL.iter().position(|known| *known == full)));
        }
        used
    }

    fn waiting_loop(&self, length: usize) -> Option<WaitingLoop> {
        let end = self.steps.len();
        let second = &self.steps[end - length];
        let is_loop = self.is_one_loop(length) && self.repeats(length);
        let pass = &self.steps[end - length..];
        let shared = |(at, _): &&(u64, Vec<u8>)| !is_own_stack(&self.now, *at);
        let mut reads: Vec<_> =
            pass.iter().flat_map(|step| step.reads.iter().filter(shared).cloned()).collect();
        reads.sort();
        reads.dedup();
        let counts = general(&second.before) != general(&self.now);
        (is_loop && !reads.is_empty()).then_some(WaitingLoop { reads, counts })
    }
}

/// Whether an instruction only computes: calls of any kind, and those that ask the processor for
/// something that is not in a register, are not part of a waiting loop.
fn is_plain(instruction: &Instruction) -> bool {
    let asks = [Mnemonic::Rdtsc, Mnemonic::Rdtscp, Mnemonic::Cpuid, Mnemonic::Rdrand];
    let leaves = matches!(
        instruction.flow_control(),
        FlowControl::Interrupt | FlowControl::Exception | FlowControl::XbeginXabortXend
    );
    !leaves
        && instruction.mnemonic() != Mnemonic::Syscall
        && !instruction.is_invalid()
        && !asks.contains(&instruction.mnemonic())
}
