//! A program that is started as if it were a server, and tries to get out: one attempt per start.
//!
//! Each attempt is one system call, or a few, and says what became of it. Must not know: what keeps
//! it in.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::path::PathBuf;

use libc::c_long;
use nix::errno::Errno;

/// What there is outside. It is told on the command line.
#[derive(Clone, Debug)]
pub struct Outside {
    /// A directory that everybody may write to, with files named `target` and `secret`, and a
    /// unix socket `socket` on which somebody listens; an abstract socket has the directory's name.
    pub folder: PathBuf,
    /// Ports on which somebody listens on the loopback device.
    pub tcp: u16,
    pub udp: u16,
    /// A process.
    pub pid: i32,
    /// A file beside the program.
    pub beside: PathBuf,
}

impl Outside {
    pub fn words(&self) -> Vec<String> {
        let Outside { folder, tcp, udp, pid, beside } = self;
        let (folder, beside) = (folder.display().to_string(), beside.display().to_string());
        vec![folder, tcp.to_string(), udp.to_string(), pid.to_string(), beside]
    }

    pub fn of_words(words: &[String]) -> Outside {
        let [folder, tcp, udp, pid, beside] = words else { panic!("not five words: {words:?}") };
        Outside {
            folder: folder.into(),
            tcp: tcp.parse().expect("a port"),
            udp: udp.parse().expect("a port"),
            pid: pid.parse().expect("a pid"),
            beside: beside.into(),
        }
    }

    pub fn file(&self, name: &str) -> CString {
        text(&self.folder.join(name).display().to_string())
    }

    /// The same from the working directory up.
    pub fn climbing(&self, name: &str) -> CString {
        text(&format!("{}{}", "../".repeat(20), self.folder.join(name).display()))
    }

    /// The same through the root of process 1.
    pub fn through_proc(&self, name: &str) -> CString {
        text(&format!("/proc/1/root{}", self.folder.join(name).display()))
    }

    pub fn beside(&self) -> CString {
        text(&self.beside.display().to_string())
    }
}

pub fn text(words: &str) -> CString {
    CString::new(words).expect("no NUL in it")
}

/// An argument of a system call. What it points to outlives the call.
#[derive(Clone, Copy)]
pub enum Arg<'a> {
    Number(i64),
    Text(&'a CString),
    Bytes(&'a [u8]),
}

impl From<i32> for Arg<'_> {
    fn from(number: i32) -> Self {
        Arg::Number(number.into())
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Arg::Number(number)
    }
}

impl<'a> From<&'a CString> for Arg<'a> {
    fn from(text: &'a CString) -> Self {
        Arg::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Arg::Bytes(bytes)
    }
}

/// Makes a system call.
pub fn call(number: c_long, args: &[Arg<'_>]) -> Result<i64, Errno> {
    let mut words = [0_i64; 6];
    for (word, arg) in words.iter_mut().zip(args) {
        *word = match arg {
            Arg::Number(number) => *number,
            Arg::Text(text) => text.as_ptr() as i64,
            Arg::Bytes(bytes) => bytes.as_ptr() as i64,
        };
    }
    let [a, b, c, d, e, f] = words;
    // SAFETY: pointers are to live C strings, or to bytes of which Linux is told no more than there
    // are; no call here writes to them.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// A system call with these arguments.
macro_rules! sys {
    ($name:ident $(, $arg:expr)*) => {
        $crate::attempts::call(libc::$name, &[$($crate::attempts::Arg::from($arg)),*])
    };
}
pub(crate) use sys;

/// Opens a path, and if that succeeds writes to it, if it may.
pub fn open(path: &CString, flags: i32) -> Result<i64, Errno> {
    let fd = sys!(SYS_openat, libc::AT_FDCWD, path, flags, 0o666)?;
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        sys!(SYS_write, fd, &b"changed\n"[..], 8_i64)?;
    }
    Ok(fd)
}

/// Connects a socket of this kind to an address, and sends something.
pub fn reach(family: i32, kind: i32, address: &[u8]) -> Result<i64, Errno> {
    let socket = sys!(SYS_socket, family, kind, 0)?;
    sys!(SYS_connect, socket, address, address.len() as i64)?;
    sys!(SYS_sendto, socket, &b"out\n"[..], 4_i64, 0, 0, 0)
}

/// `struct sockaddr_in` for a port of the loopback device.
pub fn loopback(port: u16) -> Vec<u8> {
    let mut address = (libc::AF_INET as u16).to_ne_bytes().to_vec();
    address.extend(port.to_be_bytes());
    address.extend([127, 0, 0, 1]);
    address.resize(16, 0);
    address
}

/// `struct sockaddr_un` for a path, or for an abstract name.
pub fn unix(path: &[u8]) -> Vec<u8> {
    let mut address = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    address.extend(path);
    address
}

/// `struct sockaddr_vm` for the machine that this one is a guest of.
pub fn vsock() -> Vec<u8> {
    let mut address = (libc::AF_VSOCK as u16).to_ne_bytes().to_vec();
    address.extend([0, 0]);
    address.extend(22_u32.to_ne_bytes());
    address.extend(libc::VMADDR_CID_HOST.to_ne_bytes());
    address.resize(16, 0);
    address
}

/// From now on Linux seems to have no Landlock: landlock_create_ruleset(2) does not exist.
pub fn forbid_landlock() -> Result<i64, Errno> {
    let line = |code: u32, jt: u8, jf: u8, k: u32| {
        let mut bytes = (code as u16).to_ne_bytes().to_vec();
        bytes.extend([jt, jf]);
        bytes.extend(k.to_ne_bytes());
        bytes
    };
    let refusal = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let number = libc::SYS_landlock_create_ruleset as u32;
    let lines = [
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, refusal),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = lines.concat();
    let mut filter = (lines.len() as u64).to_ne_bytes().to_vec();
    filter.extend((program.as_ptr() as u64).to_ne_bytes());
    sys!(SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)?;
    sys!(SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER as i32, 0, &filter[..])
}
