//! A world outside: files, listeners and a process that nothing may reach.
//!
//! Must not know: what is tried.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sabot::world::supervised::doctor::examine;
use tempfile::TempDir;

use crate::attempts::Outside;

/// Everything lives as long as this.
pub struct World {
    folder: TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    named: UnixListener,
    process: std::cell::RefCell<Child>,
}

/// What can be seen of it.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    /// Path → mode and content.
    files: BTreeMap<String, (u32, Vec<u8>)>,
    /// The listeners that somebody has talked to.
    reached: Vec<&'static str>,
    lives: bool,
    null: u32,
}

impl World {
    pub fn new() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let allow = |path: &Path, mode: u32| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a file of ours");
        };
        allow(folder.path(), 0o755);
        for name in ["outside", "program", "run"] {
            fs::create_dir(folder.path().join(name)).expect("a new folder");
            allow(&folder.path().join(name), 0o777);
        }
        for name in ["outside/target", "outside/secret", "program/beside"] {
            fs::write(folder.path().join(name), "untouched\n").expect("a new file");
            allow(&folder.path().join(name), 0o666);
        }
        // By a process of its own: see the copy in the test `installed`.
        let us = std::env::current_exe().expect("this program");
        let copied = Command::new("cp").arg(us).arg(folder.path().join("program/walls")).status();
        assert!(copied.expect("cp starts").success());
        let outside = folder.path().join("outside");
        let unix = UnixListener::bind(outside.join("socket")).expect("a new socket");
        allow(&outside.join("socket"), 0o666);
        let name = format!("{}/", outside.display());
        let name = SocketAddr::from_abstract_name(name).expect("a short name");
        let named = UnixListener::bind_addr(&name).expect("a new name");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        unix.set_nonblocking(true).expect("a socket");
        named.set_nonblocking(true).expect("a socket");
        tcp.set_nonblocking(true).expect("a socket");
        udp.set_nonblocking(true).expect("a socket");
        let process = Command::new("sleep").arg("600").spawn().expect("sleep starts").into();
        World { folder, tcp, udp, unix, named, process }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn program(&self) -> PathBuf {
        self.path("program/walls")
    }

    pub fn run_directory(&self) -> PathBuf {
        self.path("run")
    }

    pub fn outside(&self) -> Outside {
        Outside {
            folder: self.path("outside"),
            tcp: self.tcp.local_addr().expect("it is bound").port(),
            udp: self.udp.local_addr().expect("it is bound").port(),
            pid: self.process.borrow().id().cast_signed(),
            beside: self.path("program/beside"),
        }
    }

    pub fn state(&self) -> State {
        let mut files = BTreeMap::new();
        for folder in ["outside", "program", "run"] {
            for entry in fs::read_dir(self.path(folder)).expect("it is there").flatten() {
                let mode = entry.metadata().expect("it is there").permissions().mode();
                let is_ours =
                    ["walls", "sabot", "socket"].iter().any(|name| entry.file_name() == *name);
                let content = if is_ours { Vec::new() } else { read(&entry.path()) };
                files.insert(entry.path().display().to_string(), (mode, content));
            }
        }
        let mut reached = Vec::new();
        let waits = |kind: ErrorKind| kind == ErrorKind::WouldBlock;
        reached.extend((!matches!(self.tcp.accept(), Err(e) if waits(e.kind()))).then_some("TCP"));
        let mut bytes = [0; 8];
        let udp = self.udp.recv(&mut bytes);
        reached.extend((!matches!(udp, Err(e) if waits(e.kind()))).then_some("UDP"));
        reached
            .extend((!matches!(self.unix.accept(), Err(e) if waits(e.kind()))).then_some("unix"));
        let named = self.named.accept();
        reached.extend((!matches!(named, Err(e) if waits(e.kind()))).then_some("abstract"));
        let lives = matches!(self.process.borrow_mut().try_wait(), Ok(None));
        let null = fs::metadata("/dev/null").expect("it is there").permissions().mode();
        State { files, reached, lives, null }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let process = self.process.get_mut();
        let _ = process.kill();
        let _ = process.wait();
        let shared = format!("/dev/shm/sabot-{}", process.id());
        let _ = fs::remove_file(shared);
    }
}

/// A directory has no content.
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// Why nothing can be supervised on this machine; None: it can.
pub fn unsupervised() -> Option<String> {
    let missing = examine().into_iter().find(|check| !check.ok);
    missing.map(|check| format!("{} is missing: {}", check.name, check.detail))
}
