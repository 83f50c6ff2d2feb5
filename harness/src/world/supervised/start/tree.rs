//! What lies in a view: directories, links and files that are made, and the trees that are bound.
//!
//! A path must lead to the same file inside as outside. So the links on the way are copied, and
//! what they end at is bound. Must not know: how mounts are made.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use super::mounts::Restrictions;
use crate::world::supervised::stand_in;

/// Programs and libraries, and a directory of links to programs in /usr.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/alternatives",
];
/// Files that programs read when they start: the loader's, users and hosts by name, the locale.
const COPIED: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/locale.alias",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/openssl.cnf",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    "/sys/devices/system/cpu/present",
];
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Names that a shell knows.
const STREAMS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];
/// What lies beside a `bin` with programs that need it.
const BESIDE_BIN: &[&str] = &["lib", "lib64", "libexec", "share"];
/// As Linux does, a path with more links than this is taken for a circle.
const MOST_LINKS: usize = 40;

/// A tree of this machine that can be seen in the view at the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Without links.
    pub path: PathBuf,
    pub restrictions: Restrictions,
}

/// A view as far as it consists of files.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// The tmpfs: nothing that holds it is bound.
    place: PathBuf,
    binds: Vec<Bind>,
}

impl Tree {
    pub fn new(root: PathBuf, place: &Path) -> Tree {
        Tree { root, place: place.to_path_buf(), binds: Vec::new() }
    }

    /// Where a path of the view lies.
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub fn binds(&self) -> &[Bind] {
        &self.binds
    }

    /// What every program needs.
    pub fn put_system(&mut self) -> io::Result<()> {
        fs::create_dir_all(self.inside(Path::new("/proc")))?;
        for path in SYSTEM.iter().map(Path::new).filter(|path| path.exists()) {
            self.bind(path, Restrictions::READ_ONLY)?;
        }
        for path in DEVICES.iter().map(Path::new).filter(|path| path.exists()) {
            self.bind(path, Restrictions::DEVICE)?;
        }
        for (name, target) in STREAMS {
            self.link(Path::new(name), Path::new(target))?;
        }
        for path in COPIED.iter().map(Path::new) {
            if let Ok(content) = fs::read(path) {
                self.file(path, &content)?;
            }
        }
        for (path, content) in stand_in::FIXED.iter().filter(|(path, _)| path.starts_with("/sys")) {
            self.file(Path::new(path), content.as_bytes())?;
        }
        Ok(())
    }

    /// The program with what lies around it, and with its interpreter if it is a script.
    pub fn put_program(&mut self, program: &Path) -> io::Result<()> {
        if let Some(interpreter) = interpreter(program).filter(|path| path.exists()) {
            self.put_with_surroundings(&interpreter)?;
        }
        self.put_with_surroundings(program)
    }

    /// A file or a directory that the user has named.
    pub fn put_named(&mut self, path: &Path) -> io::Result<()> {
        match path.exists() {
            true => self.bind(path, Restrictions::READ_ONLY),
            false => Ok(()),
        }
    }

    /// The directory in which the path is, and the one in which the file is that it leads to. Of a
    /// directory that holds much else only the file.
    fn put_with_surroundings(&mut self, program: &Path) -> io::Result<()> {
        let real = self.lead(program)?;
        for path in [program, real.as_path()] {
            let Some(folder) = path.parent() else { continue };
            let folder = self.lead(folder)?;
            if is_shared(&folder) {
                continue;
            }
            self.bind(&folder, Restrictions::READ_ONLY)?;
            if folder.ends_with("bin") {
                for name in BESIDE_BIN {
                    self.put_named(&folder.with_file_name(name))?;
                }
            }
        }
        self.bind(&real, Restrictions::READ_ONLY)
    }

    /// Makes `path` lead to the same place as outside, where it is bound.
    fn bind(&mut self, path: &Path, restrictions: Restrictions) -> io::Result<()> {
        let path = self.lead(path)?;
        if self.is_bound(&path) || self.place.starts_with(&path) {
            return Ok(());
        }
        let point = self.inside(&path);
        if path.is_dir() {
            fs::create_dir_all(&point)?;
        } else {
            self.file(&path, b"")?;
        }
        self.binds.push(Bind { path, restrictions });
        Ok(())
    }

    fn is_bound(&self, path: &Path) -> bool {
        self.binds.iter().any(|bind| path.starts_with(&bind.path))
    }

    fn file(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let point = self.inside(path);
        if let Some(folder) = point.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(point, content)
    }

    fn link(&self, path: &Path, target: &Path) -> io::Result<()> {
        let point = self.inside(path);
        if let Some(folder) = point.parent() {
            fs::create_dir_all(folder)?;
        }
        match symlink(target, point) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Follows a path of this machine, and copies the links on the way. Returns the path without
    /// links.
    fn lead(&self, path: &Path) -> io::Result<PathBuf> {
        let mut rest: VecDeque<OsString> = parts(path).collect();
        let mut real = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = real.join(&part);
            if !fs::symlink_metadata(&next)?.is_symlink() {
                real = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::ErrorKind::TooManyLinks.into());
            }
            let target = fs::read_link(&next)?;
            if !self.is_bound(&next) {
                self.link(&next, &target)?;
            }
            if target.is_absolute() {
                real = PathBuf::from("/");
            }
            parts(&target).rev().for_each(|part| rest.push_front(part));
        }
        Ok(real)
    }
}

/// The names in a path, and `..`.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_os_string()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    })
}

/// Whether a directory holds more than a program and what belongs to it: `/`, one right below it,
/// somebody's home.
fn is_shared(folder: &Path) -> bool {
    let home = std::env::var_os("HOME").is_some_and(|home| Path::new(&home) == folder);
    folder.components().count() <= 2 || folder.parent() == Some(Path::new("/home")) || home
}

/// What `#!` names in the first line.
fn interpreter(program: &Path) -> Option<PathBuf> {
    use std::io::{BufRead, BufReader, Read};
    let file = fs::File::open(program).ok()?.take(256);
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    line.strip_prefix("#!")?.split_whitespace().next().map(PathBuf::from)
}
