//! Proof that a stopped thread does nothing but wait: its next instructions are carried out one by
//! one, until they repeat.
//!
//! A waiting loop reads the same words with the same result on every pass, changes no memory, and
//! leaves the registers as they were, except for a counter that ends it. So, as long as the words
//! stay the same, going on with it comes to nothing: somebody else has to change one of them. Must
//! not know: why the thread was stopped, and who runs next.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    Register,
};
use libc::{user_fpregs_struct, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::memory::Memory;

/// How many instructions are carried out before the thread counts as working.
const STEPS: usize = 1500;
/// How many instructions the longest loop has.
const LONGEST: usize = 400;
/// The longest instruction of x86-64, in bytes.
const INSTRUCTION: usize = 15;
/// How far from its stack pointer memory is the thread's own, in bytes: below and above.
const OWN_STACK: (u64, u64) = (1 << 12, 1 << 16);

/// A loop in which a thread waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLoop {
    /// What it reads again and again: addresses with the bytes found there.
    pub reads: Vec<(u64, Vec<u8>)>,
    /// It counts its passes, so it may end by itself.
    pub counts: bool,
}

/// What a stopped thread was found to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Waits(WaitingLoop),
    Works,
    /// It stopped for a signal, which is to be passed on.
    Signalled(Signal),
    /// It is dead.
    Gone,
}

impl WaitingLoop {
    /// Whether one of its words is no longer what it was.
    pub fn is_over(&self, tid: i32) -> bool {
        !are_same(tid, &self.reads)
    }
}

/// Whether words of memory are what they were.
fn are_same(tid: i32, words: &[(u64, Vec<u8>)]) -> bool {
    let memory = Memory(tid);
    words.iter().all(|(at, seen)| memory.read(*at, seen.len()).as_ref() == Ok(seen))
}

/// Loops of one program that were found before, by instruction pointer. With the same words, and
/// the same values in all registers that a loop uses, a thread goes the same way.
#[derive(Debug, Default)]
pub struct KnownLoops(BTreeMap<u64, Vec<Place>>);

/// A place in a loop.
#[derive(Debug)]
struct Place {
    flags: u64,
    /// The general registers that the loop uses, by number, with their values.
    used: Vec<(usize, u64)>,
    /// Everything that it reads, its own stack included.
    reads: Vec<(u64, Vec<u8>)>,
    waits: WaitingLoop,
}

/// More than a server has threads.
const PLACES: usize = 128;
/// The flags that instructions set: CF, PF, AF, ZF, SF, DF, OF.
const FLAGS: u64 = 0xcd5;

impl KnownLoops {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, tid: i32, now: &user_regs_struct) -> Option<&WaitingLoop> {
        let values = general(now);
        let here = |place: &&Place| {
            place.flags == now.eflags & FLAGS
                && place.used.iter().all(|(register, value)| values[*register] == *value)
                && are_same(tid, &place.reads)
        };
        self.0.get(&now.rip)?.iter().find(here).map(|place| &place.waits)
    }

    /// Remembers each place in a loop. One that counts is never in the same place again.
    fn learn(&mut self, pass: &[Step], used: &BTreeSet<usize>, waits: &WaitingLoop) {
        if waits.counts {
            return;
        }
        let reads: Vec<_> = pass.iter().flat_map(|step| step.reads.iter().cloned()).collect();
        for Step { before, .. } in pass {
            let values = general(before);
            let used = used.iter().map(|register| (*register, values[*register])).collect();
            let places = self.0.entry(before.rip).or_default();
            places.truncate(PLACES - 1);
            let flags = before.eflags & FLAGS;
            places.insert(0, Place { flags, used, reads: reads.clone(), waits: waits.clone() });
        }
    }
}

/// Finds out what a thread does that is stopped under ptrace, between two instructions.
pub fn examine(tid: i32, known: &mut KnownLoops) -> Result<Doing, Errno> {
    let mut walk = Walk::new(tid)?;
    if let Some(waits) = known.find(tid, &walk.now) {
        return Ok(Doing::Waits(waits.clone()));
    }
    for _ in 0..STEPS {
        match walk.step()? {
            Stepped::On => {}
            Stepped::Out(doing) => return Ok(doing),
        }
        let Some(length) = walk.period() else { continue };
        let doing = walk.confirm(length)?.unwrap_or(Doing::Works);
        if let Doing::Waits(waits) = &doing {
            let used = walk.used(length);
            known.learn(&walk.steps[walk.steps.len() - length..], &used, waits);
        }
        return Ok(doing);
    }
    Ok(Doing::Works)
}

/// One instruction that was carried out.
struct Step {
    before: user_regs_struct,
    reads: Vec<(u64, Vec<u8>)>,
    /// What it left in memory, on its own stack or unchanged.
    writes: Vec<(u64, Vec<u8>)>,
}

enum Stepped {
    On,
    Out(Doing),
}

/// A thread that is being followed.
struct Walk {
    tid: i32,
    now: user_regs_struct,
    steps: Vec<Step>,
    decoded: BTreeMap<u64, Instruction>,
    info: InstructionInfoFactory,
}

impl Walk {
    fn new(tid: i32) -> Result<Walk, Errno> {
        let now = ptrace::getregs(Pid::from_raw(tid))?;
        let (steps, decoded) = (Vec::new(), BTreeMap::new());
        Ok(Walk { tid, now, steps, decoded, info: InstructionInfoFactory::new() })
    }

    /// Carries out one instruction.
    fn step(&mut self) -> Result<Stepped, Errno> {
        let instruction = self.instruction()?;
        if !is_plain(&instruction) {
            return Ok(Stepped::Out(Doing::Works));
        }
        let (reads, written) = self.touched(&instruction)?;
        let pid = Pid::from_raw(self.tid);
        ptrace::step(pid, None)?;
        match waitpid(pid, Some(WaitPidFlag::__WALL))? {
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
    fn period(&self) -> Option<usize> {
        let end = self.steps.len();
        (1..=LONGEST.min(end / 2)).find(|length| {
            let (first, second) = (&self.steps[end - 2 * length], &self.steps[end - length]);
            first.before.rip == self.now.rip
                && second.before.rip == self.now.rip
                && is_one_loop(&first.before, &second.before, &self.now)
                && self.repeats(*length)
        })
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
    fn confirm(&mut self, length: usize) -> Result<Option<Doing>, Errno> {
        let before = vectors(self.tid)?;
        for _ in 0..length {
            if let Stepped::Out(doing) = self.step()? {
                return Ok(Some(doing));
            }
        }
        let same = vectors(self.tid)? == before;
        Ok(self.waiting_loop(length).filter(|_| same).map(Doing::Waits))
    }

    /// The general registers that the last so many instructions use.
    fn used(&mut self, length: usize) -> BTreeSet<usize> {
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
        let (first, second) = (&self.steps[end - 2 * length], &self.steps[end - length]);
        let is_loop = first.before.rip == self.now.rip
            && second.before.rip == self.now.rip
            && is_one_loop(&first.before, &second.before, &self.now)
            && self.repeats(length);
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

fn is_own_stack(registers: &user_regs_struct, at: u64) -> bool {
    let (below, above) = OWN_STACK;
    (registers.rsp.saturating_sub(below)..registers.rsp.saturating_add(above)).contains(&at)
}

/// Whether registers at the same place of three passes differ in nothing but a counter.
fn is_one_loop(
    first: &user_regs_struct,
    second: &user_regs_struct,
    third: &user_regs_struct,
) -> bool {
    let [first, second, third] = [first, second, third].map(general);
    let deltas = |from: [u64; 16], to: [u64; 16]| -> Vec<(usize, u64)> {
        let all = from.iter().zip(to).map(|(from, to)| to.wrapping_sub(*from)).enumerate();
        all.filter(|(_, delta)| *delta != 0).collect()
    };
    let (one, other) = (deltas(first, second), deltas(second, third));
    one == other && one.len() <= 1
}

/// The general registers, as [`general`] orders them.
const GENERAL: [Register; 16] = [
    Register::RSP,
    Register::RAX,
    Register::RBX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::RBP,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

fn general(registers: &user_regs_struct) -> [u64; 16] {
    let r = registers;
    [
        r.rsp, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12,
        r.r13, r.r14, r.r15,
    ]
}

fn value(registers: &user_regs_struct, register: Register) -> Option<u64> {
    match register {
        Register::FS => Some(registers.fs_base),
        Register::GS => Some(registers.gs_base),
        Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
        _ => {
            let at = GENERAL.iter().position(|known| *known == register)?;
            Some(general(registers)[at])
        }
    }
}

/// The registers for floating point and vectors, as far as fxsave stores them.
fn vectors(tid: i32) -> Result<([u32; 32], [u32; 64]), Errno> {
    let pid = Pid::from_raw(tid);
    let all: user_fpregs_struct = ptrace::getregset::<ptrace::regset::NT_PRFPREG>(pid)?;
    Ok((all.st_space, all.xmm_space))
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests;
