//! A user's redis.conf as lines of a case.
//!
//! Its directives come before each case's own, which win. What the harness decides itself (where
//! the server listens, where its files are, who may talk to it) is left out and named. Must not
//! know: what a directive means.

use std::path::{Path, PathBuf};

use crate::case;
use crate::error::cannot;

/// Why a redis.conf cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConf {
    /// With the file and the reason.
    #[error("{0}")]
    Unreadable(String),
    #[error("{place}: {why}")]
    Wrong {
        /// `redis.conf:12`, or a file as a whole.
        place: String,
        why: String,
    },
}

impl BadConf {
    pub fn new(place: impl Into<String>, why: impl Into<String>) -> BadConf {
        BadConf::Wrong { place: place.into(), why: why.into() }
    }
}

/// One directive with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// `redis.conf:12`.
    pub place: String,
    /// As it stands in the file, with single blanks.
    pub text: String,
}

/// The file and those that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    pub path: String,
    pub kept: Vec<Given>,
    /// With the reason.
    pub dropped: Vec<(Given, &'static str)>,
}

/// How deep files may include each other, as a limit for those that include themselves.
const DEPTH: usize = 8;

const LISTENS: &str = "the harness talks to the server through a socket of its own";
const FILES: &str = "the harness knows the server's files by their usual names and place";
const PROCESS: &str = "the harness starts the server and reads its log itself";
const ACCESS: &str = "the harness must be able to log in and to ask CONFIG, DEBUG and INFO";
const ALONE: &str = "one server runs alone: replication and cluster are not covered";
const MODULES: &str = "modules are not covered";
const BLANKS: &str = "a word with blanks or quotes in it cannot be said in a case";

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

impl Conf {
    pub fn open(path: &Path) -> Result<Conf, BadConf> {
        let mut conf = Conf { path: path.display().to_string(), ..Conf::default() };
        conf.include(path, 0)?;
        Ok(conf)
    }

    fn include(&mut self, path: &Path, depth: usize) -> Result<(), BadConf> {
        let bytes =
            std::fs::read(path).map_err(|why| BadConf::Unreadable(cannot("read", path, &why)))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| BadConf::new(path.display().to_string(), "it is no text in UTF-8"))?;
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{}:{number}", path.display());
            let refuse = |why: &str| BadConf::new(&*place, why);
            let words = words(line).map_err(refuse)?;
            match words.as_slice() {
                [] => {}
                [name] => return Err(refuse(&format!("{name} has no value"))),
                [name, rest @ ..] if name.eq_ignore_ascii_case("include") => {
                    if depth == DEPTH {
                        return Err(refuse("files include each other too deeply"));
                    }
                    for file in rest {
                        self.include(&PathBuf::from(file), depth + 1)?;
                    }
                }
                _ => self.take(place, &words)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, place: String, words: &[String]) -> Result<(), BadConf> {
        let name = words[0].to_ascii_lowercase();
        let text = match &words[1..] {
            [only] if only.is_empty() => format!("{name} \"\""),
            more => format!("{name} {}", more.join(" ")),
        };
        let given = Given { place, text };
        let owned = OWNED.iter().find(|(owned, _)| match owned.strip_suffix('*') {
            Some(opening) => name.starts_with(opening),
            None => name == *owned,
        });
        let odd = |word: &String| word.contains([' ', '\t', '"', '\'', '\\']);
        let lonely = words.len() > 2 && words[1..].iter().any(String::is_empty);
        if let Some((_, why)) = owned {
            self.dropped.push((given, why));
        } else if lonely || words[1..].iter().any(odd) {
            self.dropped.push((given, BLANKS));
        } else {
            let line = format!("config {}\n> PING\n", given.text);
            let parsed = case::parse(&given.place, &line).map(drop);
            parsed.map_err(|bad| BadConf::new(&*given.place, bad.to_string()))?;
            self.kept.push(given);
        }
        Ok(())
    }

    /// The opening of a case that runs under it.
    pub fn lines(&self) -> String {
        self.kept.iter().map(|given| format!("config {}\n", given.text)).collect()
    }
}

/// The words of a line as Redis splits them.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    const UNBALANCED: &str = "a quote is not closed, or something stands right behind it";
    let line = line.trim();
    let mut words = Vec::new();
    if line.starts_with('#') {
        return Ok(words);
    }
    let mut rest = line.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            ' ' | '\t' => continue,
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                loop {
                    match rest.next().ok_or(UNBALANCED)? {
                        c if c == quote => break,
                        '\\' => {
                            word.push('\\');
                            word.push(rest.next().ok_or(UNBALANCED)?);
                        }
                        c => word.push(c),
                    }
                }
                if rest.peek().is_some_and(|c| !c.is_whitespace()) {
                    return Err(UNBALANCED);
                }
                words.push(word);
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Conf, BadConf> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("redis.conf");
        std::fs::write(&path, text).expect("a new file");
        std::fs::write(folder.path().join("more.conf"), "hz 50\n").expect("a new file");
        Conf::open(&path)
    }

    #[test]
    fn directives_become_lines_of_a_case_and_the_harness_keeps_its_own() {
        let text = "# words\n\nAppendonly yes\nsave 900 1\nsave \"\"\nport 6379\ndir \"/var/lib\"\n\
                    proc-title-template \"{title} {listen-addr}\"\ntls-port 1\n";
        let conf = read(text).expect("a good file");
        assert_eq!(conf.lines(), "config appendonly yes\nconfig save 900 1\nconfig save \"\"\n");
        let dropped: Vec<&str> = conf.dropped.iter().map(|(given, _)| &*given.text).collect();
        let title = "proc-title-template {title} {listen-addr}";
        assert_eq!(dropped, ["port 6379", "dir /var/lib", title, "tls-port 1"]);
        assert!(conf.dropped[0].0.place.ends_with("redis.conf:6"), "{:?}", conf.dropped[0]);
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        for (text, reason) in [
            ("hz 1\nsave \"900\n", "redis.conf:2: a quote is not closed"),
            ("appendonly\n", "redis.conf:1: appendonly has no value"),
            ("include no/such/file\n", "cannot read no/such/file"),
        ] {
            let why = read(text).expect_err(text).to_string();
            assert!(why.contains(reason), "{why}");
        }
    }
}
