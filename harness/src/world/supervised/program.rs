//! Which server runs on a machine, and another that takes over its files.
//!
//! Must not know: how a server is run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::clients::Clients;
use super::start::machine::Machine;
use super::start::view::{Room, View};
use super::{Supervised, without_tsc};
use crate::profile::Profile;
use crate::world::Broken;

/// Keeps glibc from using rseq(2), which makes the kernel read a word of each thread whenever that
/// is preempted. Redis' crash report tests all memory by writing to it, including that word; a
/// preemption at that moment killed the server by SIGSEGV.
const NO_RSEQ: [&str; 2] = ["GLIBC_TUNABLES", "glibc.pthread.rseq=0"];

/// A server that can run on a machine.
#[derive(Clone, Debug)]
pub struct Installed {
    pub(super) profile: Profile,
    pub(super) binary: PathBuf,
    pub(super) view: Rc<View>,
}

impl Installed {
    /// One of this machine.
    pub fn of(machine: &Machine, profile: Profile, binary: &Path) -> Result<Installed, Broken> {
        let view = machine.view(binary, profile.readable())?;
        Ok(Installed { profile, binary: binary.to_path_buf(), view })
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let own = self.profile.environment.iter();
        let mut environment: Vec<_> = own.map(|(k, v)| (k.clone(), v.clone())).collect();
        let [tunables, no_rseq] = NO_RSEQ;
        if environment.iter().all(|(name, _)| name != tunables) {
            environment.push((tunables.to_string(), no_rseq.to_string()));
        }
        environment
    }
}

/// Finds a server by its name.
pub type Find = dyn Fn(&str) -> Result<Installed, Broken>;

/// The servers that are here besides.
#[derive(Clone)]
pub struct Others(pub Rc<Find>);

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Others")
    }
}

impl Supervised {
    /// The same machine, on which other servers may run on the same files.
    #[must_use]
    pub fn beside(mut self, others: Others) -> Supervised {
        self.others = Some(others);
        self
    }

    /// From the next start on another server runs.
    pub(super) fn change_program(&mut self, name: &str) -> Result<Profile, Broken> {
        let none = || Broken::NotMeasured(format!("no other server is known here, nor {name}"));
        let others = self.others.clone().ok_or_else(none)?;
        // It is asked for its version.
        without_tsc::take_back();
        let program = (others.0)(name)?;
        let (view, files) = (Rc::clone(&program.view), self.directory.path());
        self.room = Rc::new(Room::new(view, files, self.log.path())?);
        self.environment = program.environment();
        self.clients = Clients::new(files.join(&program.profile.socket));
        self.program = program;
        Ok(self.program.profile.clone())
    }
}
