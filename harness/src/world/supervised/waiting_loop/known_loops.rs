//! Waiting loops that were found before, so that finding a thread in one takes no steps.
//!
//! Must not know: how a loop is found out.

use std::collections::{BTreeMap, BTreeSet};

use libc::user_regs_struct;

use super::doing::{WaitingLoop, are_same};
use super::registers::general;
use super::walk::Step;

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

    pub fn find(&self, tid: i32, now: &user_regs_struct) -> Option<&WaitingLoop> {
        let values = general(now);
        let here = |place: &&Place| {
            place.flags == now.eflags & FLAGS
                && place.used.iter().all(|(register, value)| values[*register] == *value)
                && are_same(tid, &place.reads)
        };
        self.0.get(&now.rip)?.iter().find(here).map(|place| &place.waits)
    }

    /// Remembers each place in a loop. One that counts is never in the same place again.
    pub fn learn(&mut self, pass: &[Step], used: &BTreeSet<usize>, waits: &WaitingLoop) {
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
