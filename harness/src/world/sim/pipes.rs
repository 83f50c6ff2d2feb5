//! The content of the pipes of a simulated machine, see pipe(7).
//!
//! A pipe holds 64 KiB; a write of up to 4096 bytes is all or nothing. Not modelled: that Linux may
//! fill its sixteen pages only in part. Must not know: tasks; the kernel says who holds which end.

use std::collections::{BTreeSet, VecDeque};

use nix::errno::Errno;
use sabot_server::os::Interest;

use crate::kernel::Kernel;
use crate::kernel::fd::{End, PipeId};

const CAPACITY: usize = 65_536;
/// PIPE_BUF: a write of up to this size is all or nothing.
const ATOMIC: usize = 4096;

/// The contents of all pipes.
#[derive(Debug, Default)]
pub struct Pipes {
    contents: Vec<VecDeque<u8>>,
    nonblocking: BTreeSet<(PipeId, End)>,
}

impl Pipes {
    fn content(&mut self, pipe: PipeId) -> &mut VecDeque<u8> {
        if self.contents.len() <= pipe {
            self.contents.resize_with(pipe + 1, VecDeque::new);
        }
        &mut self.contents[pipe]
    }

    fn len(&self, pipe: PipeId) -> usize {
        self.contents.get(pipe).map_or(0, VecDeque::len)
    }

    pub fn set_nonblocking(&mut self, pipe: PipeId, end: End) {
        self.nonblocking.insert((pipe, end));
    }

    pub fn is_nonblocking(&self, pipe: PipeId, end: End) -> bool {
        self.nonblocking.contains(&(pipe, end))
    }

    /// What poll(2) would say about one end; after a hang-up, both directions.
    pub fn readiness(&self, kernel: &Kernel, pipe: PipeId, end: End) -> Interest {
        let alone = |other| kernel.pipe_ends(pipe, other) == 0;
        match end {
            End::Read if alone(End::Write) => Interest::BOTH,
            End::Write if alone(End::Read) => Interest::BOTH,
            End::Read => Interest { readable: self.len(pipe) > 0, writable: false },
            End::Write => {
                Interest { readable: false, writable: CAPACITY - self.len(pipe) >= ATOMIC }
            }
        }
    }

    /// Moves bytes out. EAGAIN: it is empty, and somebody may still write.
    pub fn read(&mut self, kernel: &Kernel, pipe: PipeId, buf: &mut [u8]) -> Result<u64, Errno> {
        let content = self.content(pipe);
        if content.is_empty() {
            let writers = kernel.pipe_ends(pipe, End::Write);
            return if writers == 0 { Ok(0) } else { Err(Errno::EAGAIN) };
        }
        let count = buf.len().min(content.len());
        for (to, byte) in buf.iter_mut().zip(content.drain(..count)) {
            *to = byte;
        }
        Ok(count as u64)
    }

    /// Moves bytes in. EPIPE: nobody can read them. EAGAIN: there is no room.
    pub fn write(&mut self, kernel: &Kernel, pipe: PipeId, data: &[u8]) -> Result<u64, Errno> {
        if kernel.pipe_ends(pipe, End::Read) == 0 {
            return Err(Errno::EPIPE);
        }
        let room = CAPACITY - self.len(pipe);
        if room == 0 || (data.len() <= ATOMIC && room < data.len()) {
            return Err(Errno::EAGAIN);
        }
        let count = data.len().min(room);
        self.content(pipe).extend(&data[..count]);
        Ok(count as u64)
    }
}
