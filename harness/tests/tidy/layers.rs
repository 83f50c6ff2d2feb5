//! Who may use whom: the table of ARCHITECTURE.md, held.
//!
//! A room is a module right below the root of a package. Edges are read from paths that begin with
//! `crate` or climb to the root with `super`, and from the name of the other package.

use crate::assert_tidy;
use crate::sources::{Source, code, files};

/// The rooms of the server core, each with the rooms it may use besides itself.
const CORE: &[(&str, &[&str])] = &[
    ("os", &[]),
    ("generation", &[]),
    ("text", &[]),
    ("clock", &["os"]),
    ("log", &["os", "generation"]),
    ("config", &["os", "generation", "text", "log"]),
    ("resp", &["text"]),
    ("keyspace", &["os", "generation", "text"]),
    ("rio", FOUNDATION),
    ("bio", FOUNDATION),
    ("child", FOUNDATION),
    ("child_info", BELOW_CHILD_INFO),
    ("latency", BELOW_CHILD_INFO),
    ("env", BELOW_ENV),
    ("rdb", BELOW_RDB),
    ("aof", BELOW_AOF),
    ("command", BELOW_AOF),
    ("networking", BELOW_NETWORKING),
    ("server", BELOW_SERVER),
    ("event_loop", ALL_CORE),
    ("main", &["sabot_server"]),
    ("lib", ALL_CORE),
];

const FOUNDATION: &[&str] =
    &["os", "generation", "clock", "config", "text", "resp", "keyspace", "log"];

const BELOW_CHILD_INFO: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
];

const BELOW_ENV: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
];

const BELOW_RDB: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
    "env",
];

const BELOW_AOF: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
    "env",
    "rdb",
];

const BELOW_NETWORKING: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
    "env",
    "rdb",
    "command",
];

const BELOW_SERVER: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
    "env",
    "rdb",
    "aof",
    "command",
    "networking",
];

const ALL_CORE: &[&str] = &[
    "os",
    "generation",
    "clock",
    "config",
    "text",
    "resp",
    "keyspace",
    "log",
    "rio",
    "bio",
    "child",
    "child_info",
    "latency",
    "env",
    "rdb",
    "aof",
    "command",
    "networking",
    "server",
    "event_loop",
];

/// The rooms of the harness; `sabot_server` is the other package. A room below a room has a line of
/// its own where it may use more, or must not use what its parent may.
const HARNESS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("profile", &["kernel"]),
    ("world", &["kernel", "profile"]),
    ("world/sim", &["kernel", "profile", "sabot_server"]),
    ("observation", &["kernel", "profile", "world"]),
    ("contract", &["observation"]),
    ("exit", &["contract"]),
    ("error", &[]),
    ("case", &["kernel", "profile", "world", "observation", "contract"]),
    ("runner", &["kernel", "profile", "world", "observation", "contract", "case"]),
    ("engine", BELOW_ENGINE),
    ("engine/entry", &["exit", "sabot_server"]),
    ("commands", &["contract", "case", "runner", "engine"]),
    ("suite", BELOW_SUITE),
    ("sweep", BELOW_SWEEP),
    ("explain", BELOW_EXPLAIN),
    ("audit", BELOW_AUDIT),
    ("bench", BELOW_BENCH),
    ("report", BELOW_REPORT),
    ("cli", ALL_HARNESS),
    ("api", BELOW_API),
    ("memory", &[]),
    ("main", &["cli", "sabot", "memory"]),
    ("lib", ALL_HARNESS),
];

const BELOW_ENGINE: &[&str] = &["error", "exit", "profile", "world", "contract", "case", "runner"];

const BELOW_SUITE: &[&str] = &["error", "exit", "world", "contract", "case", "runner", "engine"];

const BELOW_SWEEP: &[&str] =
    &["error", "kernel", "world", "observation", "contract", "case", "runner", "engine"];

const BELOW_EXPLAIN: &[&str] =
    &["kernel", "contract", "case", "runner", "suite", "engine", "sweep"];

const BELOW_AUDIT: &[&str] = &[
    "error", "exit", "kernel", "contract", "case", "runner", "suite", "engine", "sweep", "explain",
];

const BELOW_BENCH: &[&str] = &["kernel", "profile", "world", "case", "runner", "engine", "sweep"];

const BELOW_REPORT: &[&str] = &[
    "error",
    "exit",
    "kernel",
    "world",
    "observation",
    "profile",
    "contract",
    "case",
    "runner",
    "suite",
    "sweep",
    "explain",
    "audit",
    "bench",
    "commands",
];

const BELOW_API: &[&str] =
    &["error", "contract", "case", "runner", "engine", "suite", "sweep", "report"];

const ALL_HARNESS: &[&str] = &[
    "kernel",
    "profile",
    "world",
    "observation",
    "contract",
    "exit",
    "error",
    "case",
    "runner",
    "engine",
    "suite",
    "sweep",
    "explain",
    "audit",
    "bench",
    "commands",
    "report",
    "cli",
    "api",
];

#[test]
fn no_room_of_the_core_uses_one_that_it_must_not_know() {
    assert_tidy(package("src/", CORE));
}

#[test]
fn no_room_of_the_harness_uses_one_that_it_must_not_know() {
    assert_tidy(package("harness/src/", HARNESS));
}

/// The command is tested by running it; what else a test needs belongs into a room below.
#[test]
fn no_test_uses_the_command_as_a_library() {
    let tests = files(&[".rs"]).into_iter().filter(|file| file.path.starts_with("harness/tests/"));
    let users = tests.filter(uses_cli).map(|file| file.path);
    assert_tidy(users.map(|path| format!("{path}: a test must not use sabot::cli")).collect());
}

#[test]
fn a_test_that_uses_the_command_is_seen() {
    let uses = |text| uses_cli(&Source::example("harness/tests/a.rs", text));
    assert!(uses("use sabot::cli::conform::table;"));
    assert!(uses("use sabot::{\n    api::Case,\n    cli,\n};"));
    assert!(uses("fn f() {\n    sabot::cli::main();\n}"));
    assert!(!uses("use sabot::client; // sabot::cli"));
}

fn uses_cli(source: &Source) -> bool {
    let text: String = source.text.lines().map(|line| format!("{}\n", code(line))).collect();
    let text = text.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let mut rests = text.split("sabot::").skip(1);
    rests.any(|rest| match rest.strip_prefix('{') {
        Some(group) => group_heads(group).contains(&"cli".to_string()),
        None => identifier(rest) == "cli",
    })
}

#[test]
fn a_forbidden_edge_is_seen_however_it_is_written() {
    let bad = |path: &str, text: &str| edges(&Source::example(path, text), "src/", HARNESS);
    let complaint =
        |path: &str, n, from: &str, to: &str| vec![format!("{path}:{n}: {from} must not use {to}")];
    let path = "src/kernel/disk/page.rs";
    assert_eq!(bad(path, "//!\nuse crate::case::Script;"), complaint(path, 2, "kernel", "case"));
    assert_eq!(bad(path, "fn f(_: crate::cli::Args) {}"), complaint(path, 1, "kernel", "cli"));
    assert_eq!(
        bad(path, "use crate::{\n    world::World,\n};"),
        complaint(path, 1, "kernel", "world")
    );
    assert_eq!(
        bad(path, "use super::super::super::report;"),
        complaint(path, 1, "kernel", "report")
    );
    assert_eq!(
        bad(path, "use sabot_server::os::Os;"),
        complaint(path, 1, "kernel", "sabot_server")
    );
    assert!(
        bad(path, "use super::super::plan; // crate::case\nuse crate::kernel::Time;").is_empty()
    );
    assert!(bad("src/world/sim/os.rs", "use sabot_server::os::Os;").is_empty());
    let path = "src/world/supervised/a.rs";
    assert_eq!(bad(path, "use sabot_server::os;"), complaint(path, 1, "world", "sabot_server"));
    assert_eq!(bad("src/new/a.rs", ""), ["src/new/a.rs: the room new is not in the table"]);
}

fn package(top: &str, table: &[(&str, &[&str])]) -> Vec<String> {
    let inside = files(&[".rs"]).into_iter().filter(|source| source.path.starts_with(top));
    inside.flat_map(|source| edges(&source, top, table)).collect()
}

/// What `source` uses and its room must not know.
fn edges(source: &Source, top: &str, table: &[(&str, &[&str])]) -> Vec<String> {
    let path = &source.path;
    let inside = path.strip_prefix(top).unwrap_or(path).trim_end_matches(".rs");
    let parts: Vec<&str> = inside.split('/').filter(|part| *part != "mod").collect();
    let entry = |name: &str| table.iter().find(|(room, _)| *room == name);
    let below = parts.get(..2).map(|two| two.join("/"));
    let Some((_, allowed)) = below.and_then(|room| entry(&room)).or_else(|| entry(parts[0])) else {
        return vec![format!("{path}: the room {} is not in the table", parts[0])];
    };
    let text: String = source.text.lines().map(|line| format!("{}\n", code(line))).collect();
    let mut complaints = Vec::new();
    for (at, used) in uses(&text, parts.len()) {
        let known = entry(&used).is_some() || used == "sabot_server";
        if known && used != parts[0] && !allowed.contains(&used.as_str()) {
            let n = text[..at].matches('\n').count() + 1;
            complaints.push(format!("{path}:{n}: {} must not use {used}", parts[0]));
        }
    }
    complaints
}

/// The modules at the root that the code of a module `depth` levels below it mentions, with their
/// places.
fn uses(text: &str, depth: usize) -> Vec<(usize, String)> {
    let climb = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", climb.as_str(), "sabot_server"] {
        for (at, _) in text.match_indices(prefix) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &text[at + prefix.len()..];
            let names = match (prefix, rest.strip_prefix('{')) {
                ("sabot_server", _) if rest.starts_with("::") => vec!["sabot_server".to_string()],
                ("sabot_server", _) => Vec::new(),
                (_, Some(group)) => group_heads(group),
                (_, None) => vec![identifier(rest)],
            };
            found.extend(names.into_iter().map(|name| (at, name)));
        }
    }
    found
}

/// The first names of the paths in a group whose opening brace has been read.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = vec![identifier(group.trim_start())];
    let mut open = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 1 => break,
            '}' => open -= 1,
            ',' if open == 1 => heads.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
