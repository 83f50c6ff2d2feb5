//! The machine that a worker process prepares once: namespaces of its own, with a tmpfs and a
//! loopback device in them.
//!
//! Nothing else can be written any more, not even by the worker, whose descriptors servers inherit.
//! The tmpfs is mounted over a directory that servers do not need, in this process' mount namespace
//! only: it is gone when the worker is, however that ends, so nothing is left behind. The run
//! directory is always on a tmpfs because `st_blksize` decides the buffer size of stdio, and so the
//! sites. Must not know: servers.

use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{fs, io};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{getgid, getuid};

use super::mounts::{Restrictions, permit, restrict_all};
use super::network::bring_up_loopback;
use super::template_cache::TemplateCache;
use super::time_page::TimePage;
use super::view::View;
use crate::world::Broken;

/// Where the tmpfs may be mounted: directories that no server uses.
const PLACES: &[&str] = &["/mnt", "/media", "/srv", "/opt", "/var/empty", "/var/tmp", "/home"];
/// The size is for all files of one run together.
const SIZE: &str = "size=512m,mode=0755";

/// A prepared worker process.
#[derive(Debug)]
pub struct Machine {
    place: PathBuf,
    templates: Rc<TemplateCache>,
    time: Rc<TimePage>,
    views: RefCell<Vec<(ViewKey, Rc<View>)>>,
}

/// What a view depends on: the program, and what else the user has named.
type ViewKey = (PathBuf, Vec<PathBuf>);

impl Machine {
    /// Gives this process, which must have only one thread, a mount namespace with an empty tmpfs
    /// in it. To be called once per process, which should be pinned to a core: supervisor and
    /// servers take turns, and a trapped call is ten times cheaper if they share a core.
    pub fn prepare() -> Result<Machine, Broken> {
        isolate()?;
        restrict_all(c"/", Restrictions::READ_ALL)
            .map_err(|errno| not_measured("make everything read-only", errno))?;
        // A user namespace inside this one is set up by files in /proc. Where the machine's own is
        // read-only, this fails as that does.
        let _ = permit(c"/proc", Restrictions::READ_ALL);
        umask(Mode::from_bits_truncate(0o022));
        let place = place()?;
        mount(Some("sabot"), &place, Some("tmpfs"), MsFlags::empty(), Some(SIZE)).map_err(
            |errno| not_measured(&format!("mount a tmpfs on {}", place.display()), errno),
        )?;
        let templates = Rc::new(TemplateCache::default());
        let time =
            TimePage::new().map_err(|errno| not_measured("make a page for the time", errno))?;
        Ok(Machine { place, templates, time: Rc::new(time), views: RefCell::default() })
    }

    /// Where the tmpfs is mounted.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The templates of this process.
    pub(in super::super) fn templates(&self) -> Rc<TemplateCache> {
        Rc::clone(&self.templates)
    }

    /// The time that servers read.
    pub(in super::super) fn time(&self) -> Rc<TimePage> {
        Rc::clone(&self.time)
    }

    /// What a program can see, with the paths besides that the user has named for it.
    pub(in super::super) fn view(
        &self,
        program: &Path,
        named: Vec<PathBuf>,
    ) -> Result<Rc<View>, Broken> {
        let key = (program.to_path_buf(), named);
        let mut views = self.views.borrow_mut();
        if let Some((_, view)) = views.iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(view));
        }
        let root = self.place.join(format!("view{}", views.len()));
        let view = Rc::new(View::new(&self.place, root, program, &key.1)?);
        views.push((key, Rc::clone(&view)));
        Ok(view)
    }

    /// Makes an empty directory for one run, and checks that `binary` can still be seen. The name
    /// is the same for every run that has the machine to itself, because servers show it.
    pub fn directory(&self, binary: &Path) -> Result<PathBuf, Broken> {
        if binary.starts_with(&self.place) {
            return Err(Broken::NotMeasured(format!(
                "{} lies in {}, which the run directory hides: copy the server elsewhere",
                binary.display(),
                self.place.display()
            )));
        }
        for number in 0.. {
            let directory = self.place.join(format!("run{number}"));
            match fs::create_dir(&directory) {
                Ok(()) => return Ok(directory),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Broken::Harness(format!("mkdir {}: {error}", directory.display())));
                }
            }
        }
        unreachable!("numbers are many")
    }
}

/// Enters new mount, network and IPC namespaces, which share nothing, in a new user namespace if
/// need be.
pub fn isolate() -> Result<(), Broken> {
    let (uid, gid) = (getuid(), getgid());
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    match unshare(own) {
        Ok(()) => {}
        Err(Errno::EPERM) => {
            unshare(CloneFlags::CLONE_NEWUSER | own)
                .map_err(|errno| not_measured("make a user namespace", errno))?;
            let map = |file: &str, line: &str| {
                fs::write(format!("/proc/self/{file}"), line)
                    .map_err(|error| Broken::NotMeasured(format!("write {file}: {error}")))
            };
            map("setgroups", "deny")?;
            map("uid_map", &format!("{uid} {uid} 1"))?;
            map("gid_map", &format!("{gid} {gid} 1"))?;
        }
        Err(errno) => return Err(not_measured("make mount, network and IPC namespaces", errno)),
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|errno| not_measured("make mounts private", errno))?;
    bring_up_loopback().map_err(|errno| not_measured("switch on the loopback device", errno))
}

/// The directory to mount over: preferably an empty one, otherwise one that holds neither this
/// program nor its working directory.
fn place() -> Result<PathBuf, Broken> {
    let exists = || PLACES.iter().map(Path::new).filter(|place| readable_directory(place));
    let empty =
        exists().find(|place| fs::read_dir(place).is_ok_and(|mut all| all.next().is_none()));
    let ours = [std::env::current_exe(), std::env::current_dir()];
    let spare =
        || exists().find(|place| ours.iter().flatten().all(|path| !path.starts_with(place)));
    empty.or_else(spare).map(Path::to_path_buf).ok_or_else(|| {
        Broken::NotMeasured(format!(
            "none of {} exists to mount the run directory on: create one of them, empty",
            PLACES.join(", ")
        ))
    })
}

fn readable_directory(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_dir() && meta.permissions().mode() & 0o5 == 0o5)
}

fn not_measured(what: &str, errno: Errno) -> Broken {
    Broken::NotMeasured(format!("cannot {what}: {errno}"))
}
