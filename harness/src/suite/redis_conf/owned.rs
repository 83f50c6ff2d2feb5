//! Directives that the harness decides itself, each with the reason.
//!
//! Must not know: where they were given.

const LISTENS: &str = "the harness talks to the server through a socket of its own";
const FILES: &str = "the harness knows the server's files by their usual names and place";
const PROCESS: &str = "the harness starts the server and reads its log itself";
const ACCESS: &str = "the harness must be able to log in and to ask CONFIG, DEBUG and INFO";
const ALONE: &str = "one server runs alone: replication and cluster are not covered";
const MODULES: &str = "modules are not covered";

/// What the harness owns; a `*` at the end stands for any rest.
const OWNED: [(&str, &str); 35] = [
    ("port", LISTENS),
    ("bind", LISTENS),
    ("bind-source-addr", LISTENS),
    ("protected-mode", LISTENS),
    ("unixsocket", LISTENS),
    ("unixsocketperm", LISTENS),
    ("tls-*", LISTENS),
    ("dir", FILES),
    ("dbfilename", FILES),
    ("appendfilename", FILES),
    ("appenddirname", FILES),
    ("daemonize", PROCESS),
    ("supervised", PROCESS),
    ("pidfile", PROCESS),
    ("logfile", PROCESS),
    ("loglevel", PROCESS),
    ("syslog-*", PROCESS),
    ("requirepass", ACCESS),
    ("aclfile", ACCESS),
    ("user", ACCESS),
    ("rename-command", ACCESS),
    ("enable-debug-command", ACCESS),
    ("enable-protected-configs", ACCESS),
    ("replicaof", ALONE),
    ("slaveof", ALONE),
    ("masterauth", ALONE),
    ("masteruser", ALONE),
    ("primaryauth", ALONE),
    ("primaryuser", ALONE),
    ("cluster-*", ALONE),
    ("loadmodule", MODULES),
    ("loadmodule-*", MODULES),
    ("enable-module-command", MODULES),
    ("bgsave_cpulist", PROCESS),
    ("server_cpulist", PROCESS),
];

/// Why a directive, in lower case, is not the user's to give.
pub fn why(name: &str) -> Option<&'static str> {
    let fits = |owned: &str| match owned.strip_suffix('*') {
        Some(opening) => name.starts_with(opening),
        None => name == owned,
    };
    OWNED.iter().find(|(owned, _)| fits(owned)).map(|(_, why)| *why)
}
