//! What a cause is put down to.
//!
//! Must not know: which records are findings, and how anything is printed.

use std::collections::BTreeSet;
use std::fmt;

use super::record::Record;
use crate::contract::Verdict;
use crate::kernel::{CallName, Name, Site};
use crate::runner::Lack;

/// What a cause is put down to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blamed {
    /// Calls on files with this role.
    Role(Name),
    /// Calls of this name, which are about no file.
    Call(CallName),
    /// No call in particular.
    NoCall,
    /// The whole file system, which has turned read-only: at which call does not matter.
    ReadOnly,
    /// What did not reach the disk before a power cut.
    PowerCut(BTreeSet<Lack>),
    /// A power cut that leaves what only POSIX allows.
    PosixCut,
    /// The story of a case.
    Case(String),
}

impl Blamed {
    /// What a record with this verdict is put down to, as far as it is about this site.
    pub fn of(record: &Record, site: &Site, verdict: Verdict) -> Blamed {
        match verdict {
            _ if record.is_cut() && !leaves_everything(record) => {
                Blamed::PowerCut(record.lacks.clone())
            }
            Verdict::Stuck => Blamed::NoCall,
            _ if record.fault.last().is_read_only() => Blamed::ReadOnly,
            _ => blamed(site),
        }
    }

    /// Whether it is about calls, and not about what a power cut has left or a whole file system.
    pub fn is_calls(&self) -> bool {
        !matches!(self, Blamed::ReadOnly | Blamed::PowerCut(_) | Blamed::PosixCut)
    }
}

impl fmt::Display for Blamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blamed::Role(role) => f.write_str(role),
            Blamed::Call(call) => write!(f, "{call}"),
            Blamed::NoCall => Ok(()),
            Blamed::ReadOnly => f.write_str("read-only file system"),
            Blamed::PowerCut(lacks) => f.write_str(&power_cut(lacks)),
            Blamed::PosixCut => f.write_str("power cut, posix alone"),
            Blamed::Case(name) => f.write_str(name),
        }
    }
}

/// `power cut: lost name of base, zeros in aof`
fn power_cut(lacks: &BTreeSet<Lack>) -> String {
    match lacks.is_empty() {
        true => "power cut".to_string(),
        false => format!("power cut: {}", listed(lacks)),
    }
}

/// `lost name of base, zeros in aof`
pub fn listed(lacks: &BTreeSet<Lack>) -> String {
    lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a power cut shows what any kill at its call does.
fn leaves_everything(record: &Record) -> bool {
    record.cut.is_some() && record.lacks.is_empty()
}

/// The role of the file at a site, or the call where there is none.
fn blamed(site: &Site) -> Blamed {
    match &site.role {
        Some(role) if role.starts_with("rewrite") => Blamed::Role(Name::known("rewrite")),
        Some(role) => Blamed::Role(role.clone()),
        None => Blamed::Call(site.call),
    }
}
