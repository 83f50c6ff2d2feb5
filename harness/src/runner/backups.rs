//! Backups: somebody copies the files of the running server, and puts them back later.
//!
//! A copy has what a reader of the files sees, synced or not. Several steps may make one backup, so
//! that time passes while it is made. Must not know: what a backup owes.

use std::collections::BTreeMap;

use super::needs::meant;
use super::record::Backup;
use super::state::{EarlyEnd, Runner};
use crate::case::script::Named;
use crate::observation::{End, How, Restored};

impl Runner<'_> {
    /// Copies all files, or those with these roles.
    pub fn back_up(&mut self, roles: &[Named]) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        if !self.session.is_running() {
            return self.bad_case("no server is running: `backup` copies the files of one that is");
        }
        let files = match roles {
            [] => self.session.files(),
            roles => roles.iter().flat_map(|role| self.session.files_of(&role.role)).collect(),
        };
        if let Some(Named { role, .. }) = roles.first().filter(|_| files.is_empty()) {
            return self.bad_case(format!("no file has the role `{role}`{}", meant(role)));
        }
        let begun = self.begun_now();
        self.record.backup.get_or_insert(begun).files.extend(files);
        Ok(())
    }

    fn begun_now(&self) -> Backup {
        let seen = &self.record.seen;
        let began = End {
            incarnation: seen.incarnation(),
            at: self.session.now(),
            how: How::Killed,
            line: self.record.line,
            calls: seen.calls.len(),
        };
        Backup { files: BTreeMap::new(), commands: seen.history.len(), began }
    }

    /// The data directory becomes the backup, which is used up by that.
    pub fn restore(&mut self) -> Result<(), EarlyEnd> {
        if self.session.is_running() {
            return self.bad_case("the server still runs: `kill` or `shutdown` comes first");
        }
        let Some(Backup { files, commands, began }) = self.record.backup.take() else {
            self.record.note("no backup");
            return Ok(());
        };
        for (name, _) in self.session.files() {
            self.session.world.set_file(&name, None)?;
        }
        for (name, content) in files {
            self.session.world.set_file(&name, Some(content))?;
        }
        let seen = &mut self.record.seen;
        let (starts, calls) = (seen.starts.len(), seen.calls.len());
        seen.restored.push(Restored { starts, calls, commands, began });
        Ok(())
    }
}
