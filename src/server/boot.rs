//! Starts the server, in the order of Redis' `main`: log lines, sockets, AOF, background threads,
//! loading, "Ready".
//!
//! Must not know: the event loop.

use super::Server;
use crate::aof::{CannotLoad, LoadResult, State};
use crate::clock::{time, ustime};
use crate::config::Config;
use crate::networking::{Listener, Transport};
use crate::os::{Errno, Interest, OFlag, Os, strerror};
use crate::text::hex;

/// The server cannot start, and the reason has been logged. Holds the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct CannotStart(pub i32);

/// The addresses to bind without `bind`. In `protected-mode` Redis binds all addresses and rejects
/// clients from outside; here client addresses are not known, so only the loopback is bound.
fn default_addresses(config: &Config) -> [&'static str; 2] {
    if config.protected_mode { ["::1", "127.0.0.1"] } else { ["::", "0.0.0.0"] }
}

impl Server {
    /// Everything up to the line "Ready to accept connections".
    pub fn boot(&mut self, os: &mut dyn Os, args: &[String]) -> Result<(), CannotStart> {
        self.update_cached_time(os);
        self.keyspace.access.create_shared_integers(self.time.mstime());
        self.run_id = random_hex(os);
        self.log_start(os, args);
        self.init_server(os)?;
        self.create_pid_file(os);
        self.log_banner(os);
        self.warning(os, "Server initialized");
        if self.bio.init(os).is_err() {
            self.warning(os, "Fatal: Can't initialize Background Jobs.");
            return Err(CannotStart(1));
        }
        let (aof, _, mut env) = self.persistence(os);
        aof.before_load(&mut env);
        self.load_data_from_disk(os)?;
        let (aof, keyspace, mut env) = self.persistence(os);
        aof.after_load(&mut env, keyspace);
        self.log_ready(os);
        self.warn_of_small_maxmemory(os);
        Ok(())
    }

    /// The first lines have the role of a child, because Redis has not stored its own pid yet.
    fn log_start(&mut self, os: &mut dyn Os, args: &[String]) {
        self.log.role = 'C';
        let (pid, version) = (os.getpid(), self.config.generation.version);
        self.warning(os, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
        self.warning(
            os,
            &format!(
                "Redis version={version}, bits=64, commit=00000000, modified=0, pid={pid}, \
                 just started"
            ),
        );
        match args {
            [] | [_] => {
                let program = args.first().map_or("sabot-server", String::as_str);
                self.warning(
                    os,
                    &format!(
                        "Warning: no config file specified, using the default config. In order to \
                         specify a config file use {program} /path/to/redis.conf"
                    ),
                );
            }
            _ => self.warning(os, "Configuration loaded"),
        }
        self.log.role = 'M';
    }

    /// Redis: `initServer`.
    fn init_server(&mut self, os: &mut dyn Os) -> Result<(), CannotStart> {
        self.start_time = self.time.unixtime();
        // The start counts as a save.
        self.rdb.lastsave = time(os);
        self.epoll = os.epoll_create().map_err(|errno| {
            let reason = strerror(errno);
            self.warning(os, &format!("Failed creating the event loop. Error message: '{reason}'"));
            CannotStart(1)
        })?;
        self.listen(os)?;
        for listener in &self.clients.listeners {
            self.children.close_first.push(listener.fd);
            if os.epoll_ctl(self.epoll, listener.fd, Interest::READABLE).is_err() {
                self.warning(os, "Unrecoverable error creating a listening socket's file event.");
                return Err(CannotStart(1));
            }
        }
        if self.aof.state == State::On {
            let (aof, _, mut env) = self.persistence(os);
            if let Err(errno) = aof.open(&mut env) {
                let reason = strerror(errno);
                self.warning(os, &format!("Can't open the append-only file: {reason}"));
                return Err(CannotStart(1));
            }
        }
        Ok(())
    }

    fn listen(&mut self, os: &mut dyn Os) -> Result<(), CannotStart> {
        self.clients.unixsocket = self.config.unixsocket.clone().unwrap_or_default();
        if self.config.port != 0 {
            self.listen_to_port(os)?;
        }
        if let Some(path) = self.config.unixsocket.clone() {
            match os.listen_unix(&path, self.config.tcp_backlog) {
                Ok(fd) => self.clients.listeners.push(Listener { fd, transport: Transport::Unix }),
                Err(errno) => {
                    let reason = strerror(errno);
                    self.warning(os, &format!("Opening Unix socket: bind: {reason}"));
                    return Err(CannotStart(1));
                }
            }
        }
        if self.clients.listeners.is_empty() {
            self.warning(os, "Configured to not listen anywhere, exiting.");
            return Err(CannotStart(1));
        }
        Ok(())
    }

    /// Redis: `listenToPort`. An IPv6 default address may be unavailable.
    fn listen_to_port(&mut self, os: &mut dyn Os) -> Result<(), CannotStart> {
        let by_default = self.config.bind.is_empty();
        let addresses: Vec<String> = match by_default {
            true => default_addresses(&self.config).map(str::to_string).to_vec(),
            false => self.config.bind.clone(),
        };
        for address in &addresses {
            let optional = address.strip_prefix('-');
            let optional = optional.filter(|_| self.config.generation.optional_addresses);
            let address = optional.unwrap_or(address);
            match os.listen_tcp(address, self.config.port, self.config.tcp_backlog) {
                Ok(fd) => self.clients.listeners.push(Listener { fd, transport: Transport::Tcp }),
                Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)
                    if by_default && address.contains(':') =>
                {
                    self.warning(os, "Not listening to IPv6: unsupported");
                }
                Err(errno @ (Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)) if optional.is_some() => {
                    let (port, reason) = (self.config.port, strerror(errno));
                    let what = format!("server TCP listening socket {address}:{port}");
                    self.warning(os, &format!("Warning: Could not create {what}: {reason}"));
                }
                Err(errno) => {
                    let (port, reason) = (self.config.port, strerror(errno));
                    let address = if by_default { "*" } else { address };
                    self.warning(
                        os,
                        &format!(
                            "Could not create server TCP listening socket {address}:{port}: bind: \
                             {reason}"
                        ),
                    );
                    return Err(CannotStart(1));
                }
            }
        }
        Ok(())
    }

    /// Errors are ignored, as in Redis (`createPidFile`).
    fn create_pid_file(&self, os: &mut dyn Os) {
        let Some(path) = &self.config.pidfile else { return };
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        if let Ok(fd) = os.open(path, flags, 0o666) {
            let pid = os.getpid();
            let _ = os.write(fd, format!("{pid}\n").as_bytes());
            let _ = os.close(fd);
        }
    }

    /// Redis' test suite waits for ` PID: <pid>`, which is part of Redis' logo.
    fn log_banner(&self, os: &mut dyn Os) {
        let port = self.config.port;
        self.notice(os, &format!("Running mode=standalone, port={port}."));
        let (pid, version) = (os.getpid(), self.config.generation.version);
        self.notice(os, &format!("sabot-server, after Redis {version}. PID: {pid}"));
    }

    /// With the AOF on, only the AOF is loaded, even if it does not exist and a snapshot does
    /// (Redis: `loadDataFromDisk`).
    fn load_data_from_disk(&mut self, os: &mut dyn Os) -> Result<(), CannotStart> {
        let start = ustime(os);
        let source = if self.aof.state == State::On {
            let loaded = self.load_append_only_file(os).map_err(|CannotLoad| CannotStart(1))?;
            (loaded == LoadResult::Loaded).then_some("append only file")
        } else {
            match self.rdb_load(os, false) {
                Ok(()) => Some("disk"),
                Err(Errno::ENOENT) => None,
                Err(errno) => {
                    let reason = strerror(errno);
                    self.warning(os, &format!("Fatal error loading the DB: {reason}. Exiting."));
                    return Err(CannotStart(1));
                }
            }
        };
        if let Some(source) = source {
            let seconds = (ustime(os) - start) as f32 / 1e6;
            self.notice(os, &format!("DB loaded from {source}: {seconds:.3} seconds"));
        }
        self.take_signals_of_loading(os);
        Ok(())
    }

    fn log_ready(&self, os: &mut dyn Os) {
        if self.clients.listeners.iter().any(|listener| listener.transport == Transport::Tcp) {
            self.notice(os, "Ready to accept connections");
        }
        if let Some(path) = &self.config.unixsocket {
            let line = format!("The server is now ready to accept connections at {path}");
            self.notice(os, &line);
        }
    }

    /// Of a value that was meant in other units (`main`, src/server.c).
    fn warn_of_small_maxmemory(&self, os: &mut dyn Os) {
        let bytes = self.config.maxmemory;
        if (1..1 << 20).contains(&bytes) {
            let what = "WARNING: You specified a maxmemory value that is less than 1MB";
            let ask = "Are you sure this is what you really want?";
            self.warning(os, &format!("{what} (current value is {bytes} bytes). {ask}"));
        }
    }
}

fn random_hex(os: &mut dyn Os) -> String {
    let mut bytes = [0; 20];
    os.getrandom(&mut bytes);
    hex(&bytes)
}
