//! The content of the pipes of a simulated machine, see pipe(7).
//!
//! A pipe is a ring of sixteen pages, as in `fs/pipe.c`. A write goes on in the last page only if
//! its odd bytes (its length modulo the size of a page) fit behind what was written there;
//! otherwise it begins a new page. So a pipe may be full with less than 64 KiB in it, and a write
//! of up to a page is all or nothing. Must not know: tasks; the kernel says who holds which end.

use std::collections::VecDeque;

use nix::errno::Errno;
use sabot_server::os::Interest;

use crate::kernel::Kernel;
use crate::kernel::fd::{End, PipeId};

const PAGES: usize = 16;
const PAGE: usize = 4096;

/// The contents of all pipes.
#[derive(Debug, Default)]
pub struct Pipes(Vec<Pipe>);

/// The content of one pipe.
#[derive(Debug, Default)]
struct Pipe {
    pages: VecDeque<Page>,
    bytes: VecDeque<u8>,
}

/// A page that is not read to its end.
#[derive(Debug)]
struct Page {
    /// Up to where it is written.
    end: usize,
    /// How many bytes of it are still to be read.
    left: usize,
}

/// How far a write has come that may have to wait for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    began: bool,
    pub moved: u64,
}

impl Pipe {
    fn is_full(&self) -> bool {
        self.pages.len() >= PAGES
    }

    /// Puts bytes behind those of the last page, if there is one and they fit there whole.
    fn merge(&mut self, bytes: &[u8]) -> usize {
        match self.pages.back_mut() {
            Some(last) if last.end + bytes.len() <= PAGE => {
                last.end += bytes.len();
                last.left += bytes.len();
                self.bytes.extend(bytes);
                bytes.len()
            }
            _ => 0,
        }
    }

    /// Puts bytes into new pages, as many as there are.
    fn append(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for page in bytes.chunks(PAGE).take(PAGES - self.pages.len()) {
            self.pages.push_back(Page { end: page.len(), left: page.len() });
            self.bytes.extend(page);
            taken += page.len();
        }
        taken
    }

    fn take(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.bytes.len());
        for (to, byte) in buf.iter_mut().zip(self.bytes.drain(..count)) {
            *to = byte;
        }
        let mut rest = count;
        while let Some(first) = self.pages.front_mut().filter(|_| rest > 0) {
            let read = rest.min(first.left);
            first.left -= read;
            rest -= read;
            if first.left == 0 {
                self.pages.pop_front();
            }
        }
        count
    }
}

impl Pipes {
    fn pipe(&mut self, pipe: PipeId) -> &mut Pipe {
        if self.0.len() <= pipe {
            self.0.resize_with(pipe + 1, Pipe::default);
        }
        &mut self.0[pipe]
    }

    /// What poll(2) would say about one end; after a hang-up, both directions.
    pub fn readiness(&self, kernel: &Kernel, pipe: PipeId, end: End) -> Interest {
        let alone = |other| kernel.pipe_ends(pipe, other) == 0;
        let content = self.0.get(pipe);
        match end {
            End::Read if alone(End::Write) => Interest::BOTH,
            End::Write if alone(End::Read) => Interest::BOTH,
            End::Read => {
                let readable = content.is_some_and(|content| !content.bytes.is_empty());
                Interest { readable, writable: false }
            }
            End::Write => {
                let writable = content.is_none_or(|content| !content.is_full());
                Interest { readable: false, writable }
            }
        }
    }

    /// Moves bytes out. None: it is empty, and somebody may still write.
    pub fn read(&mut self, kernel: &Kernel, pipe: PipeId, buf: &mut [u8]) -> Option<u64> {
        let content = self.pipe(pipe);
        let waits = content.bytes.is_empty() && !buf.is_empty();
        if waits && kernel.pipe_ends(pipe, End::Write) > 0 {
            return None;
        }
        Some(content.take(buf) as u64)
    }

    /// Moves bytes in, from where the write has come to. None: there is no room for all of them.
    /// EPIPE: nobody can read them.
    pub fn write(
        &mut self,
        kernel: &Kernel,
        pipe: PipeId,
        data: &[u8],
        progress: &mut Progress,
    ) -> Option<Result<u64, Errno>> {
        if data.is_empty() {
            return Some(Ok(0));
        }
        if kernel.pipe_ends(pipe, End::Read) == 0 {
            return Some(if progress.moved > 0 { Ok(progress.moved) } else { Err(Errno::EPIPE) });
        }
        let content = self.pipe(pipe);
        let odd = data.len() % PAGE;
        if !progress.began && odd > 0 {
            progress.moved += content.merge(&data[..odd]) as u64;
        }
        progress.began = true;
        progress.moved += content.append(&data[progress.moved as usize..]) as u64;
        (progress.moved == data.len() as u64).then_some(Ok(progress.moved))
    }
}

/// What a call returns that must not wait for its pipe.
pub fn at_once(moved: u64) -> Result<u64, Errno> {
    if moved > 0 { Ok(moved) } else { Err(Errno::EAGAIN) }
}

/// What a call returns that a signal has interrupted while it waited for its pipe.
pub fn interrupted(moved: u64) -> Result<u64, Errno> {
    if moved > 0 { Ok(moved) } else { Err(Errno::EINTR) }
}
