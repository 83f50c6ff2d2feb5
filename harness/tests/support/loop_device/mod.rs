//! File systems on loop devices: mounted, stopped at one moment, mounted again and read.
//!
//! A stop (`FS_IOC_SHUTDOWN` without flushing the log) is a power cut of a device that keeps what
//! it has taken. The image lies on a tmpfs, whose size makes the device full. Must not know: what
//! is done on the file system, and the model.

pub mod raw;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::statvfs;
use nix::unistd;
use tempfile::TempDir;

/// How often, and after how long, it is tried again to unmount.
const PATIENCE: u32 = 100;
const MOMENT: Duration = Duration::from_millis(50);

/// A process that was forked and has not executed its program yet has every file open, and keeps a
/// file system busy. So nobody forks while another test unmounts.
static FORKS: Mutex<()> = Mutex::new(());

/// Held by whoever starts a process.
pub fn while_forking() -> MutexGuard<'static, ()> {
    FORKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A kind of file system, and how it is made.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub fs: &'static str,
    /// Further options of mkfs.
    pub mkfs: &'static [&'static str],
    /// The size of the image, and of the tmpfs that it lies on.
    pub image: u64,
    pub store: u64,
}

const EXT4: &[&str] = &["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
const XFS: &[&str] = &["mkfs.xfs", "-q", "-f"];

pub const EXT4_4K: Kind =
    Kind { name: "ext4, 4 KiB", fs: "ext4", mkfs: &[], image: 32 << 20, store: 64 << 20 };
pub const XFS_4K: Kind =
    Kind { name: "xfs", fs: "xfs", mkfs: &[], image: 300 << 20, store: 192 << 20 };

impl Kind {
    pub fn is_xfs(&self) -> bool {
        self.fs == "xfs"
    }

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
pub struct LoopDevice {
    kind: &'static Kind,
    device: String,
    place: TempDir,
}

/// Nobody can mount here.
#[derive(Debug)]
pub struct Impossible(pub String);

impl LoopDevice {
    pub fn make(kind: &'static Kind) -> Result<LoopDevice, Impossible> {
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
        let fs = LoopDevice { kind, device, place };
        let command = kind.command();
        output(Command::new(command[0]).args(&command[1..]).arg(&fs.device))?;
        fs.mount()
            .map_err(|errno| Impossible(format!("{} cannot be mounted: {errno}", kind.name)))?;
        fs.warm_up();
        Ok(fs)
    }

    fn mount(&self) -> Result<(), Errno> {
        let none: Option<&str> = None;
        mount(Some(&*self.device), &self.root(), Some(self.kind.fs), MsFlags::empty(), none)
    }

    /// Where it is mounted.
    pub fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// Inodes are allocated in chunks: the first one is there before a device is full.
    fn warm_up(&self) {
        let names = (0..24).map(|n| self.root().join(n.to_string()));
        names.for_each(|name| fs::write(name, "x").expect("there is room"));
        self.clear();
    }

    /// Removes everything, durably.
    pub fn clear(&self) {
        for entry in fs::read_dir(self.root()).expect("it is mounted").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if entry.file_name() == "lost+found" => {}
                true => fs::remove_dir_all(path).expect("it can be removed"),
                false => fs::remove_file(path).expect("it can be removed"),
            }
        }
        self.sync();
    }

    /// Everything is written back and committed.
    pub fn sync(&self) {
        let root = File::open(self.root()).expect("it is mounted");
        unistd::syncfs(root.as_fd()).expect("it can be synced");
    }

    /// Stops the file system at once; nothing that is in memory reaches the device any more.
    pub fn stop(&self) {
        let root = File::open(self.root()).expect("it is mounted");
        raw::shut_down(root.as_fd()).expect("the file system can be stopped");
    }

    /// Mounts what was stopped again; nothing on it may be open any more. What a process had open
    /// that was killed is given back a moment later.
    pub fn start_again(&self) {
        self.enlarge();
        let ended = (0..PATIENCE).find(|_| {
            let forks = while_forking();
            let ended = umount2(&self.root(), MntFlags::empty());
            drop(forks);
            if ended == Err(Errno::EBUSY) {
                sleep(MOMENT);
            }
            ended.is_ok()
        });
        ended.expect("nothing is open");
        self.mount().expect("the log is replayed");
    }

    /// Blocks that are free are given back, so that they need room anew.
    pub fn trim(&self) {
        output(Command::new("fstrim").arg(self.root())).expect("blocks can be given back");
    }

    fn resize_store(&self, bytes: u64) -> Result<(), Errno> {
        let store = self.place.path().join("store");
        let size = format!("size={bytes}");
        mount(Some("store"), &store, Some("tmpfs"), MsFlags::MS_REMOUNT, Some(&*size))
    }

    /// The device takes no new blocks.
    pub fn fill(&self) {
        let store = self.place.path().join("store");
        let full = (0..1000).find(|_| {
            let stat = statvfs(&store).expect("it is mounted");
            // It fails where more has been written in between.
            self.resize_store((stat.blocks() - stat.blocks_free()) * stat.fragment_size()).is_ok()
        });
        full.expect("writing comes to an end");
    }

    /// It does again.
    pub fn enlarge(&self) {
        self.resize_store(self.kind.store).expect("a tmpfs can grow");
    }

    pub fn read(&self) -> Found {
        let mut found = Found::default();
        read_into(&self.root(), "", &mut found);
        found
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
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

fn output(command: &mut Command) -> Result<String, Impossible> {
    let name = command.get_program().to_string_lossy().into_owned();
    let _forks = while_forking();
    let output = command.output().map_err(|error| Impossible(format!("{name}: {error}")))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        false => Err(Impossible(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}
