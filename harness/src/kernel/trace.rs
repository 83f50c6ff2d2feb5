//! The trace: everything that the kernel decided, in order, one line each.
//!
//! ```text
//! 1.000s  parent.aof.write#2  27 bytes → 5  (injected)
//! │       │                   │          │  └ the plan decided this, not the machine
//! │       │                   │          └ what the call returned
//! │       │                   └ the argument that matters
//! │       └ site
//! └ virtual time since the machine was switched on
//! ```
//!
//! A delayed call has two lines: one that ends in `…` when it is made, and one when it returns.
//! Numbers that may differ between two equal runs (pids, descriptors) are left out. Must not know:
//! who reads it.

use std::fmt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;

use super::clock::Time;
use super::disk::Cut;
use super::name::Name;
use super::plan::When;
use super::process::Ending;
use super::site::Site;

/// The one argument of a call that a reader needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    None,
    /// How many bytes a read or write asked for.
    Bytes(u64),
    /// The new length of a truncation.
    Length(u64),
    /// How a file is opened: `O_WRONLY|O_APPEND`.
    Flags(OpenFlags),
    /// The role of the name that a rename gives its file.
    To(Name),
}

/// The flags of open(2), as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags(pub u64);

impl OpenFlags {
    /// Whether opening removes the content (O_TRUNC).
    pub fn truncates(self) -> bool {
        OFlag::from_bits_truncate(self.0 as i32).contains(OFlag::O_TRUNC)
    }

    /// Whether opening makes the file where there is none (O_CREAT).
    pub fn creates(self) -> bool {
        OFlag::from_bits_truncate(self.0 as i32).contains(OFlag::O_CREAT)
    }

    /// Whether nothing can be written through it (O_RDONLY).
    pub fn only_reads(self) -> bool {
        OFlag::from_bits_truncate(self.0 as i32) & OFlag::O_ACCMODE == OFlag::O_RDONLY
    }
}

/// `O_WRONLY|O_APPEND`, in the order of open(2), without flags that make no difference here.
impl fmt::Display for OpenFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = OFlag::from_bits_truncate(self.0 as i32);
        f.write_str(match flags & OFlag::O_ACCMODE {
            OFlag::O_WRONLY => "O_WRONLY",
            OFlag::O_RDWR => "O_RDWR",
            _ => "O_RDONLY",
        })?;
        let others = [
            (OFlag::O_APPEND, "O_APPEND"),
            (OFlag::O_CREAT, "O_CREAT"),
            (OFlag::O_EXCL, "O_EXCL"),
            (OFlag::O_TRUNC, "O_TRUNC"),
        ];
        let mut set = others.iter().filter(|(flag, _)| flags.contains(*flag));
        set.try_for_each(|(_, name)| write!(f, "|{name}"))
    }
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// A count, or 0.
    Value(i64),
    /// One or two descriptors, whose numbers do not matter.
    Descriptor,
    /// The name of the child that was forked.
    Child(Name),
    /// The name of the child that was waited for, and how it had ended.
    Reaped(Name, Ending),
    Error(Errno),
    /// The task was killed before the call was made.
    Never,
}

/// What the plan did to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// It failed.
    Error,
    /// It moved fewer bytes than were asked for, and said so.
    Short,
    /// It did nothing and claimed a result.
    Lie,
    /// It took time, or did not return before a `heal`.
    Delay,
    /// A signal arrived with it.
    Signal,
    /// A process was killed or the power was cut beside it.
    Halt,
}

/// One call: when it returned or, with `returned` None, when a delayed one was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    pub site: Site,
    pub detail: Detail,
    pub returned: Option<Returned>,
    /// What the plan did to it; None: an ordinary call.
    pub injected: Option<Injected>,
    /// When it was made, if it was delayed.
    pub began: Option<Time>,
    /// A checksum of the bytes that reached a file; 0 if none did.
    pub checksum: u32,
}

/// Something that happened on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A server was started.
    Started {
        incarnation: u32,
    },
    Call(CallRecord),
    /// A signal reached the process of this task.
    Signal {
        task: Name,
        signal: Signal,
    },
    /// The process with this main task ended.
    Ended {
        incarnation: u32,
        task: Name,
        ending: Ending,
    },
    /// Another task ran before this call, because the schedule says so.
    Turn {
        task: Name,
        site: Site,
    },
    /// The machine has synced all files of this role by itself, because the plan says so.
    Synced {
        role: Name,
        when: When,
        site: Site,
    },
    /// The power was cut and is back.
    PowerCut(Cut),
}

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub at: Time,
    pub event: Event,
}

/// Everything that happened on a machine so far.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    records: Vec<Record>,
}

/// Most runs have at least this many events.
const USUAL: usize = 64;

impl Trace {
    pub fn push(&mut self, at: Time, event: Event) {
        if self.records.is_empty() {
            self.records.reserve(USUAL);
        }
        self.records.push(Record { at, event });
    }

    /// Adds what has happened behind what is there.
    pub fn extend(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
    }

    /// Takes out what has happened since there were so many records.
    pub fn split_off(&mut self, length: usize) -> Vec<Record> {
        self.records.split_off(length)
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.iter().try_for_each(|record| writeln!(f, "{}  {}", record.at, record.event))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Started { incarnation } => write!(f, "start {incarnation}"),
            Event::Call(call) => write!(f, "{call}"),
            Event::Signal { task, signal } => write!(f, "{task} ← {signal}"),
            Event::Ended { incarnation: 1, task, ending } => write!(f, "{task} {ending}"),
            Event::Ended { incarnation, task, ending } => {
                write!(f, "{incarnation}:{task} {ending}")
            }
            Event::Turn { task, site } => write!(f, "{task} runs before {site}"),
            Event::Synced { role, when, site } => {
                write!(f, "{role} is synced {} {site}", when.as_str())
            }
            Event::PowerCut(cut) => write!(f, "power cut: {cut}"),
        }
    }
}

impl fmt::Display for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}{}", self.site, self.detail, Returns(self.returned.as_ref()))?;
        if self.checksum != 0 {
            write!(f, "  [{:08x}]", self.checksum)?;
        }
        if let Some(began) = self.began {
            write!(f, "  (since {began})")?;
        }
        if self.injected.is_some() {
            f.write_str("  (injected)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Detail {
    /// Followed by a space, unless it is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::None => Ok(()),
            Detail::Bytes(count) => write!(f, "{count} bytes "),
            Detail::Length(length) => write!(f, "{length} "),
            Detail::Flags(flags) => write!(f, "{flags} "),
            Detail::To(to) => write!(f, "to {to} "),
        }
    }
}

/// `→ RESULT`, or `→ …` while there is no result.
struct Returns<'a>(Option<&'a Returned>);

impl fmt::Display for Returns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("→ …"),
            Some(returned) => write!(f, "→ {returned}"),
        }
    }
}

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Returned::Value(value) => write!(f, "{value}"),
            Returned::Descriptor => f.write_str("ok"),
            Returned::Child(name) => f.write_str(name),
            Returned::Reaped(name, ending) => write!(f, "{name} {ending}"),
            Returned::Error(errno) => write!(f, "{errno:?}"),
            Returned::Never => f.write_str("never made"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(code) => write!(f, "exited with {code}"),
            Ending::Signaled(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {signal}"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
        }
    }
}
