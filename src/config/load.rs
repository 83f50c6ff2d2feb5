//! Reads the configuration at start: a file in redis.conf syntax, then `--directive value …` from
//! the command line, appended as further lines (Redis: `main`, `loadServerConfig`).
//!
//! Must not know: what happens with the configuration afterwards.

use std::collections::BTreeMap;

use super::Config;
use super::directive::bad_directive;
use super::directives::find;
use crate::generation::{Generation, WordLists};
use crate::log::{Level, Log};
use crate::os::{OFlag, Os, STDERR, strerror};
use crate::text::{quote, split_args};

/// The configuration could not be loaded, and the reason has been printed. Holds the exit code.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub i32);

/// Loads the configuration from `args`; `args[0]` is the program's name.
pub fn load(
    os: &mut dyn Os,
    generation: &'static Generation,
    args: &[String],
) -> Result<Config, Refused> {
    let mut config = Config::of(generation);
    if args.len() > 1 && generation.word_lists == WordLists::NonEmpty {
        config.save.clear();
    }
    let mut rest = args.get(1..).unwrap_or_default();
    let mut text = Vec::new();
    if let Some(path) = rest.first().filter(|first| !first.starts_with("--")) {
        config.config_file = absolute(os, path);
        text = read_file(os, path)?;
        rest = &rest[1..];
    }
    text.push(b'\n');
    text.extend(options(generation, rest).into_bytes());
    let mut seen = Seen::default();
    load_text(os, &mut config, &text, &mut seen)?;
    if let Some(refusal) = seen.unserved.into_values().next() {
        say(os, &refusal);
        return Err(Refused(1));
    }
    Ok(config)
}

/// Directives that were given a value which this server cannot serve, with what is said of them. A
/// later line may give another value, and the last one counts: `--daemonize no` overrides a file
/// that was written for a service.
type Unserved = BTreeMap<&'static str, String>;

/// What the lines so far have given.
#[derive(Default)]
struct Seen {
    unserved: Unserved,
    save_points: bool,
}

/// `--port 6380 --save ""` as lines of a configuration file.
fn options(generation: &Generation, args: &[String]) -> String {
    let mut lines = String::with_capacity(args.iter().map(|arg| arg.len() + 3).sum());
    for (index, arg) in args.iter().enumerate() {
        match arg.strip_prefix("--") {
            Some(name) if lines.is_empty() => lines.extend([name, " "]),
            Some(name) => lines.extend(["\n", name, " "]),
            None => lines.extend([&quote(arg.as_bytes()), " "]),
        }
        let alone = args.get(index + 1).is_none_or(|next| next.starts_with("--"));
        let save = arg.eq_ignore_ascii_case("--save") && alone;
        if save && generation.word_lists == WordLists::Any {
            lines.push_str("\"\"");
        }
    }
    lines
}

fn absolute(os: &mut dyn Os, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_string();
    }
    format!("{}/{path}", os.getcwd().unwrap_or_default())
}

fn read_file(os: &mut dyn Os, path: &str) -> Result<Vec<u8>, Refused> {
    let mut read = || -> Result<Vec<u8>, crate::os::Errno> {
        let fd = os.open(path, OFlag::O_RDONLY, 0)?;
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        let end = loop {
            match os.read(fd, &mut chunk) {
                Ok(0) => break Ok(text),
                Ok(count) => text.extend_from_slice(&chunk[..count]),
                Err(errno) => break Err(errno),
            }
        };
        let _ = os.close(fd);
        end
    };
    read().map_err(|errno| {
        let reason = strerror(errno);
        let message = format!("Fatal error, can't open config file '{path}': {reason}");
        early_log().line(os, Level::Warning, &message);
        Refused(1)
    })
}

/// The log before there is a configuration. Redis has not stored its own pid yet, so it logs with a
/// child's role, `C`.
fn early_log() -> Log {
    Log { level: Level::Notice, file: String::new(), role: 'C' }
}

/// `*** FATAL CONFIG FILE ERROR ***` goes to standard error, as in Redis.
fn say(os: &mut dyn Os, text: &str) {
    let _ = os.write(STDERR, text.as_bytes());
}

fn load_text(
    os: &mut dyn Os,
    config: &mut Config,
    text: &[u8],
    seen: &mut Seen,
) -> Result<(), Refused> {
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let number = number + 1;
        let loaded = load_line(os, config, line, seen)?;
        let refusal = |reason: &str| fatal(config.generation, number, line, reason);
        match loaded {
            Loaded::Done => {}
            Loaded::Served(name) => drop(seen.unserved.remove(name)),
            Loaded::Unserved(name, reason) => drop(seen.unserved.insert(name, refusal(&reason))),
            Loaded::Refused(reason) => {
                say(os, &refusal(&reason));
                return Err(Refused(1));
            }
        }
    }
    Ok(())
}

/// What is said of a line that is refused.
fn fatal(generation: &Generation, number: usize, line: &[u8], reason: &str) -> String {
    let (line, version) = (String::from_utf8_lossy(line), generation.version);
    format!(
        "\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n\
         Reading the configuration file, at line {number}\n>>> '{line}'\n{reason}\n"
    )
}

/// What became of a line.
enum Loaded {
    Done,
    /// A directive of which one value can be served, with that one.
    Served(&'static str),
    /// The same with another one, and why that is not served.
    Unserved(&'static str, String),
    Refused(String),
}

impl From<Result<(), String>> for Loaded {
    fn from(loaded: Result<(), String>) -> Loaded {
        loaded.map_or_else(Loaded::Refused, |()| Loaded::Done)
    }
}

/// Loads one line.
fn load_line(
    os: &mut dyn Os,
    config: &mut Config,
    line: &[u8],
    seen: &mut Seen,
) -> Result<Loaded, Refused> {
    let refused = |reason: String| Ok(Loaded::Refused(reason));
    let Some(words) = split_args(line) else {
        return refused("Unbalanced quotes in configuration line".to_string());
    };
    let words: Vec<String> = words.into_iter().map(text_of).collect();
    let Some((name, values)) = words.split_first() else { return Ok(Loaded::Done) };
    if name.eq_ignore_ascii_case("include") {
        let [path] = values else { return refused(bad_directive()) };
        let text = read_file(os, path)?;
        return load_text(os, config, &text, seen).map(|()| Loaded::Done);
    }
    let Some(directive) = find(config.generation, name) else { return refused(bad_directive()) };
    let name = directive.name;
    let first = name == "save" && !std::mem::replace(&mut seen.save_points, true);
    if first && config.generation.word_lists == WordLists::Any {
        config.save.clear();
    }
    match (config.set(directive, values), directive.has_one_value()) {
        (Ok(()), true) => return Ok(Loaded::Served(name)),
        (Err(reason), true) => return Ok(Loaded::Unserved(name, reason)),
        (Err(reason), false) => return refused(reason),
        (Ok(()), false) => {}
    }
    match name {
        "dir" => change_directory(os, config).map(|()| Loaded::Done),
        "logfile" => Ok(try_logfile(os, config).into()),
        _ => Ok(Loaded::Done),
    }
}

/// Replaces bytes that are not UTF-8.
fn text_of(word: Vec<u8>) -> String {
    String::from_utf8(word).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// `dir` takes effect at once: later lines resolve file names in it.
fn change_directory(os: &mut dyn Os, config: &Config) -> Result<(), Refused> {
    let dir = config.dir.as_deref().unwrap_or_default();
    os.chdir(dir).map_err(|errno| {
        let message = format!("Can't chdir to '{dir}': {}", strerror(errno));
        early_log().line(os, Level::Warning, &message);
        Refused(1)
    })
}

fn try_logfile(os: &mut dyn Os, config: &Config) -> Result<(), String> {
    if config.logfile.is_empty() {
        return Ok(());
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
    let fd = os
        .open(&config.logfile, flags, 0o666)
        .map_err(|errno| format!("Can't open the log file: {}", strerror(errno)))?;
    let _ = os.close(fd);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AppendFsync;
    use crate::generation::{REDIS_6_0, REDIS_7_0};

    #[test]
    fn options_become_lines() {
        let args = ["--port", "0", "--save", "", "--save", "60", "1"].map(str::to_string);
        assert_eq!(options(&REDIS_6_0, &args), "port \"0\" \nsave \"\" \nsave \"60\" \"1\" ");
    }

    #[test]
    fn save_without_words_saves_never_since_7_0() {
        let args = ["--save", "60 1", "--save", "--port", "0", "--save"].map(str::to_string);
        let lines = options(&REDIS_7_0, &args);
        assert_eq!(lines, "save \"60 1\" \nsave \"\"\nport \"0\" \nsave \"\"");
        assert!(!options(&REDIS_6_0, &args).contains("\"\""));
        let (old, new) = (Config::of(&REDIS_6_0), Config::of(&REDIS_7_0));
        for (config, word, taken) in
            [(&new, Some("60 1"), true), (&new, None, true), (&old, None, false)]
        {
            let words: Vec<String> = word.into_iter().map(str::to_string).collect();
            let directive = find(config.generation, "save").expect("known");
            assert_eq!(config.clone().set(directive, &words).is_ok(), taken, "{words:?}");
        }
    }

    #[test]
    fn lines_set_directives() {
        let mut config = Config { save: Vec::new(), ..Config::default() };
        for line in ["APPENDONLY yes", "appendfsync always", "save 900 1", "slave-priority 5"] {
            let words = split_args(line.as_bytes()).expect("balanced");
            let words: Vec<String> =
                words.into_iter().map(|word| String::from_utf8(word).expect("text")).collect();
            let directive = find(config.generation, &words[0]).expect("known");
            assert_eq!(config.set(directive, &words[1..]), Ok(()), "{line}");
        }
        assert!(config.appendonly);
        assert_eq!(config.appendfsync, AppendFsync::Always);
        assert_eq!(config.save, [(900, 1)]);
        assert_eq!(config.matching(b"replica-priority")[0].1, "5");
    }
}
