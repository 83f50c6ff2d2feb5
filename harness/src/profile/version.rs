//! Which server a path leads to: the program is asked for its version.
//!
//! That executes it, so it is done behind the same walls as a run ([`ask_by`]). Must not know:
//! profiles, and what the walls are.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use serde::Deserialize;

use super::NoServer;

/// How long a server may take to say its version.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How to run `PATH --version`.
static ASK: OnceLock<fn(&Path) -> io::Result<Command>> = OnceLock::new();

/// How the answer of such a command begins if the program could not be run.
pub const UNABLE: &str = "sabot cannot run it: ";

/// From now on programs are asked by such a command; the first call decides.
pub fn ask_by(how: fn(&Path) -> io::Result<Command>) {
    let _ = ASK.set(how);
}

/// `MAJOR.MINOR.PATCH`; what is missing counts as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(pub u32, pub u32, pub u32);

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Version, String> {
        let mut numbers = [0; 3];
        for (index, part) in text.split('.').enumerate() {
            let slot =
                numbers.get_mut(index).ok_or_else(|| format!("{text} has too many parts"))?;
            *slot = part.parse().map_err(|_| format!("{text} is not MAJOR.MINOR.PATCH"))?;
        }
        Ok(Version(numbers[0], numbers[1], numbers[2]))
    }
}

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        text.to_string().try_into()
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a program says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `Redis server`, `Valkey server`, …
    pub name: String,
    pub version: Version,
    /// The whole line: which commit it was built from, and how.
    pub line: String,
}

impl Server {
    /// Kind and minor version: `redis-7.0`.
    pub fn family(&self) -> String {
        format!("{}-{}.{}", self.kind(), self.version.0, self.version.1)
    }

    /// What it is called, whatever its version: `redis`.
    pub fn kind(&self) -> String {
        self.name.split(' ').next().unwrap_or_default().to_lowercase()
    }

    /// Asks the program at `path`.
    pub fn ask(path: &Path) -> Result<Server, NoServer> {
        let answer = ask_version(path)?;
        Server::parse(&answer).ok_or_else(|| NoServer::NotAServer {
            path: path.display().to_string(),
            answer: answer.lines().next().unwrap_or_default().to_string(),
        })
    }

    /// The first line that looks like `Redis server v=6.0.16 sha=…`.
    pub(super) fn parse(answer: &str) -> Option<Server> {
        answer.lines().find_map(|line| {
            let (name, rest) = line.split_once(" v=")?;
            let digits = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
            let version = Version::try_from(digits.to_string()).ok()?;
            Some(Server { name: name.to_string(), version, line: line.trim().to_string() })
        })
    }
}

/// Standard output of `PATH --version`. A program that has not changed since is not asked again:
/// what keeps it in takes longer than its answer.
fn ask_version(path: &Path) -> Result<String, NoServer> {
    can_run(path)?;
    let known = Known::of(path).ok();
    let answers = || ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = known.as_ref().and_then(|known| answers().get(known).cloned()) {
        return Ok(answer);
    }
    let answer = ask_now(path)?;
    known.map(|known| answers().insert(known, answer.clone()));
    Ok(answer)
}

/// What was answered so far.
static ANSWERS: Mutex<BTreeMap<Known, String>> = Mutex::new(BTreeMap::new());

/// A program as it was when it was asked: any change makes it another.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Known {
    fn of(path: &Path) -> io::Result<Known> {
        let about = std::fs::metadata(path)?;
        Ok(Known {
            path: path.to_path_buf(),
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

fn ask_now(path: &Path) -> Result<String, NoServer> {
    let shown = path.display().to_string();
    let cannot = |why: String| NoServer::CannotRun { path: shown.clone(), why };
    let how = ASK.get().ok_or_else(|| cannot("nothing says how".to_string()))?;
    let mut child = how(path)
        .and_then(|mut command| {
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
        })
        .map_err(|error| cannot(error.to_string()))?;
    let mut output = child.stdout.take().expect("stdout was piped");
    let (answered, answer) = mpsc::channel();
    // Read in a thread, so that a program that is silent, or writes without end, cannot block this
    // one.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.by_ref().take(64 * 1024).read_to_end(&mut bytes);
        let _ = answered.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    let answer = answer.recv_timeout(PATIENCE);
    // It has said what it had to say, or never will.
    let _ = child.kill();
    let _ = child.wait();
    let answer = answer.map_err(|_| NoServer::Silent { path: shown.clone() })?;
    match answer.strip_prefix(UNABLE) {
        Some(why) => Err(cannot(why.trim_end().to_string())),
        None => Ok(answer),
    }
}

/// Complains about a program that cannot be started, as the question for its version would.
pub(super) fn can_run(path: &Path) -> Result<(), NoServer> {
    let shown = path.display().to_string();
    let executable =
        |about: std::fs::Metadata| about.is_file() && about.permissions().mode() & 0o111 != 0;
    match std::fs::metadata(path).map(executable) {
        Ok(true) => Ok(()),
        Ok(false) => Err(NoServer::NotExecutable { path: shown }),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Err(NoServer::Missing { path: shown }),
        Err(why) => Err(NoServer::CannotRun { path: shown, why: why.to_string() }),
    }
}
