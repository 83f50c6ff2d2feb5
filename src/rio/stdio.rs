//! Buffered files that make the same system calls as glibc's `FILE`, because faults are injected
//! per call.
//!
//! The buffer is one block of 4096 bytes (`st_blksize` of tmpfs and most disks). As in glibc:
//!
//! - A write fills the buffer; a full buffer is flushed when *more* data arrives. Whole blocks of
//!   the rest are then written directly in one call, and the remainder is buffered. The first write
//!   has no buffer yet, so its whole blocks are written at once.
//! - write(2) is repeated after a short count. An error discards the buffer.
//! - A read fetches one block; larger reads go directly to their destination, rounded down to whole
//!   blocks. End of file is sticky until the next seek.
//!
//! Missing: glibc's fstat(2) when it allocates the buffer.
//! Must not know: what the bytes mean.

use crate::os::{Errno, Fd, Os, Whence};

/// Length of the buffer in bytes.
pub const BLOCK: usize = 4096;

/// A `FILE` opened with "w".
pub struct FileWriter {
    /// None once closed.
    fd: Option<Fd>,
    /// None before the first write.
    buf: Option<Vec<u8>>,
}

impl FileWriter {
    /// Takes over `fd`.
    pub fn new(fd: Fd) -> Self {
        FileWriter { fd: Some(fd), buf: None }
    }

    /// `fileno`; -1 once closed, so that calls fail with EBADF.
    pub fn fd(&self) -> Fd {
        self.fd.unwrap_or(-1)
    }

    /// `fwrite` — on an error part of `data` may have been written; the rest is dropped.
    pub fn write(&mut self, os: &mut dyn Os, data: &[u8]) -> Result<(), Errno> {
        let room = self.buf.as_ref().map_or(0, |buf| BLOCK - buf.len());
        let (first, rest) = data.split_at(room.min(data.len()));
        self.buf.get_or_insert_default().extend_from_slice(first);
        if rest.is_empty() {
            return Ok(());
        }
        self.flush(os)?;
        let (blocks, rest) = rest.split_at(rest.len() - rest.len() % BLOCK);
        write_fully(os, self.fd(), blocks)?;
        self.buf.get_or_insert_default().extend_from_slice(rest);
        Ok(())
    }

    /// `fflush` — writes the buffer, which is empty afterwards even on an error.
    pub fn flush(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        let fd = self.fd();
        let Some(buf) = &mut self.buf else { return Ok(()) };
        let result = write_fully(os, fd, buf);
        buf.clear();
        result
    }

    /// `fclose` — flushes, then closes even if that failed.
    pub fn close(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        let Some(fd) = self.fd else { return Ok(()) };
        let flushed = self.flush(os);
        self.fd = None;
        os.close(fd).and(flushed)
    }
}

/// Calls write(2) until everything is written or an error occurs.
fn write_fully(os: &mut dyn Os, fd: Fd, mut data: &[u8]) -> Result<(), Errno> {
    while !data.is_empty() {
        let written = os.write(fd, data)?;
        data = &data[written.min(data.len())..];
    }
    Ok(())
}

/// A `FILE` opened with "r".
pub struct FileReader {
    fd: Fd,
    buf: Vec<u8>,
    /// How much of `buf` has been consumed.
    used: usize,
    /// Bytes consumed since the start of the file.
    position: u64,
    /// The expected length of the file, which limits allocations.
    length: u64,
    /// `feof`.
    eof: bool,
    /// `ferror`, with its errno.
    error: Option<Errno>,
}

impl FileReader {
    /// Takes over `fd`, which stands at the start of a file of `length` bytes.
    pub fn new(fd: Fd, length: u64) -> Self {
        FileReader { fd, buf: Vec::new(), used: 0, position: 0, length, eof: false, error: None }
    }

    /// `feof` — whether a read reached the end.
    pub fn at_eof(&self) -> bool {
        self.eof
    }

    /// The last error of a read or seek.
    pub fn error(&self) -> Option<Errno> {
        self.error
    }

    /// `ftello` — the offset of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// `fseek(fp, 0, SEEK_SET)` — drops the buffer.
    pub fn rewind(&mut self, os: &mut dyn Os) -> Result<(), Errno> {
        let sought = os.lseek(self.fd, 0, Whence::Set);
        if let Err(errno) = sought {
            self.error = Some(errno);
            return Err(errno);
        }
        self.buf.clear();
        self.used = 0;
        self.position = 0;
        self.eof = false;
        Ok(())
    }

    /// `fread` — `len` bytes, or fewer at the end of the file or after an error.
    pub fn read(&mut self, os: &mut dyn Os, len: usize) -> Vec<u8> {
        let mut data = Vec::new();
        while data.len() < len {
            let wanted = len - data.len();
            self.take_buffered(&mut data, wanted);
            let wanted = len - data.len();
            if wanted == 0 {
                break;
            }
            let went_on = if wanted < BLOCK {
                self.underflow(os)
            } else {
                self.read_directly(os, &mut data, wanted - wanted % BLOCK)
            };
            if !went_on {
                break;
            }
        }
        data
    }

    /// `fread` of a few bytes into `buf`. Returns whether it was filled.
    pub fn fill(&mut self, os: &mut dyn Os, buf: &mut [u8]) -> bool {
        debug_assert!(buf.len() < BLOCK, "longer strings are read by `read`");
        let mut filled = 0;
        while filled < buf.len() {
            let rest = &self.buf[self.used..];
            let taken = rest.len().min(buf.len() - filled);
            buf[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            self.used += taken;
            self.position += taken as u64;
            if filled < buf.len() && !self.underflow(os) {
                return false;
            }
        }
        true
    }

    /// `fgets` — up to and including the next newline, at most `max` bytes; shorter at the end of
    /// the file. None if nothing was left or a read failed.
    pub fn read_line(&mut self, os: &mut dyn Os, max: usize) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        while line.len() < max {
            if self.used == self.buf.len() && !self.underflow(os) {
                let failed = !self.eof;
                return (!line.is_empty() && !failed).then_some(line);
            }
            let rest = &self.buf[self.used..];
            let rest = &rest[..rest.len().min(max - line.len())];
            let newline = rest.iter().position(|&byte| byte == b'\n');
            let count = newline.map_or(rest.len(), |at| at + 1);
            self.take_buffered(&mut line, count);
            if newline.is_some() {
                break;
            }
        }
        Some(line)
    }

    /// `fclose`.
    pub fn close(&mut self, os: &mut dyn Os) {
        let _ = os.close(self.fd);
    }

    fn take_buffered(&mut self, data: &mut Vec<u8>, wanted: usize) {
        let rest = &self.buf[self.used..];
        let taken = &rest[..rest.len().min(wanted)];
        data.extend_from_slice(taken);
        self.position += taken.len() as u64;
        self.used += taken.len();
    }

    /// Reads the next block. False at the end of the file and on an error.
    fn underflow(&mut self, os: &mut dyn Os) -> bool {
        if self.eof {
            return false;
        }
        self.used = 0;
        self.buf.resize(BLOCK, 0);
        let result = os.read(self.fd, &mut self.buf);
        let count = self.count(result);
        self.buf.truncate(count);
        count != 0
    }

    fn read_directly(&mut self, os: &mut dyn Os, data: &mut Vec<u8>, len: usize) -> bool {
        let left = self.length.saturating_sub(self.position).max(BLOCK as u64);
        let len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        let start = data.len();
        data.resize(start + len, 0);
        let result = os.read(self.fd, &mut data[start..]);
        let count = self.count(result);
        data.truncate(start + count);
        self.position += count as u64;
        count != 0
    }

    fn count(&mut self, result: Result<usize, Errno>) -> usize {
        match result {
            Ok(count) => {
                self.eof |= count == 0;
                count
            }
            Err(errno) => {
                self.error = Some(errno);
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixDatagram;

    use super::{Errno, FileReader, FileWriter};
    use crate::os::linux::LinuxOs;
    use crate::os::{OFlag, Os};

    /// A writer into a datagram socket, which keeps each write(2) apart, and the other end.
    fn writer() -> (FileWriter, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().expect("two descriptors");
        theirs.set_nonblocking(true).expect("a socket");
        (FileWriter::new(ours.into_raw_fd()), theirs)
    }

    /// The length of each write(2) since the last call.
    fn written(socket: &UnixDatagram) -> Vec<usize> {
        let mut buf = [0; 65536];
        std::iter::from_fn(|| socket.recv(&mut buf).ok()).take_while(|&len| len > 0).collect()
    }

    #[test]
    fn writes_leave_as_glibc_lets_them_leave() {
        let (mut file, socket) = writer();
        let (os, data) = (&mut LinuxOs::new(), &[7; 10_000]);
        file.write(os, &data[..100]).expect("buffered");
        assert_eq!(written(&socket), []);
        file.write(os, &data[..5000]).expect("a full block");
        assert_eq!(written(&socket), [4096]);
        file.write(os, data).expect("a full block, then a whole one directly");
        assert_eq!(written(&socket), [4096, 4096]);
        file.write(os, &data[..10]).expect("buffered");
        file.close(os).expect("the rest");
        assert_eq!(written(&socket), [2822]);
    }

    #[test]
    fn the_first_write_finds_no_buffer_to_fill() {
        let (mut file, socket) = writer();
        let os = &mut LinuxOs::new();
        file.write(os, &[7; 10_000]).expect("two blocks at once");
        assert_eq!(written(&socket), [8192]);
        file.flush(os).expect("the rest");
        assert_eq!(written(&socket), [1808]);
    }

    #[test]
    fn a_full_buffer_waits_for_more() {
        let (mut file, socket) = writer();
        let os = &mut LinuxOs::new();
        file.write(os, &[7; 96]).expect("buffered");
        file.write(os, &[7; 4000]).expect("buffered");
        assert_eq!(written(&socket), []);
        file.write(os, &[7]).expect("a full block");
        assert_eq!(written(&socket), [4096]);
    }

    #[test]
    fn what_could_not_be_written_is_gone() {
        let os = &mut LinuxOs::new();
        let full = os.open("/dev/full", OFlag::O_WRONLY, 0).expect("every Linux has it");
        let mut file = FileWriter::new(full);
        file.write(os, &[7; 100]).expect("buffered");
        assert_eq!(file.write(os, &[7; 5000]), Err(Errno::ENOSPC));
        assert_eq!(file.close(os), Ok(()));
        assert_eq!(file.close(os), Ok(()), "closing again does nothing");
    }

    /// A reader of a pipe that holds `data` and whose write end is closed.
    fn reader(os: &mut LinuxOs, data: &[u8]) -> FileReader {
        let (read, write) = os.pipe().expect("two descriptors");
        assert_eq!(os.write(write, data), Ok(data.len()));
        os.close(write).expect("it is open");
        FileReader::new(read, data.len() as u64)
    }

    #[test]
    fn lines_end_at_newlines_at_the_limit_and_at_the_end() {
        let os = &mut LinuxOs::new();
        let mut file = reader(os, b"*1\r\n12345\nx");
        assert_eq!(file.read_line(os, 127).as_deref(), Some(b"*1\r\n" as &[u8]));
        assert_eq!(file.read_line(os, 3).as_deref(), Some(b"123" as &[u8]));
        assert_eq!(file.read_line(os, 127).as_deref(), Some(b"45\n" as &[u8]));
        assert_eq!((file.position(), file.at_eof()), (10, false));
        assert_eq!(file.read_line(os, 127).as_deref(), Some(b"x" as &[u8]));
        assert_eq!((file.read_line(os, 127), file.at_eof()), (None, true));
        file.close(os);
    }

    #[test]
    fn reads_cross_blocks_and_stop_at_the_end() {
        let os = &mut LinuxOs::new();
        let data: Vec<u8> = (0..20_000).map(|i| (i % 251) as u8).collect();
        let mut file = reader(os, &data);
        assert_eq!(file.read(os, 5), data[..5]);
        assert_eq!(file.read(os, 10_000), data[5..10_005]);
        assert_eq!((file.position(), file.at_eof()), (10_005, false));
        assert_eq!(file.read(os, usize::MAX), data[10_005..]);
        assert_eq!((file.position(), file.at_eof(), file.error()), (20_000, true, None));
        file.close(os);
    }

    #[test]
    fn a_failing_read_is_not_the_end() {
        let os = &mut LinuxOs::new();
        let dir = os.open("/", OFlag::O_RDONLY, 0).expect("it is there");
        let mut file = FileReader::new(dir, 0);
        assert_eq!(file.read_line(os, 127), None);
        assert_eq!((file.at_eof(), file.error()), (false, Some(Errno::EISDIR)));
        file.close(os);
    }
}
