//! File systems on loop devices: mounted, worked on, stopped at one moment, mounted again and read.
//!
//! A stop (`FS_IOC_SHUTDOWN` without flushing the log) is a power cut of a device that keeps what
//! it has taken. The image lies on a tmpfs, whose size makes the device full. Must not know: the
//! model.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::sys::uio::pwrite;
use nix::unistd;
use tempfile::TempDir;

use crate::raw;
use crate::script::{SLOTS, Step, data, open_flags};

/// A process that was forked and has not executed its program yet has every file open, and keeps a
/// file system busy. So nobody forks while another test unmounts.
static FORKS: Mutex<()> = Mutex::new(());

/// A kind of file system, and how it is made.
pub struct Kind {
    pub name: &'static str,
    fs: &'static str,
    mkfs: &'static [&'static str],
    image: u64,
    store: u64,
}

const EXT4: &[&str] = &["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
const XFS: &[&str] = &["mkfs.xfs", "-q", "-f"];

pub const EXT4_4K: Kind =
    Kind { name: "ext4, 4 KiB", fs: "ext4", mkfs: &[], image: 32 << 20, store: 64 << 20 };
pub const EXT4_1K: Kind = Kind { name: "ext4, 1 KiB", mkfs: &["-b", "1024"], ..EXT4_4K };
pub const XFS_4K: Kind =
    Kind { name: "xfs", fs: "xfs", mkfs: &[], image: 300 << 20, store: 192 << 20 };

impl Kind {
    /// The command that makes it.
    pub fn command(&self) -> Vec<&'static str> {
        let (base, size): (_, &[&str]) = match (self.fs, self.mkfs.is_empty()) {
            ("xfs", _) => (XFS, &[]),
            (_, true) => (EXT4, &["-b", "4096"]),
            _ => (EXT4, self.mkfs),
        };
        base.iter().chain(size).copied().collect()
    }
}

/// What was found: files with their content, and directories.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub files: BTreeMap<String, Vec<u8>>,
    pub dirs: Vec<String>,
}

/// One file system.
pub struct FileSystem {
    kind: &'static Kind,
    device: String,
    place: TempDir,
    files: [Option<File>; SLOTS],
    store: u64,
}

/// Nobody can mount here.
#[derive(Debug)]
pub struct Impossible(pub String);

impl FileSystem {
    pub fn make(kind: &'static Kind) -> Result<FileSystem, Impossible> {
        let place = tempfile::tempdir().map_err(|error| Impossible(error.to_string()))?;
        let store = place.path().join("store");
        fs::create_dir(&store).expect("it is new");
        fs::create_dir(place.path().join("root")).expect("it is new");
        let size = format!("size={}", kind.store);
        let none: Option<&str> = None;
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        // Another namespace with a copy of a mount would keep the file system from ending.
        unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(none, "/", none, private, none))
            .map_err(|errno| Impossible(format!("there are no mount namespaces: {errno}")))?;
        mount(Some("store"), &store, Some("tmpfs"), MsFlags::empty(), Some(&*size))
            .map_err(|errno| Impossible(format!("a tmpfs cannot be mounted: {errno}")))?;
        let image = store.join("image");
        let made = File::create(&image).and_then(|file| file.set_len(kind.image));
        made.expect("there is room for a sparse file");
        let device = output(Command::new("losetup").args(["--find", "--show"]).arg(&image));
        let device = device.inspect_err(|_| {
            let _ = umount2(&store, MntFlags::MNT_DETACH);
        })?;
        let files = Default::default();
        let fs = FileSystem { kind, device, place, files, store: kind.store };
        let command = kind.command();
        output(Command::new(command[0]).args(&command[1..]).arg(&fs.device))?;
        mount(Some(&*fs.device), &fs.root(), Some(kind.fs), MsFlags::empty(), none)
            .map_err(|errno| Impossible(format!("{} cannot be mounted: {errno}", kind.name)))?;
        fs.warm_up();
        Ok(fs)
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// Inodes are allocated in chunks: the first one is there before a device is full.
    fn warm_up(&self) {
        let names = (0..24).map(|n| self.root().join(n.to_string()));
        names.for_each(|name| fs::write(name, "x").expect("there is room"));
        self.clear();
    }

    fn clear(&self) {
        let root = File::open(self.root()).expect("it is mounted");
        for entry in fs::read_dir(self.root()).expect("it is mounted").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if entry.file_name() == "lost+found" => {}
                true => fs::remove_dir_all(path).expect("it can be removed"),
                false => fs::remove_file(path).expect("it can be removed"),
            }
        }
        unistd::syncfs(root.as_fd()).expect("it can be synced");
    }

    /// Runs a script. Returns what each step came to, and what is found after the stop.
    pub fn run(&mut self, steps: &[Step]) -> (Vec<Result<(), Errno>>, Found) {
        if steps.contains(&Step::Full) {
            output(Command::new("fstrim").arg(self.root())).expect("blocks can be given back");
        }
        let mut full = false;
        let results = steps.iter().enumerate().map(|(n, step)| {
            full = match step {
                Step::Full => true,
                Step::Free => false,
                _ => full,
            };
            self.step(n, step, full)
        });
        let results = results.collect();
        self.stop();
        let found = self.read();
        self.clear();
        (results, found)
    }

    fn stop(&mut self) {
        let root = File::open(self.root()).expect("it is mounted");
        raw::shut_down(root.as_fd()).expect("the file system can be stopped");
        drop(root);
        self.files = Default::default();
        self.enlarge_store();
        let forks = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
        umount2(&self.root(), MntFlags::empty()).expect("nothing is open");
        drop(forks);
        let none: Option<&str> = None;
        mount(Some(&*self.device), &self.root(), Some(self.kind.fs), MsFlags::empty(), none)
            .expect("the log is replayed");
    }

    fn resize_store(&self, bytes: u64) -> Result<(), Errno> {
        let store = self.place.path().join("store");
        let size = format!("size={bytes}");
        mount(Some("store"), &store, Some("tmpfs"), MsFlags::MS_REMOUNT, Some(&*size))
    }

    fn fill_store(&self) {
        let store = self.place.path().join("store");
        let full = (0..1000).find(|_| {
            let stat = statvfs(&store).expect("it is mounted");
            // It fails where more has been written in between.
            self.resize_store((stat.blocks() - stat.blocks_free()) * stat.fragment_size()).is_ok()
        });
        full.expect("writing comes to an end");
    }

    fn enlarge_store(&self) {
        self.resize_store(self.store).expect("a tmpfs can grow");
    }

    fn file(&self, slot: usize) -> Result<&File, Errno> {
        self.files[slot].as_ref().ok_or(Errno::EBADF)
    }

    fn step(&mut self, n: usize, step: &Step, full: bool) -> Result<(), Errno> {
        let root = self.root();
        let path = |name: &str| root.join(name);
        match step {
            Step::Open { slot, name, flags } => {
                let mode = Mode::from_bits_truncate(0o644);
                let flags = open_flags(flags) | OFlag::O_CLOEXEC;
                self.files[*slot] = None;
                self.files[*slot] = Some(open(&path(name), flags, mode)?.into());
                Ok(())
            }
            Step::Close(slot) => self.files[*slot].take().map(drop).ok_or(Errno::EBADF),
            Step::Write { slot, offset, length } => self.write(*slot, *offset, &data(n, *length)),
            Step::Append { slot, length } => {
                let end = self.file(*slot)?.metadata().expect("it is open").len();
                self.write(*slot, end, &data(n, *length))
            }
            Step::Truncate { slot, length } => unistd::ftruncate(self.file(*slot)?, *length as i64),
            Step::Rename { from, to } => plain(fs::rename(path(from), path(to))),
            Step::Unlink(name) => plain(fs::remove_file(path(name))),
            Step::Mkdir(name) => plain(fs::create_dir(path(name))),
            Step::Fsync(slot) => unistd::fsync(self.file(*slot)?),
            Step::Fdatasync(slot) => unistd::fdatasync(self.file(*slot)?),
            // What fails unseen cannot be told to the model.
            Step::SyncFileRange { slot, wait } => {
                raw::sync_file_range(self.file(*slot)?.as_fd(), *wait || full)
            }
            Step::FsyncDir(name) => unistd::fsync(&directory(&path(name))?),
            Step::FdatasyncDir(name) => unistd::fdatasync(&directory(&path(name))?),
            Step::Syncfs => {
                let root = File::open(self.root()).expect("it is mounted");
                unistd::syncfs(root.as_fd())
            }
            Step::Full => {
                self.fill_store();
                Ok(())
            }
            Step::Free => {
                self.enlarge_store();
                Ok(())
            }
        }
    }

    fn write(&self, slot: usize, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let written = pwrite(self.file(slot)?, data, offset as i64)?;
        assert_eq!(written, data.len(), "there is room");
        Ok(())
    }

    fn read(&self) -> Found {
        let mut found = Found::default();
        read_into(&self.root(), "", &mut found);
        found
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        self.files = Default::default();
        let _ = umount2(&self.root(), MntFlags::MNT_DETACH);
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
        let _ = umount2(&self.place.path().join("store"), MntFlags::MNT_DETACH);
    }
}

fn read_into(root: &Path, below: &str, found: &mut Found) {
    let mut entries: Vec<_> = fs::read_dir(root.join(below)).expect("readable").flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().expect("names are text");
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        if name == "lost+found" {
            continue;
        }
        if entry.path().is_dir() {
            found.dirs.push(name.clone());
            read_into(root, &name, found);
        } else {
            found.files.insert(name, fs::read(entry.path()).expect("it can be read"));
        }
    }
}

fn directory(path: &Path) -> Result<File, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map(File::from)
}

fn plain(result: std::io::Result<()>) -> Result<(), Errno> {
    result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

fn output(command: &mut Command) -> Result<String, Impossible> {
    let name = command.get_program().to_string_lossy().into_owned();
    let _forks = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
    let output = command.output().map_err(|error| Impossible(format!("{name}: {error}")))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        false => Err(Impossible(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}
