//! Errors of writeback, and who is told of them (`lib/errseq.c`).
//!
//! An error is reported once per open file description that was opened before it happened, by
//! fsync, fdatasync or sync_file_range, whichever comes first; the sync that met it is one of them.
//! A description opened later is told only if nobody has been told yet.
//!
//! ```text
//! open 0 a creat; open 1 a; write 0 0 10; full; fsync 0; fsync 1; fsync 1; open 2 a; fsync 2
//! ```
//!
//! gives an error twice, to the first fsync of each of 0 and 1. Must not know: what became of the
//! data.

use nix::errno::Errno;

/// The errors of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WritebackErrors {
    last: Option<Errno>,
    count: u64,
    /// Whether anybody was told of the last one.
    told: bool,
}

/// The errors that one open file description need not be told of any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u64);

impl WritebackErrors {
    /// Writing has failed. Errors that nobody was told of count as one.
    pub fn happened(&mut self, errno: Errno) {
        self.last = Some(errno);
        if self.told || self.count == 0 {
            self.count += 1;
            self.told = false;
        }
    }

    /// These errors for those who open the file from now on: what somebody was told of counts no
    /// more.
    pub fn of_a_closed_file(self) -> WritebackErrors {
        match self.count > 0 && !self.told {
            true => WritebackErrors { count: 1, ..self },
            false => WritebackErrors::default(),
        }
    }

    /// For a description that is opened now.
    pub fn at_open(&self) -> Seen {
        Seen(if self.told { self.count } else { 0 })
    }

    /// Whether a description has not seen all of them.
    pub fn would_tell(&self, seen: Seen) -> bool {
        seen.0 != self.count
    }

    /// The error that a description is told of now, if there is one that it has not seen.
    pub fn take(&mut self, seen: &mut Seen) -> Option<Errno> {
        if !self.would_tell(*seen) {
            return None;
        }
        self.told = true;
        seen.0 = self.count;
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_once_per_description_opened_before_it() {
        let mut errors = WritebackErrors::default();
        let (mut first, mut second) = (errors.at_open(), errors.at_open());
        assert_eq!(errors.take(&mut first), None);
        errors.happened(Errno::ENOSPC);
        let mut unaware = errors.at_open();
        assert_eq!(errors.take(&mut unaware), Some(Errno::ENOSPC), "nobody else was told yet");
        assert_eq!(errors.take(&mut first), Some(Errno::ENOSPC));
        assert_eq!(errors.take(&mut first), None);
        let mut late = errors.at_open();
        assert_eq!(errors.take(&mut late), None);
        assert_eq!(errors.take(&mut second), Some(Errno::ENOSPC));
        errors.happened(Errno::EIO);
        errors.happened(Errno::EIO);
        assert_eq!(errors.take(&mut late), Some(Errno::EIO));
        assert_eq!(errors.take(&mut late), None, "two that nobody was told of are one");
    }
}
