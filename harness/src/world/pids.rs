//! How processes and threads are numbered, the same behind both doors.
//!
//! Linux gives out the next number that is free. Here the numbers begin anew with each start of the
//! server, as in a container that is restarted, so that a start does not depend on how many
//! processes there were before it. What an orphan of an earlier start holds is not free. Must not
//! know: whose numbers they are.

use crate::kernel::Pid;

/// Process 1 of every machine.
const INIT: Pid = 1;

/// The numbers given out since a start.
#[derive(Clone, Debug)]
pub struct Pids {
    newest: Pid,
    /// Those of processes that lived when the server was started.
    taken: Vec<Pid>,
}

impl Pids {
    /// The numbers of a new start, while these processes live.
    pub fn beside(taken: Vec<Pid>) -> Pids {
        Pids { newest: INIT, taken }
    }

    /// The number of the next process or thread: Linux numbers both in one sequence.
    pub fn give(&mut self) -> Pid {
        self.newest += 1;
        while self.taken.contains(&self.newest) {
            self.newest += 1;
        }
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_numbers_from_2_and_leaves_out_what_an_orphan_holds() {
        let mut pids = Pids::beside(vec![4, 3, 9]);
        let given: Vec<Pid> = (0..4).map(|_| pids.give()).collect();
        assert_eq!(given, [2, 5, 6, 7]);
        assert_eq!(Pids::beside(Vec::new()).give(), 2);
    }
}
