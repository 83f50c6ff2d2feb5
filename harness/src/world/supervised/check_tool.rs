//! The tool that comes with a server and mends its append-only file: `redis-check-aof --fix` for a
//! `redis-server`, by name, in the same folder.
//!
//! It works on a copy, as its own documentation asks for, and what it has changed there is put on
//! the disk. It is no part of the run: its calls are not trapped, but it sees no more than a server
//! does. Must not know: what is in a file.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::start::namespace::Namespace;
use super::start::spawn::{self, Alone};
use super::{Supervised, without_tsc};
use crate::world::{Broken, World};

/// How the names of servers and of their tools end.
const SERVER: &str = "-server";
const TOOL: &str = "-check-aof";

/// It asks before it cuts anything, for each file at most.
const ANSWERS: &[u8] = b"y\ny\ny\ny\n";

impl Supervised {
    /// See [`World::repair`].
    pub(super) fn run_check_tool(&mut self, file: &str) -> Result<bool, Broken> {
        let Some(tool) = beside(&self.program.binary) else { return Ok(false) };
        without_tsc::take_back();
        let copy = self.directory.path().with_extension("repair");
        let failed = |error: std::io::Error| Broken::Harness(format!("a copy to repair: {error}"));
        let run = self.copy_to(&copy).map_err(failed).and_then(|()| self.fix(&tool, &copy, file));
        let changed = run.and_then(|()| self.changed_in(&copy).map_err(failed));
        let _ = fs::remove_dir_all(&copy);
        for (name, content) in changed? {
            self.set_file(&name, Some(content))?;
        }
        Ok(true)
    }

    fn copy_to(&self, copy: &Path) -> std::io::Result<()> {
        fs::create_dir(copy)?;
        for (name, content) in self.kernel.borrow().disk.files() {
            let path = copy.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, content)?;
        }
        Ok(())
    }

    /// Runs the tool behind the same walls as a server.
    fn fix(&self, tool: &Path, copy: &Path, file: &str) -> Result<(), Broken> {
        let failed =
            |error: std::io::Error| Broken::Harness(format!("{}: {error}", tool.display()));
        let [said, answers] = ["said", "answers"].map(|name| copy.with_extension(name));
        let output = fs::File::create(&said).map_err(failed)?;
        fs::write(&answers, ANSWERS).map_err(failed)?;
        let input = fs::File::open(&answers).map_err(failed)?.into();
        let room = Some(Rc::new(self.room.beside(copy, &said)?));
        let unable = |why: String| Broken::NotMeasured(format!("run {}: {why}", tool.display()));
        let namespace = Namespace::new(&[], room).map_err(unable)?;
        let alone = Alone {
            program: tool,
            args: &["--fix".to_string(), file.to_string()],
            environment: &self.environment,
            directory: copy,
            input: Some(input),
            output: output.as_fd(),
        };
        let host = spawn::launch_alone(&namespace, alone).map_err(unable)?;
        let _ = waitpid(Pid::from_raw(host), None);
        [said, answers].iter().try_for_each(fs::remove_file).map_err(failed)
    }

    /// Files that are not what they were, with what is in them now.
    fn changed_in(&self, copy: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
        let mut changed = Vec::new();
        for (name, content) in self.kernel.borrow().disk.files() {
            let now = fs::read(copy.join(name))?;
            if now != content {
                changed.push((name.to_string(), now));
            }
        }
        Ok(changed)
    }
}

fn beside(server: &Path) -> Option<PathBuf> {
    let name = server.file_name()?.to_str()?.strip_suffix(SERVER)?;
    let tool = server.with_file_name(format!("{name}{TOOL}"));
    tool.is_file().then_some(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_lies_beside_its_server() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("valkey-check-aof"), "").expect("a new file");
        assert_eq!(beside(&at("valkey-server")), Some(at("valkey-check-aof")));
        assert_eq!(beside(&at("redis-server")), None);
        assert_eq!(beside(&at("valkey")), None);
    }
}
