//! Waiting for descriptors: epoll_wait, poll, select.
//!
//! The supervisor polls copies of the descriptors. If one is ready, Linux carries the call out and
//! returns at once. Otherwise the task is held until one is, or until its timeout on the virtual
//! clock. Must not know: what a descriptor is.

use std::collections::btree_map::Entry;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Action, Outcome};
use crate::kernel::{Fd, Pid, Time};
use crate::world::Broken;
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::start::namespace::copy_descriptor;
use crate::world::supervised::tasks::{Interest, Wait};

/// The size of a `struct pollfd`, and the offset of its result.
const POLLFD: usize = 8;
const REVENTS: u64 = 6;
/// select(2) takes only descriptors below this.
const FD_SETSIZE: i32 = 1024;

/// How long a call waits: not at all, for a time, or for ever.
enum Patience {
    None,
    For(Duration),
    Endless,
}

impl Supervised {
    pub(super) fn epoll_wait(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let patience = match notice.number {
            libc::SYS_epoll_pwait2 => timespec(notice.tid, notice.args[3])?,
            _ => milliseconds(notice.int(3)),
        };
        self.wait_ready(tid, Interest::Epoll(notice.int(0)), patience)
    }

    /// A new epoll descriptor may get the number of an old one, so all copies are dropped.
    pub(super) fn epoll_create(&mut self, tid: i32) -> Outcome {
        let pid = self.table.task(tid).map(|task| task.pid);
        if let Some(process) = pid.and_then(|pid| self.table.process_mut(pid)) {
            process.epolls.get_mut().clear();
        }
        Ok(Action::CONTINUE)
    }

    pub(super) fn poll(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let [address, count, ..] = notice.args;
        let patience = match notice.number {
            libc::SYS_ppoll => timespec(notice.tid, notice.args[2])?,
            _ => milliseconds(notice.int(2)),
        };
        let bytes = Memory(notice.tid).read(address, count as usize * POLLFD)?;
        let entry = |entry: &[u8]| {
            let fd = Fd::from_ne_bytes(entry[..4].try_into().expect("4 bytes"));
            (fd, i16::from_ne_bytes(entry[4..6].try_into().expect("2 bytes")))
        };
        let entries = bytes.chunks_exact(POLLFD).map(entry).collect();
        self.wait_ready(tid, Interest::Poll { address, entries }, patience)
    }

    pub(super) fn select(&mut self, tid: i32, notice: &Notice) -> Outcome {
        let patience = match (notice.number, notice.args[4]) {
            (_, 0) => Patience::Endless,
            (libc::SYS_pselect6, at) => timespec(notice.tid, at)?,
            (_, at) => {
                let (seconds, micros) = Memory(notice.tid).time(at)?;
                let micros = Duration::from_micros(micros.max(0) as u64);
                limited(Duration::from_secs(seconds.max(0) as u64) + micros)
            }
        };
        let count = notice.int(0).clamp(0, FD_SETSIZE);
        let sets = [notice.args[1], notice.args[2], notice.args[3]];
        let bytes = (count as usize).div_ceil(64) * 8;
        let mut entries = Vec::new();
        for (set, events) in sets.iter().zip([libc::POLLIN, libc::POLLOUT, libc::POLLPRI]) {
            if *set == 0 {
                continue;
            }
            let bits = Memory(notice.tid).read(*set, bytes)?;
            let wanted = |fd: &i32| bits[*fd as usize / 8] >> (fd % 8) & 1 == 1;
            entries.extend((0..count).filter(wanted).map(|fd| (fd, events)));
        }
        self.wait_ready(tid, Interest::Select { sets, bytes, entries }, patience)
    }

    fn wait_ready(&mut self, tid: i32, of: Interest, patience: Patience) -> Outcome {
        let pid = self.table.task(tid).map_or(0, |task| task.pid);
        if let Some(process) = self.table.process_mut(pid) {
            process.boots = false;
        }
        if matches!(patience, Patience::None) || self.is_any_ready(pid, &of)? {
            return Ok(Action::CONTINUE);
        }
        let now = self.kernel.borrow().now();
        let until: Option<Time> = match patience {
            Patience::For(time) => Some(now + time),
            _ => None,
        };
        Ok(Action::hold(Wait::Ready { of, until }))
    }

    /// Ends a wait: something is ready, the timeout has expired, or a signal has come.
    pub(super) fn end_ready(
        &mut self,
        tid: i32,
        notice: &Notice,
        of: &Interest,
        interrupted: bool,
    ) -> Outcome {
        let pid = self.table.task(tid).map_or(0, |task| task.pid);
        if self.is_any_ready(pid, of)? {
            return Ok(Action::CONTINUE);
        }
        if interrupted {
            return Ok(Action::error(Errno::EINTR));
        }
        let memory = Memory(notice.tid);
        match of {
            Interest::Epoll(_) => {}
            Interest::Poll { address, entries } => {
                for n in 0..entries.len() {
                    memory.write(address + (n * POLLFD) as u64 + REVENTS, &[0; 2])?;
                }
            }
            Interest::Select { sets, bytes, .. } => {
                for set in sets.iter().filter(|set| **set != 0) {
                    memory.write(*set, &vec![0; *bytes])?;
                }
            }
        }
        Ok(Action::value(0))
    }

    /// Whether anything is ready now.
    pub(in super::super) fn is_any_ready(&self, pid: Pid, of: &Interest) -> Result<bool, Broken> {
        let entries = match of {
            Interest::Epoll(fd) => return self.is_epoll_ready(pid, *fd),
            Interest::Poll { entries, .. } | Interest::Select { entries, .. } => entries,
        };
        let Some(process) = self.table.process(pid) else { return Ok(true) };
        let mut copies = Vec::new();
        for (fd, events) in entries.iter().filter(|(fd, _)| *fd >= 0) {
            let copy = match process.files.get(fd) {
                Some(file) => Rc::clone(file),
                None => match copy_descriptor(process.pidfd.as_fd(), *fd) {
                    Ok(copy) => Rc::new(copy),
                    // A descriptor that is not open makes the call return: POLLNVAL or EBADF.
                    Err(Errno::EBADF) => return Ok(true),
                    Err(errno) => return Err(os_error("pidfd_getfd", errno)),
                },
            };
            copies.push((copy, PollFlags::from_bits_retain(*events)));
        }
        let fds = copies.iter().map(|(copy, events)| PollFd::new(copy.as_fd(), *events));
        is_ready(&mut fds.collect::<Vec<_>>())
    }

    fn is_epoll_ready(&self, pid: Pid, fd: Fd) -> Result<bool, Broken> {
        let Some(process) = self.table.process(pid) else { return Ok(true) };
        let mut copies = process.epolls.borrow_mut();
        let copy: &OwnedFd = match copies.entry(fd) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match copy_descriptor(process.pidfd.as_fd(), fd) {
                Ok(copy) => entry.insert(copy),
                Err(Errno::EBADF) => return Ok(true),
                Err(errno) => return Err(os_error("pidfd_getfd", errno)),
            },
        };
        is_ready(&mut [PollFd::new(copy.as_fd(), PollFlags::POLLIN)])
    }
}

fn is_ready(fds: &mut [PollFd<'_>]) -> Result<bool, Broken> {
    Ok(poll(fds, PollTimeout::ZERO).map_err(|errno| os_error("poll", errno))? > 0)
}

fn limited(time: Duration) -> Patience {
    if time.is_zero() { Patience::None } else { Patience::For(time) }
}

fn milliseconds(timeout: i32) -> Patience {
    match u64::try_from(timeout) {
        Ok(timeout) => limited(Duration::from_millis(timeout)),
        Err(_) => Patience::Endless,
    }
}

/// A `struct timespec`; a null pointer means for ever.
fn timespec(tid: i32, at: u64) -> Result<Patience, Errno> {
    if at == 0 {
        return Ok(Patience::Endless);
    }
    let (seconds, nanos) = Memory(tid).time(at)?;
    let nanos = Duration::from_nanos(nanos.max(0) as u64);
    Ok(limited(Duration::from_secs(seconds.max(0) as u64) + nanos))
}
