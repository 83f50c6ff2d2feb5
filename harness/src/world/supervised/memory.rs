//! Reading and writing the memory of a task that is held in a trapped call.
//!
//! Must not know: what the bytes mean.

use std::io::{IoSlice, IoSliceMut};

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

/// The longest path the kernel takes, its NUL included.
const PATH_MAX: usize = 4096;
const PAGE: u64 = 4096;

/// The memory of a thread, by its number in the supervisor's PID namespace.
#[derive(Clone, Copy, Debug)]
pub struct Memory(pub i32);

impl Memory {
    /// Exactly `len` bytes at `at`. EFAULT if not all of them are mapped, ESRCH if the task is
    /// dead.
    pub fn read(self, at: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; len];
        if len > 0 && self.read_some(at, &mut bytes)? != len {
            return Err(Errno::EFAULT);
        }
        Ok(bytes)
    }

    /// Exactly `N` bytes at `at`.
    pub fn array<const N: usize>(self, at: u64) -> Result<[u8; N], Errno> {
        let mut bytes = [0; N];
        if self.read_some(at, &mut bytes)? != N {
            return Err(Errno::EFAULT);
        }
        Ok(bytes)
    }

    pub fn u32(self, at: u64) -> Result<u32, Errno> {
        self.array(at).map(u32::from_ne_bytes)
    }

    pub fn u64(self, at: u64) -> Result<u64, Errno> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// A `struct timespec` or `struct timeval` as its two numbers.
    pub fn time(self, at: u64) -> Result<(i64, i64), Errno> {
        let bytes = self.array::<16>(at)?;
        let (seconds, fraction) = bytes.split_at(8);
        let number = |half: &[u8]| i64::from_ne_bytes(half.try_into().expect("half of 16 bytes"));
        Ok((number(seconds), number(fraction)))
    }

    /// A NUL-terminated string, as lossy UTF-8. Reads page by page, because memory behind the NUL
    /// may be unmapped.
    pub fn path(self, at: u64) -> Result<String, Errno> {
        let mut path = Vec::new();
        let mut from = at;
        while path.len() < PATH_MAX {
            let mut chunk = vec![0; (PAGE - from % PAGE) as usize];
            let got = self.read_some(from, &mut chunk)?;
            if let Some(end) = chunk[..got].iter().position(|byte| *byte == 0) {
                path.extend_from_slice(&chunk[..end]);
                return Ok(String::from_utf8_lossy(&path).into_owned());
            }
            path.extend_from_slice(&chunk[..got]);
            from += got as u64;
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// Writes all of `bytes` to `at`.
    pub fn write(self, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let remote = [RemoteIoVec { base: at as usize, len: bytes.len() }];
        let written = process_vm_writev(Pid::from_raw(self.0), &[IoSlice::new(bytes)], &remote)?;
        if written == bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
    }

    /// Writes two numbers as a `struct timespec` or `struct timeval`.
    pub fn write_time(self, at: u64, seconds: u64, fraction: u64) -> Result<(), Errno> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&seconds.to_ne_bytes());
        bytes[8..].copy_from_slice(&fraction.to_ne_bytes());
        self.write(at, &bytes)
    }

    /// At most `len` bytes at `at`: as many as are mapped.
    pub fn up_to(self, at: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; len];
        let within = (PAGE - at % PAGE) as usize;
        let got = match self.read_some(at, &mut bytes) {
            Err(Errno::EFAULT) if within < len => self.read_some(at, &mut bytes[..within])?,
            got => got?,
        };
        bytes.truncate(got);
        Ok(bytes)
    }

    fn read_some(self, at: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let remote = [RemoteIoVec { base: at as usize, len: into.len() }];
        process_vm_readv(Pid::from_raw(self.0), &mut [IoSliceMut::new(into)], &remote)
    }
}
