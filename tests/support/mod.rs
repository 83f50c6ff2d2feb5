//! A server process for tests: started in its own directory, reached by a unix socket, killed at
//! the end of the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use redis::{Connection, FromRedisValue, RedisResult};

/// A running server. Its standard output is the log.
pub struct Server {
    process: Child,
    log: BufReader<ChildStdout>,
    /// The log until it was ready.
    #[allow(dead_code)]
    pub log_of_start: String,
    socket: PathBuf,
    connection: Option<Connection>,
}

impl Server {
    /// Starts this package's server.
    #[allow(dead_code)]
    pub fn start(dir: &Path, arguments: &[&str]) -> Server {
        Server::start_program(Path::new(env!("CARGO_BIN_EXE_sabot-server")), dir, arguments)
    }

    /// Starts any Redis-compatible server and waits until it is ready.
    pub fn start_program(program: &Path, dir: &Path, arguments: &[&str]) -> Server {
        Server::spawn(Command::new(program), dir, arguments)
    }

    /// The same with a configuration file, which comes before the arguments.
    #[allow(dead_code)]
    pub fn start_with_file(program: &Path, file: &str, dir: &Path, arguments: &[&str]) -> Server {
        let mut command = Command::new(program);
        command.arg(file);
        Server::spawn(command, dir, arguments)
    }

    /// The same of a program with arguments before all others.
    pub fn spawn(mut command: Command, dir: &Path, arguments: &[&str]) -> Server {
        let socket = dir.join("socket");
        let mut process = command
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(dir)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let log_of_start = String::new();
        let mut server = Server { process, log, log_of_start, socket, connection: None };
        // "The server is now ready", and from 7.2 on "Ready".
        (server.log_of_start, _) = server.read_log("eady to accept connections");
        let url = format!("redis+unix://{}", server.socket.display());
        let client = redis::Client::open(url).expect("the address is well-formed");
        server.connection = Some(client.get_connection().expect("it accepts connections"));
        server
    }

    /// Reads the log until a line contains `text`. Returns that line.
    #[allow(dead_code)]
    pub fn await_log(&mut self, text: &str) -> String {
        self.read_log(text).1
    }

    /// Returns the lines before, too.
    fn read_log(&mut self, text: &str) -> (String, String) {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let length = self.log.read_line(&mut line).expect("the log can be read");
            assert!(length > 0, "the log ended before {text:?}:\n{seen}");
            if line.contains(text) {
                return (seen, line);
            }
            seen.push_str(&line);
        }
    }

    /// Sends a command; blanks separate the arguments.
    pub fn try_send<T: FromRedisValue>(&mut self, command: &str) -> RedisResult<T> {
        self.try_words(&command.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Sends a command of these words.
    pub fn try_words<T: FromRedisValue>(&mut self, words: &[&[u8]]) -> RedisResult<T> {
        let mut request = redis::Cmd::new();
        words.iter().for_each(|word| {
            request.arg(word);
        });
        request.query(self.connection.as_mut().expect("it is connected"))
    }

    /// The same for a command that must succeed.
    #[allow(dead_code)]
    pub fn send<T: FromRedisValue>(&mut self, command: &str) -> T {
        self.try_send(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// The same for a command that must fail. Returns the error.
    #[allow(dead_code)]
    pub fn send_refused(&mut self, command: &str) -> String {
        match self.try_send::<redis::Value>(command) {
            Ok(value) => panic!("{command} was answered with {value:?}"),
            Err(error) => {
                format!("{} {}", error.code().unwrap_or(""), error.detail().unwrap_or(""))
            }
        }
    }

    /// SHUTDOWN NOSAVE. Returns the exit status.
    #[allow(dead_code)]
    pub fn shut_down(mut self) -> ExitStatus {
        let _ = self.try_send::<redis::Value>("SHUTDOWN NOSAVE");
        self.process.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A real redis-server from PATH. Without one the test prints that it is skipped, or fails if
/// `SABOT_REQUIRE` names `redis`.
#[allow(dead_code)]
pub fn redis_server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|dir| dir.join("redis-server"));
    let found = files.find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var("SABOT_REQUIRE").unwrap_or_default();
        let required = required.split(',').any(|world| world.trim() == "redis");
        assert!(!required, "SABOT_REQUIRE asks for redis, and there is no redis-server on PATH");
        eprintln!("SKIPPED: there is no redis-server on PATH");
    }
    found
}

/// The real servers that a test has: the one on PATH, and those in `target/servers`, or the folder
/// named by `SABOT_SERVERS`, that `SABOT_REQUIRE` names. They must exist.
#[allow(dead_code)]
pub fn real_servers() -> Vec<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    let folder = std::env::var_os("SABOT_SERVERS").map_or(default, PathBuf::from);
    let required = std::env::var("SABOT_REQUIRE").unwrap_or_default();
    let is_real = |name: &&str| {
        name.contains('-') && !name.starts_with("sim-") && !name.starts_with("server-")
    };
    let required = required.split(',').map(str::trim).filter(is_real);
    let server_in = |name: &str| {
        let entries = std::fs::read_dir(folder.join(name)).into_iter().flatten().flatten();
        let mut files = entries.map(|entry| entry.path());
        let found = files.find(|path| path.to_string_lossy().ends_with("-server"));
        found.unwrap_or_else(|| {
            panic!("SABOT_REQUIRE asks for {name}, and it is not in {}", folder.display())
        })
    };
    let mut servers: Vec<PathBuf> = required.map(server_in).collect();
    servers.sort();
    servers.extend(redis_server());
    servers
}

/// Those of these versions. Without one the test prints that it is skipped.
#[allow(dead_code)]
pub fn servers_of(versions: &[(u32, u32)]) -> Vec<PathBuf> {
    let mut servers = real_servers();
    servers.retain(|server| versions.contains(&version(server)));
    if servers.is_empty() {
        eprintln!("SKIPPED: needs a server of one of these versions: {versions:?}");
    }
    servers
}

/// Major and minor version, from `--version`.
#[allow(dead_code)]
pub fn version(redis_server: &Path) -> (u32, u32) {
    let output = Command::new(redis_server).arg("--version").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split("v=").nth(1).unwrap_or_default().split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => panic!("{} says no version: {text}", redis_server.display()),
    }
}

/// The arguments that enable DEBUG; none up to 6.2, which has no such directive.
#[allow(dead_code)]
pub fn debug_arguments(redis_server: &Path) -> Vec<&'static str> {
    match version(redis_server) {
        (7.., _) => vec!["--enable-debug-command", "yes"],
        _ => Vec::new(),
    }
}
