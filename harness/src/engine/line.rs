//! Lines from a pipe, with a deadline in real time.
//!
//! Must not know: what a line holds.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Why there is no line.
#[derive(Debug, PartialEq, Eq)]
pub enum NoLine {
    /// The writer is gone.
    Closed,
    /// The deadline has passed.
    Silent,
}

/// Reads lines that may take long to come.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no newline.
    searched: usize,
}

impl<R: Read + AsFd> Lines<R> {
    pub fn new(from: R) -> Self {
        Lines { from, pending: Vec::new(), searched: 0 }
    }

    /// The next line without its newline; waits at most `limit` for all of it.
    pub fn next(&mut self, limit: Duration) -> Result<Vec<u8>, NoLine> {
        let until = Instant::now() + limit;
        loop {
            if let Some(end) = self.pending[self.searched..].iter().position(|b| *b == b'\n') {
                let rest = self.pending.split_off(self.searched + end + 1);
                let mut line = std::mem::replace(&mut self.pending, rest);
                self.searched = 0;
                line.pop();
                return Ok(line);
            }
            self.searched = self.pending.len();
            wait(self.from.as_fd(), until)?;
            let mut chunk = [0; 65536];
            match self.from.read(&mut chunk) {
                Ok(0) => return Err(NoLine::Closed),
                Ok(n) => self.pending.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(NoLine::Closed),
            }
        }
    }
}

/// Waits until there is something to read, or the end of the stream.
fn wait(fd: BorrowedFd<'_>, until: Instant) -> Result<(), NoLine> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoLine::Silent);
        }
        // A millisecond more than is left, so that the last round is not a busy one.
        let millis = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
        let timeout =
            PollTimeout::try_from(millis.min(i32::MAX as u32)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
        if poll(&mut fds, timeout).is_ok_and(|ready| ready > 0) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_come_whole_and_silence_and_the_end_are_told_apart() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let mut lines = Lines::new(reader);
        writer.write_all(b"one\ntw").expect("room in the pipe");
        assert_eq!(lines.next(Duration::from_secs(5)), Ok(b"one".to_vec()));
        assert_eq!(lines.next(Duration::from_millis(5)), Err(NoLine::Silent));
        writer.write_all(b"o\nthree\n").expect("room in the pipe");
        drop(writer);
        assert_eq!(lines.next(Duration::from_secs(5)), Ok(b"two".to_vec()));
        assert_eq!(lines.next(Duration::from_secs(5)), Ok(b"three".to_vec()));
        assert_eq!(lines.next(Duration::from_secs(5)), Err(NoLine::Closed));
    }
}
