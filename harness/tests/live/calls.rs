//! The calls that are compared, and how a sequence of them is drawn.

use nix::fcntl::OFlag;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Most processes that a sequence may have.
pub const PROCESSES: usize = 3;
/// Descriptors are numbered from here on.
pub const FIRST: i32 = 3;

/// One call by one process, unless that does not live or waits in another call.
#[derive(Clone, Debug)]
pub struct Step {
    pub process: usize,
    pub call: Call,
}

/// The base of an lseek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    Set,
    Cur,
    End,
    Data,
    Hole,
}

/// A path is relative to the directory of the sequence, `""` that directory.
#[derive(Clone, Debug)]
pub enum Call {
    Open {
        path: String,
        flags: OFlag,
    },
    Close(i32),
    /// With several lengths it is a readv.
    Read {
        fd: i32,
        lengths: Vec<usize>,
    },
    Pread {
        fd: i32,
        length: usize,
        at: i64,
    },
    Write {
        fd: i32,
        lengths: Vec<usize>,
    },
    Pwrite {
        fd: i32,
        length: usize,
        at: i64,
    },
    Lseek {
        fd: i32,
        offset: i64,
        whence: Whence,
    },
    Dup(i32),
    /// dup3 with no flags: EINVAL for the same number twice.
    Dup3(i32, i32),
    GetFlags(i32),
    SetFlags(i32, OFlag),
    Ftruncate {
        fd: i32,
        length: i64,
    },
    Truncate {
        path: String,
        length: i64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink(String),
    Mkdir(String),
    Rmdir(String),
    Stat(String),
    Fstat(i32),
    Fsync(i32),
    Fdatasync(i32),
    Pipe(OFlag),
    /// With no timeout, for both directions.
    Poll(i32),
    Fork,
    Exit,
    /// For any child, without waiting.
    Wait,
}

/// From here on a number stands for one of the descriptors that are open.
pub const OPEN: i32 = 1000;

impl Call {
    /// The descriptor it is about.
    pub fn fd(&self) -> Option<i32> {
        self.clone().fd_mut().copied()
    }

    fn fd_mut(&mut self) -> Option<&mut i32> {
        match self {
            Call::Close(fd) | Call::Dup(fd) | Call::Dup3(fd, _) | Call::GetFlags(fd) => Some(fd),
            Call::SetFlags(fd, _) | Call::Fstat(fd) | Call::Fsync(fd) => Some(fd),
            Call::Fdatasync(fd) | Call::Poll(fd) => Some(fd),
            Call::Read { fd, .. } | Call::Pread { fd, .. } | Call::Write { fd, .. } => Some(fd),
            Call::Pwrite { fd, .. } | Call::Lseek { fd, .. } => Some(fd),
            Call::Ftruncate { fd, .. } => Some(fd),
            _ => None,
        }
    }

    /// The same call with this descriptor.
    pub fn with_fd(&self, fd: i32) -> Call {
        let mut call = self.clone();
        if let Some(its) = call.fd_mut() {
            *its = fd;
        }
        call
    }
}

/// What step `n` writes.
pub fn data(n: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (n * 31 + at * 7 + at / 256) as u8).collect()
}

fn fd() -> impl Strategy<Value = i32> {
    prop_oneof![8 => OPEN..OPEN + 8, 1 => FIRST..FIRST + 8]
}

/// For a duplicate to get.
fn number() -> impl Strategy<Value = i32> {
    FIRST..FIRST + 8
}

fn path() -> impl Strategy<Value = String> {
    let long = "n".repeat(256);
    let beside = ["a", "a", "a", "b", "b", "d", "d", "d/a", "d/a", "d/e", "d/e/x", "a/x", "x/y"];
    let mut paths: Vec<String> = beside.iter().map(|path| path.to_string()).collect();
    paths.extend([String::new(), long.clone(), format!("d/{long}"), "n".repeat(255)]);
    select(paths)
}

fn open_flags() -> impl Strategy<Value = OFlag> {
    let access = prop_oneof![
        8 => Just(OFlag::O_RDWR),
        4 => Just(OFlag::O_RDONLY),
        4 => Just(OFlag::O_WRONLY),
        1 => Just(OFlag::O_ACCMODE),
    ];
    let one = |flag, weight: f64| {
        prop::bool::weighted(weight).prop_map(move |set| if set { flag } else { OFlag::empty() })
    };
    let rest = (
        one(OFlag::O_CREAT, 0.6),
        one(OFlag::O_EXCL, 0.1),
        one(OFlag::O_TRUNC, 0.15),
        one(OFlag::O_APPEND, 0.25),
        one(OFlag::O_DIRECTORY, 0.08),
        one(OFlag::O_NONBLOCK, 0.1),
        one(OFlag::O_CLOEXEC, 0.2),
        one(OFlag::O_DSYNC, 0.05),
        one(OFlag::O_NOFOLLOW, 0.05),
    );
    (access, rest).prop_map(|(access, rest)| {
        let (a, b, c, d, e, f, g, h, i) = rest;
        access | a | b | c | d | e | f | g | h | i
    })
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        3 => 0..20usize,
        2 => 4090..4102usize,
        3 => 0..9000usize,
        1 => 60_000..70_000usize,
        1 => 1..5usize,
    ]
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![4 => vec(length(), 1), 1 => vec(length(), 0..4)]
}

fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..20_000i64, 2 => 4090..4102i64, 1 => -5000..0i64, 2 => 0..1i64]
}

fn whence() -> impl Strategy<Value = Whence> {
    use Whence::{Cur, Data, End, Hole, Set};
    select(vec![Set, Cur, End, Data, Data, Hole, Hole])
}

fn pipe_flags() -> impl Strategy<Value = OFlag> {
    select(vec![OFlag::empty(), OFlag::O_NONBLOCK, OFlag::O_CLOEXEC])
}

fn status_flags() -> impl Strategy<Value = OFlag> {
    let some = [OFlag::O_APPEND, OFlag::O_NONBLOCK, OFlag::O_NOATIME, OFlag::O_WRONLY];
    vec(select(some.to_vec()), 0..3).prop_map(|flags| flags.into_iter().collect())
}

/// Moving bytes, and what goes with descriptors.
fn moving() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (fd(), lengths()).prop_map(|(fd, lengths)| Call::Write { fd, lengths }),
        5 => (fd(), lengths()).prop_map(|(fd, lengths)| Call::Read { fd, lengths }),
        2 => fd().prop_map(Call::Close),
        2 => fd().prop_map(Call::Dup),
        2 => (fd(), number()).prop_map(|(old, new)| Call::Dup3(old, new)),
        1 => fd().prop_map(Call::GetFlags),
        1 => (fd(), status_flags()).prop_map(|(fd, flags)| Call::SetFlags(fd, flags)),
    ]
}

fn processes() -> impl Strategy<Value = Call> {
    prop_oneof![2 => Just(Call::Fork), 1 => Just(Call::Exit), 1 => Just(Call::Wait)]
}

fn pread() -> impl Strategy<Value = Call> {
    (fd(), length(), offset()).prop_map(|(fd, length, at)| Call::Pread { fd, length, at })
}

fn pwrite() -> impl Strategy<Value = Call> {
    (fd(), length(), offset()).prop_map(|(fd, length, at)| Call::Pwrite { fd, length, at })
}

fn on_files() -> impl Strategy<Value = Call> {
    prop_oneof![
        8 => (path(), open_flags()).prop_map(|(path, flags)| Call::Open { path, flags }),
        2 => pread(),
        3 => pwrite(),
        5 => (fd(), offset(), whence())
            .prop_map(|(fd, offset, whence)| Call::Lseek { fd, offset, whence }),
        2 => (fd(), offset()).prop_map(|(fd, length)| Call::Ftruncate { fd, length }),
        2 => (path(), offset()).prop_map(|(path, length)| Call::Truncate { path, length }),
        3 => (path(), path()).prop_map(|(from, to)| Call::Rename { from, to }),
        2 => path().prop_map(Call::Unlink),
        3 => path().prop_map(Call::Mkdir),
        1 => path().prop_map(Call::Rmdir),
        1 => path().prop_map(Call::Stat),
        1 => fd().prop_map(Call::Fstat),
        1 => fd().prop_map(Call::Fsync),
        1 => fd().prop_map(Call::Fdatasync),
        1 => pipe_flags().prop_map(Call::Pipe),
    ]
}

fn on_pipes() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => pipe_flags().prop_map(Call::Pipe),
        3 => fd().prop_map(Call::Poll),
        1 => pread(),
        1 => (fd(), offset(), whence())
            .prop_map(|(fd, offset, whence)| Call::Lseek { fd, offset, whence }),
        1 => (fd(), offset()).prop_map(|(fd, length)| Call::Ftruncate { fd, length }),
        1 => fd().prop_map(Call::Fsync),
        1 => fd().prop_map(Call::Fstat),
    ]
}

fn by_anyone(call: BoxedStrategy<Call>) -> impl Strategy<Value = Step> {
    (any::<Index>(), call).prop_map(|(by, call)| Step { process: by.index(PROCESSES), call })
}

/// What a sequence about files may find: some of these.
fn beginning() -> Vec<Call> {
    let open = |path: &str| {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT;
        Call::Open { path: path.to_string(), flags }
    };
    let dir = |path: &str| Call::Mkdir(path.to_string());
    vec![open("a"), dir("d"), dir("d/e"), open("d/a"), open("b"), Call::Pipe(OFlag::empty())]
}

/// A sequence of calls: most about files, or most about pipes. It ends with a look at all
/// descriptors.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let files = prop_oneof![6 => on_files(), 4 => moving(), 1 => processes()].boxed();
    let pipes = prop_oneof![2 => on_pipes(), 7 => moving(), 1 => processes()].boxed();
    let begun = beginning();
    let begun = proptest::sample::subsequence(begun.clone(), 0..=begun.len());
    let of = |calls: Vec<Call>| calls.into_iter().map(|call| Step { process: 0, call });
    let on_files = (begun, vec(by_anyone(files), 1..80))
        .prop_map(move |(begun, rest)| of(begun).chain(rest).collect::<Vec<_>>());
    let on_pipes = (pipe_flags(), vec(by_anyone(pipes), 1..80))
        .prop_map(move |(flags, rest)| of(vec![Call::Pipe(flags)]).chain(rest).collect());
    prop_oneof![on_files, on_pipes].prop_map(|mut steps: Vec<Step>| {
        steps.extend((0..PROCESSES).flat_map(look));
        steps
    })
}

fn look(process: usize) -> Vec<Step> {
    let of = |fd| [Call::GetFlags(fd), Call::Fstat(fd)];
    (FIRST..FIRST + 9).flat_map(of).map(|call| Step { process, call }).collect()
}
