//! A user's redis.conf as lines of a case.
//!
//! Its directives come before each case's own, which win. What the harness decides itself (where
//! the server listens, where its files are, who may talk to it) is left out and named. Must not
//! know: what a directive means.

mod owned;
mod policy;
mod start;
mod under;

use std::path::{Path, PathBuf};

use crate::case;
use crate::error::cannot;
use crate::world::Directive;
use crate::world::quoting::split;

pub use policy::Policy;
pub use start::{NotUnder, starts_under};
pub use under::Under;

/// Why a directive is left out that the harness would let the user decide.
const UNSAYABLE: &str = "a server cannot be given this value as arguments";

const UNBALANCED: &str = "a quote is not closed, or something stands right behind it";

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
    /// As it stands in the file, with single blanks and no more quotes than needed.
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

/// What a pattern is told by, as in Redis.
const WILD: [char; 3] = ['*', '?', '['];

impl Conf {
    /// Reads the file and all that it includes.
    ///
    /// # Errors
    /// Says what is wrong, in which file and line.
    pub fn open(path: &Path) -> Result<Conf, BadConf> {
        let mut conf = Conf { path: path.display().to_string(), ..Conf::default() };
        conf.read(path, &mut Vec::new())?;
        Ok(conf)
    }

    /// Reads one file; `within` are those that have led to it.
    fn read(&mut self, path: &Path, within: &mut Vec<PathBuf>) -> Result<(), BadConf> {
        let unreadable = |why| BadConf::Unreadable(cannot("read", path, &why));
        let full = path.canonicalize().map_err(unreadable)?;
        if within.contains(&full) {
            return Err(BadConf::Unreadable(format!("{} includes itself", path.display())));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| BadConf::new(path.display().to_string(), "it is no text in UTF-8"))?;
        within.push(full);
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{}:{number}", path.display());
            let refuse = |why: &str| BadConf::new(&*place, why);
            let words = match line.trim_start().starts_with('#') {
                true => Vec::new(),
                false => split(line.as_bytes()).ok_or_else(|| refuse(UNBALANCED))?,
            };
            let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
            let names: Vec<String> = words.iter().map(text).collect();
            match names.as_slice() {
                [] => {}
                [name] => return Err(refuse(&format!("{name} has no value"))),
                [name, rest @ ..] if name.eq_ignore_ascii_case("include") => {
                    rest.iter().try_for_each(|file| self.include(&place, file, within))?;
                }
                _ => self.take(place, &words)?,
            }
        }
        within.pop();
        Ok(())
    }

    /// What one `include` names: a file, or all files of a pattern, of which there may be none. As
    /// in Redis, a relative path begins in the working directory (`loadServerConfig` in config.c).
    fn include(
        &mut self,
        place: &str,
        file: &str,
        within: &mut Vec<PathBuf>,
    ) -> Result<(), BadConf> {
        let files = match file.contains(WILD) {
            false => vec![PathBuf::from(file)],
            true => matching(file).map_err(|why| BadConf::new(place, why))?,
        };
        files.iter().try_for_each(|file| {
            self.read(file, within).map_err(|why| match why {
                BadConf::Unreadable(why) => BadConf::new(place, why),
                wrong => wrong,
            })
        })
    }

    fn take(&mut self, place: String, words: &[Vec<u8>]) -> Result<(), BadConf> {
        let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
        let value = case::lex::quote(&words[1..]);
        let given = Given { place, text: format!("{name} {value}") };
        if let Some(why) = owned::why(&name) {
            self.dropped.push((given, why));
        } else if (Directive { name, value }).words().is_err() {
            self.dropped.push((given, UNSAYABLE));
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

/// The files of a pattern, by name.
fn matching(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let found =
        glob::glob(pattern).map_err(|why| format!("{pattern} is not a valid pattern: {why}"))?;
    let files = found.map(|file| file.map_err(|why| why.to_string()));
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Conf, BadConf> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("redis.conf");
        std::fs::write(&path, text).expect("a new file");
        Conf::open(&path)
    }

    #[test]
    fn directives_become_lines_of_a_case_and_the_harness_keeps_its_own() {
        let text = "# words\n\nAppendonly yes\nsave 900 1\nsave \"\"\nport 6379\ndir \"/var/lib\"\n\
                    proc-title-template \"{title} {listen-addr}\"\ntls-port 1\n\
                    locale-collate \"--a\"\n";
        let conf = read(text).expect("a good file");
        let lines = "config appendonly yes\nconfig save 900 1\nconfig save \"\"\n\
                     config proc-title-template \"{title} {listen-addr}\"\n";
        assert_eq!(conf.lines(), lines);
        let dropped: Vec<&str> = conf.dropped.iter().map(|(given, _)| &*given.text).collect();
        let odd = "locale-collate --a";
        assert_eq!(dropped, ["port 6379", "dir /var/lib", "tls-port 1", odd]);
        assert!(conf.dropped[0].0.place.ends_with("redis.conf:6"), "{:?}", conf.dropped[0]);
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        for (text, reason) in [
            ("hz 1\nsave \"900\n", "redis.conf:2: a quote is not closed"),
            ("appendonly\n", "redis.conf:1: appendonly has no value"),
            ("\ninclude no/such/file\n", "redis.conf:2: cannot read no/such/file"),
            ("include [\n", "redis.conf:1: [ is not a valid pattern"),
        ] {
            let why = read(text).expect_err(text).to_string();
            assert!(why.contains(reason), "{why}");
        }
    }

    #[test]
    fn a_pattern_includes_its_files_by_name_and_may_have_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("a new file");
        };
        let at = |name: &str| folder.path().join(name).display().to_string();
        write("2.conf", "hz 20\n");
        write("1.conf", "hz 10\n");
        let main = format!("include {}\nhz 30\ninclude {}\n", at("?.conf"), at("none/*.conf"));
        write("redis.conf", &main);
        let open = || Conf::open(&folder.path().join("redis.conf"));
        let conf = open().expect("a good file");
        assert_eq!(conf.lines(), "config hz 10\nconfig hz 20\nconfig hz 30\n");
        write("2.conf", "\nhz\n");
        let why = open().expect_err("hz needs a value").to_string();
        assert!(why.ends_with("2.conf:2: hz has no value"), "{why}");
        write("2.conf", &format!("include {}\n", at("*.conf")));
        let why = open().expect_err("a circle").to_string();
        assert!(why.contains("2.conf:1: ") && why.ends_with("includes itself"), "{why}");
    }
}
