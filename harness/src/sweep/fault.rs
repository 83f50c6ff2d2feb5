//! What goes wrong in a run, as data. Its text is the heading of a column of the matrix.
//!
//! | text | what |
//! |---|---|
//! | `ENOSPC`, `ENOSPC+` | the call fails, once or from there on until healed |
//! | `EROFS+` | the file system turns read-only: every call that would change something fails |
//! | `EIO, kept` | a sync fails, and its pages stay dirty |
//! | `1`, `half`, `all-1` | so many bytes are moved; `half, full+`: and then the disk is full |
//! | `half, killed` | everything is killed before the rest is written |
//! | `0`, `0+` | a write that takes nothing, once or from there on |
//! | `lie` | the call claims success and does nothing |
//! | `3s` | the call takes long |
//! | `child<`, `all>` | a kill before or after the call, and who is killed |
//! | `cut<`, `xfs<` | a power cut; a record says on which kind of file system |
//! | `child first` | another task runs before the call |
//! | `EIO, child first` | both |
//! | `no fault` | the workload alone: a promise is broken without any |
//!
//! Must not know: which faults fit which call, and how they are written in a script.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::short;
pub use super::short::{Moved, Then};
use crate::case::values;
use crate::kernel::disk::power_cut::FsModel;
use crate::kernel::plan::{Victim, When};

/// Families of faults, as `--faults` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A call fails with an errno.
    Error,
    /// A read or write moves less than it was asked for.
    Short,
    /// A call claims success and does nothing.
    Lie,
    /// A call takes long.
    Delay,
    /// SIGKILL at a call; the page cache stays.
    Kill,
    /// A power cut at a call.
    Power,
    /// Another task runs before the call, alone or with another fault.
    Order,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Error, Kind::Short, Kind::Lie, Kind::Delay, Kind::Kill, Kind::Power, Kind::Order];

    /// Its name, as `--faults` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Short => "short",
            Kind::Lie => "lie",
            Kind::Delay => "delay",
            Kind::Kill => "kill",
            Kind::Power => "power",
            Kind::Order => "order",
        }
    }
}

/// What goes wrong at one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It happens to the call itself.
    Call(CallFault),
    /// Another task runs first, and maybe something happens to the call as well.
    Order { first: First, with: Option<CallFault> },
    /// Nothing goes wrong: the workload breaks a promise by itself.
    None,
}

/// How [`Fault::None`] is written.
const NO_FAULT: &str = "no fault";

/// Who runs before a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    Task(String),
    /// Everybody else and the commands to come: the call is late.
    Others,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFault {
    Error(Errno, Lasts),
    /// A failed sync that leaves its pages dirty.
    ErrorPagesKept(Errno),
    Short(Moved, Then),
    Lie,
    Delay(Duration),
    Kill(Victim, When),
    /// The kind of file system is that of a record; a run stands for all of them.
    PowerCut(Option<FsModel>, When),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    Once,
    /// Until `heal`.
    FromHereOn,
}

impl CallFault {
    fn kind(self) -> Kind {
        match self {
            CallFault::Error(..) | CallFault::ErrorPagesKept(_) => Kind::Error,
            CallFault::Short(..) => Kind::Short,
            CallFault::Lie => Kind::Lie,
            CallFault::Delay(_) => Kind::Delay,
            CallFault::Kill(..) => Kind::Kill,
            CallFault::PowerCut(..) => Kind::Power,
        }
    }

    /// Whether it goes on until it is healed.
    pub fn lasts(self) -> bool {
        match self {
            CallFault::Error(_, lasts) => lasts == Lasts::FromHereOn,
            CallFault::Short(_, then) => matches!(then, Then::Full | Then::Again),
            _ => false,
        }
    }
}

impl Fault {
    pub fn kind(&self) -> Kind {
        match self {
            Fault::Call(fault) => fault.kind(),
            Fault::Order { .. } => Kind::Order,
            // It is there whatever is looked for.
            Fault::None => Kind::Error,
        }
    }

    /// Who runs before the call.
    pub fn first(&self) -> Option<&First> {
        match self {
            Fault::Call(_) | Fault::None => None,
            Fault::Order { first, .. } => Some(first),
        }
    }

    /// What happens to the call itself. None: only an order of tasks is changed.
    pub fn of_the_call(&self) -> Option<CallFault> {
        match self {
            Fault::Call(fault) => Some(*fault),
            Fault::Order { with, .. } => *with,
            Fault::None => None,
        }
    }

    /// Whether the power is cut, and on which side of the call.
    pub fn power_cut(&self) -> Option<When> {
        match self.of_the_call() {
            Some(CallFault::PowerCut(_, when)) => Some(when),
            _ => None,
        }
    }

    /// Whether the whole file system turns read-only.
    pub fn is_read_only(&self) -> bool {
        self.of_the_call() == Some(CallFault::Error(Errno::EROFS, Lasts::FromHereOn))
    }

    /// The kind of file system that a record of a power cut is about.
    pub fn fs(&self) -> Option<FsModel> {
        match self.of_the_call() {
            Some(CallFault::PowerCut(fs, _)) => fs,
            _ => None,
        }
    }

    /// A power cut as it is on one kind of file system; other faults as they are.
    pub fn on(&self, fs: FsModel) -> Fault {
        let on = |fault| match fault {
            CallFault::PowerCut(_, when) => CallFault::PowerCut(Some(fs), when),
            other => other,
        };
        match self {
            Fault::Call(fault) => Fault::Call(on(*fault)),
            Fault::Order { first, with } => {
                Fault::Order { first: first.clone(), with: with.map(on) }
            }
            Fault::None => Fault::None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Call(fault) => write!(f, "{fault}"),
            Fault::Order { first, with: None } => write!(f, "{first}"),
            Fault::Order { first, with: Some(fault) } => write!(f, "{fault}, {first}"),
            Fault::None => f.write_str(NO_FAULT),
        }
    }
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            First::Task(task) => write!(f, "{task} first"),
            First::Others => f.write_str("others first"),
        }
    }
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallFault::Error(errno, Lasts::Once) => write!(f, "{errno:?}"),
            CallFault::Error(errno, Lasts::FromHereOn) => write!(f, "{errno:?}+"),
            CallFault::ErrorPagesKept(errno) => write!(f, "{errno:?}, kept"),
            CallFault::Short(moved, then) => write!(f, "{moved}{then}"),
            CallFault::Lie => f.write_str("lie"),
            CallFault::Delay(time) => f.write_str(&values::show_time(*time)),
            CallFault::Kill(victim, when) => write!(f, "{}{}", victim.as_str(), mark(*when)),
            CallFault::PowerCut(None, when) => write!(f, "cut{}", mark(*when)),
            CallFault::PowerCut(Some(fs), when) => write!(f, "{fs}{}", mark(*when)),
        }
    }
}

fn mark(when: When) -> char {
    match when {
        When::Before => '<',
        When::After => '>',
    }
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fault of a sweep, such as ENOSPC+, half, lie, all< or `EIO, child first`")]
pub struct NotAFault(String);

impl FromStr for Fault {
    type Err = NotAFault;

    fn from_str(text: &str) -> Result<Fault, NotAFault> {
        if text == NO_FAULT {
            return Ok(Fault::None);
        }
        let Some(rest) = text.strip_suffix(" first") else { return text.parse().map(Fault::Call) };
        let (with, first) = match rest.rsplit_once(", ") {
            Some((fault, first)) => (Some(fault.parse()?), first),
            None => (None, rest),
        };
        let first = match first {
            "others" => First::Others,
            task => First::Task(task.to_string()),
        };
        Ok(Fault::Order { first, with })
    }
}

impl FromStr for CallFault {
    type Err = NotAFault;

    fn from_str(text: &str) -> Result<CallFault, NotAFault> {
        let not = || NotAFault(text.to_string());
        let errno = |name: &str| values::errno(name).map_err(|_| not());
        if let Some((moved, then)) = short::read(text) {
            return Ok(CallFault::Short(moved, then));
        }
        if let Some(name) = text.strip_suffix(", kept") {
            return Ok(CallFault::ErrorPagesKept(errno(name)?));
        }
        for when in [When::Before, When::After] {
            if let Some(name) = text.strip_suffix(mark(when)) {
                return halt(name, when).ok_or_else(not);
            }
        }
        match (text.strip_suffix('+'), values::time(text)) {
            _ if text == "lie" => Ok(CallFault::Lie),
            (_, Ok(time)) => Ok(CallFault::Delay(time)),
            (Some(name), _) => Ok(CallFault::Error(errno(name)?, Lasts::FromHereOn)),
            (None, _) => Ok(CallFault::Error(errno(text)?, Lasts::Once)),
        }
    }
}

/// A kill or a power cut.
fn halt(name: &str, when: When) -> Option<CallFault> {
    let victims = [Victim::Parent, Victim::Child, Victim::All];
    let fs = || FsModel::ALL.into_iter().find(|fs| fs.as_str() == name);
    match victims.into_iter().find(|victim| victim.as_str() == name) {
        Some(victim) => Some(CallFault::Kill(victim, when)),
        None if name == "cut" => Some(CallFault::PowerCut(None, when)),
        None => fs().map(|fs| CallFault::PowerCut(Some(fs), when)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pair::OneOrPair;
    use super::*;

    #[test]
    fn faults_read_back_as_they_are_written() {
        for (text, kind) in [
            ("ENOSPC", Kind::Error),
            ("EAGAIN+", Kind::Error),
            ("EIO, kept", Kind::Error),
            ("1", Kind::Short),
            ("half, full+", Kind::Short),
            ("half, killed", Kind::Short),
            ("all-1", Kind::Short),
            ("0", Kind::Short),
            ("0+", Kind::Short),
            ("lie", Kind::Lie),
            ("10s", Kind::Delay),
            ("parent<", Kind::Kill),
            ("all>", Kind::Kill),
            ("cut<", Kind::Power),
            ("xfs>", Kind::Power),
            ("bio-fsync first", Kind::Order),
            ("others first", Kind::Order),
            ("EIO, kept, child first", Kind::Order),
            ("half, full+, bio-fsync first", Kind::Order),
            ("posix<, child2 first", Kind::Order),
            ("no fault", Kind::Error),
        ] {
            let fault: Fault = text.parse().unwrap_or_else(|not| panic!("{not}"));
            assert_eq!((fault.to_string().as_str(), fault.kind()), (text, kind));
        }
        let pair: OneOrPair<Fault> = "EIO + half, full+".parse().expect("a pair");
        assert_eq!((pair.to_string().as_str(), pair.is_pair()), ("EIO + half, full+", true));
    }

    #[test]
    fn what_is_not_a_fault_is_refused() {
        for text in ["", "EIOO", "+", "2", "half, full", "server<", "cut", "EIO,kept", "x, a first"]
        {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_power_cut_is_on_one_kind_of_file_system_in_any_order_of_tasks() {
        let on = |text: &str| {
            let fault: Fault = text.parse().expect(text);
            fault.on(FsModel::Xfs).to_string()
        };
        assert_eq!(on("cut<"), "xfs<");
        assert_eq!(on("cut>, child first"), "xfs>, child first");
        assert_eq!(on("EIO"), "EIO");
    }
}
