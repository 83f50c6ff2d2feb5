//! Verbs about what is wrong with the machine, and about ending it again.
//!
//! Must not know: how a fault is carried out.

use nix::sys::signal::Signal;

use super::state::{EarlyEnd, Runner};
use crate::case::script::{Content, Healed, LaunchedBy, PageFate};
use crate::kernel::disk::page_cache::SyncErrors;
use crate::observation::Damaged;

impl Runner<'_> {
    pub fn heal(&mut self) -> Result<(), EarlyEnd> {
        let unfired = self.session.world.kernel().heal();
        self.healed(&unfired)
    }

    /// Ends one fault; the others stay in force.
    pub fn heal_only(&mut self, healed: &Healed) -> Result<(), EarlyEnd> {
        let unfired = {
            let mut kernel = self.session.world.kernel();
            match healed {
                Healed::Space => kernel.disk.set_space(None),
                Healed::ReadOnly => kernel.disk.read_only = false,
                Healed::Rules(_) => {}
            }
            match healed {
                Healed::Rules(name) => kernel.plan.heal_named(name),
                Healed::Space | Healed::ReadOnly => Vec::new(),
            }
        };
        self.healed(&unfired)
    }

    fn healed(&mut self, unfired: &[u32]) -> Result<(), EarlyEnd> {
        self.expect_none_unfired(unfired)?;
        self.settle()?;
        if self.session.world.kernel().is_healthy() {
            self.record.faults.healed_at = Some(self.session.now());
        }
        Ok(())
    }

    pub fn space(&mut self, bytes: Option<u64>) {
        self.session.world.kernel().disk.set_space(bytes);
        self.record.faults.healed_at = None;
        if bytes.is_some() {
            self.record.faults.met(self.record.seen.incarnation());
        }
    }

    pub fn read_only(&mut self) {
        self.session.world.kernel().disk.read_only = true;
        self.record.faults.met(self.record.seen.incarnation());
    }

    pub fn sync_errors(&mut self, fate: PageFate) {
        self.session.world.kernel().disk.sync_errors = match fate {
            PageFate::Clean => SyncErrors::Clean,
            PageFate::Dirty => SyncErrors::Dirty,
        };
    }

    pub fn signal(&mut self, task: &str, signal: Signal) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        match self.session.signal_task(task, signal)? {
            true => Ok(()),
            false => self.bad_case(format!("no living task is called `{task}`")),
        }
    }

    pub fn orphan(&mut self, code: i32) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        let adopted = self.session.world.kernel().adopt(code);
        match adopted {
            true => Ok(()),
            false => self.bad_case("no server is running that could become its parent"),
        }
    }

    pub fn launched_by(&mut self, by: LaunchedBy) {
        let ignored = by == LaunchedBy::SigchldIgnored;
        self.session.world.kernel().set_ignores_sigchld(ignored);
    }

    pub fn put_file(&mut self, name: &str, content: &Content) -> Result<(), EarlyEnd> {
        if self.session.is_running() {
            return self.bad_case("the server still runs: a file is put down while none does");
        }
        let bytes = content.bytes().to_vec();
        self.session.world.set_file(name, Some(bytes))?;
        let role = self.session.world.kernel().role_of_name(name);
        let starts = self.record.seen.starts.len();
        self.record.seen.damages.push(Damaged { starts, role, nothing_left: false });
        Ok(())
    }
}
