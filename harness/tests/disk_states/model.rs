//! The modelled side: the same script on the kernel model, told which syncs have failed.
//!
//! Must not know: what was found.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use sabot::kernel::disk::power_cut::{FsModel, PowerCut};
use sabot::kernel::plan::{Effect, Rule, Selector, Window};
use sabot::kernel::{
    CallName, Disk, Entered, Fd, Image, Kernel, Object, Program, Request, Roles, Target, TaskId,
};

use crate::script::{SLOTS, Step, data, open_flags};

/// A machine that a script runs on.
pub struct Machine {
    kernel: Kernel,
    task: TaskId,
    fds: [Option<Fd>; SLOTS],
    full: bool,
}

impl Machine {
    /// After the script, with the results that its steps had elsewhere.
    ///
    /// # Errors
    /// A step came to something that it cannot come to.
    pub fn after(steps: &[Step], results: &[Result<(), Errno>]) -> Result<Machine, String> {
        let mut kernel = Kernel::new(Roles::default(), 3);
        let task = kernel.boot(100, Program::Server);
        let mut machine = Machine { kernel, task, fds: [None; SLOTS], full: false };
        let mut was_full = false;
        for (n, (step, result)) in steps.iter().zip(results).enumerate() {
            was_full |= *step == Step::Full;
            let its = machine.step(n, step, result.err().filter(|_| was_full));
            let alike = match (its, *result) {
                // A device that is full makes EIO of it, or ENOSPC.
                (Err(_), Err(_)) => true,
                (its, result) => its == result,
            };
            if !alike {
                return Err(format!("step {n}, {step}: {result:?}, but the model says {its:?}"));
            }
        }
        Ok(machine)
    }

    /// A power cut now.
    pub fn cut(&self, fs: FsModel) -> PowerCut<'_> {
        PowerCut::of(&self.kernel.disk, fs)
    }

    pub fn disk(&self) -> &Disk {
        &self.kernel.disk
    }

    fn enter(&mut self, call: CallName, target: Target<'_>) -> Entered {
        self.kernel.enter(self.task, &Request { call, target, argument: 0 })
    }

    fn fd(&self, slot: usize) -> Result<Fd, Errno> {
        self.fds[slot].ok_or(Errno::EBADF)
    }

    fn step(&mut self, n: usize, step: &Step, error: Option<Errno>) -> Result<(), Errno> {
        match step {
            Step::Open { slot, name, flags } => {
                let _ = self.close(*slot);
                let fd = self.open(name, open_flags(flags))?;
                self.fds[*slot] = Some(fd);
                Ok(())
            }
            Step::Close(slot) => self.close(*slot),
            Step::Write { slot, offset, length } => {
                self.write(*slot, *offset, &data(n, *length), error)
            }
            Step::Append { slot, length } => {
                let end = self.kernel.disk.inode(self.ino(*slot)?).content.len();
                self.write(*slot, end, &data(n, *length), error)
            }
            Step::Truncate { slot, length } => {
                let fd = self.fd(*slot)?;
                let entered = self.enter(CallName::Ftruncate, Target::Fd(fd));
                self.kernel.ftruncate(entered, fd, *length).result
            }
            Step::Rename { from, to } => {
                let entered = self.enter(CallName::Rename, Target::Rename { from, to });
                self.kernel.rename(entered, from, to).result
            }
            Step::Unlink(name) => {
                let entered = self.enter(CallName::Unlink, Target::Path(name));
                self.kernel.unlink(entered, name).result
            }
            Step::Mkdir(name) => {
                let entered = self.enter(CallName::Mkdir, Target::Path(name));
                self.kernel.mkdir(entered, name).result
            }
            Step::Fsync(slot) => self.sync(CallName::Fsync, self.fd(*slot)?, error),
            Step::Fdatasync(slot) => self.sync(CallName::Fdatasync, self.fd(*slot)?, error),
            // Without waiting it reports nothing.
            Step::SyncFileRange { slot, wait: false } if !self.full => {
                let ino = self.ino(*slot)?;
                let mark = self.kernel.disk.mark(ino);
                self.kernel.disk.written_only(ino, mark);
                Ok(())
            }
            Step::SyncFileRange { slot, .. } => {
                self.sync(CallName::SyncFileRange, self.fd(*slot)?, error)
            }
            Step::FsyncDir(name) => self.sync_directory(CallName::Fsync, name),
            Step::FdatasyncDir(name) => self.sync_directory(CallName::Fdatasync, name),
            Step::Syncfs => {
                self.kernel.disk.settle();
                Ok(())
            }
            Step::Full | Step::Free => {
                self.full = *step == Step::Full;
                Ok(())
            }
        }
    }

    fn open(&mut self, name: &str, flags: OFlag) -> Result<Fd, Errno> {
        let name = if name == "." { "" } else { name };
        let entered = self.enter(CallName::Open, Target::Path(name));
        self.kernel.open(entered, name, flags)
    }

    fn close(&mut self, slot: usize) -> Result<(), Errno> {
        let fd = self.fds[slot].take().ok_or(Errno::EBADF)?;
        let entered = self.enter(CallName::Close, Target::Fd(fd));
        self.kernel.close(entered, fd)
    }

    fn ino(&self, slot: usize) -> Result<u64, Errno> {
        match self.kernel.lookup(self.task, self.fd(slot)?) {
            Some(Object::File(ino)) => Ok(ino),
            _ => Err(Errno::EBADF),
        }
    }

    fn write(
        &mut self,
        slot: usize,
        offset: u64,
        data: &[u8],
        error: Option<Errno>,
    ) -> Result<(), Errno> {
        let fd = self.fd(slot)?;
        let flags = self.kernel.status_flags(self.task, fd)?;
        if error.is_some() || (self.full && flags.contains(OFlag::O_DSYNC)) {
            // It is written, and then the sync fails.
            let ino = self.ino(slot)?;
            let append = flags.contains(OFlag::O_APPEND);
            let end = self.kernel.disk.inode(ino).content.len();
            self.kernel.disk.write(ino, if append { end } else { offset }, data);
            return self.sync(CallName::Fdatasync, fd, error);
        }
        let entered = self.enter(CallName::Write, Target::Fd(fd));
        self.kernel.write_at(entered, fd, data, Some(offset as i64)).result.map(drop)
    }

    /// A sync fails as it did elsewhere, unless an older error is due.
    fn sync(&mut self, call: CallName, fd: Fd, error: Option<Errno>) -> Result<(), Errno> {
        if let Some(errno) = error
            && !self.kernel.is_told_of_error(self.task, fd)
        {
            let calls = Selector::Calls { calls: vec![call], role: None, task: None };
            let (window, effect) = (Window::ONCE, Effect::Error(errno));
            let (maybe, origin, name) = (false, 0, None);
            let rule = Rule { selector: calls, window, effect, maybe, origin, name };
            self.kernel.plan.inject(rule);
        }
        if let (true, None, Some(Object::File(ino))) =
            (self.full, error, self.kernel.lookup(self.task, fd))
        {
            // A loop device says of a write that it is done when some of it is.
            let mark = self.kernel.disk.mark(ino);
            self.kernel.disk.gave_up(ino, mark);
        }
        let entered = self.enter(call, Target::Fd(fd));
        self.kernel.sync(entered, fd)
    }

    fn sync_directory(&mut self, call: CallName, name: &str) -> Result<(), Errno> {
        let fd = self.open(name, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let result = self.sync(call, fd, None);
        let entered = self.enter(CallName::Close, Target::Fd(fd));
        self.kernel.close(entered, fd)?;
        result
    }
}

/// An image as text: each file with its content as letters, each with the length of its run; `.` is
/// a zero byte.
pub fn shown(image: &Image) -> String {
    let dirs = image.dirs().map(|dir| format!("{dir}/"));
    let files = image.files().map(|(name, content)| format!("{name}={}", runs(content)));
    dirs.chain(files).collect::<Vec<_>>().join(" ")
}

fn runs(content: &[u8]) -> String {
    let letter = |byte: u8| if byte == 0 { '.' } else { char::from(byte) };
    let runs = content.chunk_by(|a, b| a == b);
    runs.map(|run| format!("{}{}", letter(run[0]), run.len())).collect()
}
