//! The library of cases: those under `cases/`, found from the working directory upwards or else as
//! they were when this binary was built, and any case file that the user names.
//!
//! Must not know: the language of cases.

use std::io;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use crate::case::script::Script;
use crate::case::{self, BadCase};
use crate::engine::wire::Job;
use crate::engine::worlds::World;

/// The folder of workloads: cases that are swept rather than run, so that none of them has a
/// transcript to compare.
pub const SWEEPS: &str = "sweep";

/// Why there are no cases.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error("cannot tell the working directory: {0}")]
    NoWorkingDirectory(io::Error),
    #[error("there are no cases: cases/ is empty")]
    Empty,
    #[error("no case {word}: neither a file nor a name under cases/{}", near_it(near))]
    NoSuchCase {
        word: String,
        /// The names most like it.
        near: Vec<String>,
    },
    #[error("there are no cases in {}: their names end with .case", .0.display())]
    NothingIn(PathBuf),
    #[error("cannot {verb} {}: {why}", path.display())]
    File { verb: &'static str, path: PathBuf, why: io::Error },
    /// Every case has another policy than the configuration that it was to run under.
    #[error("all of these cases set another policy than the configuration ({policy})")]
    NoneUnder { policy: String },
    #[error("{}: not UTF-8 text: {why}", path.display())]
    NotText { path: PathBuf, why: FromUtf8Error },
    /// With all mistakes of all cases.
    #[error("{}", .0.iter().map(BadCase::to_string).collect::<Vec<_>>().join("\n"))]
    BadCases(Vec<BadCase>),
}

/// One case file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// `folder/name` in the library, or the path without its ending.
    pub name: String,
    /// Where errors point to.
    pub source: String,
    pub text: String,
    /// Whether the user named a file that is not in the library.
    pub own: bool,
    /// So many lines at the beginning of the text are somebody else's: a configuration's.
    pub head: u32,
}

impl CaseFile {
    /// One that is not in the library, still without anything in it.
    pub fn own() -> CaseFile {
        let (name, source, text) = Default::default();
        CaseFile { name, source, text, own: true, head: 0 }
    }

    /// The text without what a configuration has put before it.
    pub fn own_text(&self) -> &str {
        let head = self.text.split_inclusive('\n').take(self.head as usize);
        &self.text[head.map(str::len).sum()..]
    }

    /// Whether this is a workload of the library.
    pub fn is_workload(&self) -> bool {
        !self.own && self.name.split_once('/').is_some_and(|(folder, _)| folder == SWEEPS)
    }
}

/// All cases of the library, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The folder that holds `cases/` and `snapshots/`; None: the cases are those of the binary.
    pub root: Option<PathBuf>,
    pub cases: Vec<CaseFile>,
}

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/cases.rs"));
}

impl Library {
    /// The library as seen from the working directory.
    pub fn open() -> Result<Library, LibraryError> {
        let here = std::env::current_dir().map_err(LibraryError::NoWorkingDirectory)?;
        match here.ancestors().find(|folder| has_cases(&folder.join("cases"))) {
            Some(root) => Library::at(root, &here),
            None => Ok(Library::embedded()),
        }
    }

    /// The library under `root`; sources are shown as seen from `here`.
    pub fn at(root: &Path, here: &Path) -> Result<Library, LibraryError> {
        let mut cases = Vec::new();
        for folder in entries(&root.join("cases"))?.into_iter().filter(|path| path.is_dir()) {
            for path in entries(&folder)?.into_iter().filter(|path| is_case(path)) {
                let name = format!("{}/{}", stem(&folder), stem(&path));
                let source = path.strip_prefix(here).unwrap_or(&path).display().to_string();
                let text = read(&path, &source)?;
                cases.push(CaseFile { name, source, text, own: false, head: 0 });
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Library { root: Some(root.to_path_buf()), cases })
    }

    /// The cases as they were when this was built.
    pub fn embedded() -> Library {
        let case = |(name, text): &(&str, &str)| CaseFile {
            name: (*name).into(),
            source: format!("cases/{name}.case"),
            text: case::attached::attach(name, text, |path| {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let wanted = format!("{folder}/{path}");
                let found = embedded::FILES.iter().find(|(path, _)| *path == wanted);
                found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| "it was not built in".into())
            })
            .expect("what a case takes from a file is built in beside it"),
            own: false,
            head: 0,
        };
        Library { root: None, cases: embedded::CASES.iter().map(case).collect() }
    }

    /// The cases that `words` name, in their order and each once; all that have a story of their
    /// own, when there are no words.
    pub fn select(&self, words: &[String]) -> Result<Vec<CaseFile>, LibraryError> {
        if words.is_empty() {
            let all: Vec<_> = self.cases.iter().filter(|case| !case.is_workload()).collect();
            return match all.as_slice() {
                [] => Err(LibraryError::Empty),
                all => Ok(all.iter().copied().cloned().collect()),
            };
        }
        let mut selected: Vec<CaseFile> = Vec::new();
        for word in words {
            for case in self.find(word)? {
                if !selected.iter().any(|other| other.name == case.name) {
                    selected.push(case);
                }
            }
        }
        Ok(selected)
    }

    /// What one word names: a file, a case of the library, or a folder of it.
    fn find(&self, word: &str) -> Result<Vec<CaseFile>, LibraryError> {
        let path = Path::new(word);
        if path.is_file() {
            return Ok(vec![self.file(path)?]);
        }
        let plain = word.strip_prefix("cases/").unwrap_or(word).trim_end_matches('/');
        let plain = plain.strip_suffix(".case").unwrap_or(plain);
        let fits = |case: &&CaseFile| {
            let (folder, name) = case.name.split_once('/').unwrap_or(("", &case.name));
            case.name == plain || name == plain || folder == plain
        };
        let found: Vec<CaseFile> = self.cases.iter().filter(fits).cloned().collect();
        match found.is_empty() {
            true if path.is_dir() => self.folder(path),
            true => Err(LibraryError::NoSuchCase {
                word: word.to_string(),
                near: near(plain, &self.cases),
            }),
            false => Ok(found),
        }
    }

    /// The cases in a folder of the user's, by name.
    fn folder(&self, folder: &Path) -> Result<Vec<CaseFile>, LibraryError> {
        let mut paths = entries(folder)?;
        paths.retain(|path| is_case(path));
        paths.sort();
        match paths.is_empty() {
            true => Err(LibraryError::NothingIn(folder.to_path_buf())),
            false => paths.iter().map(|path| self.file(path)).collect(),
        }
    }

    /// A case by its path; one of the library keeps its name there.
    fn file(&self, path: &Path) -> Result<CaseFile, LibraryError> {
        let shown = path.display().to_string();
        if let (Some(root), Ok(full)) = (&self.root, path.canonicalize()) {
            let folder = root.join("cases").canonicalize().unwrap_or_default();
            let name = full.strip_prefix(folder).map(|inside| inside.with_extension(""));
            let known = name
                .ok()
                .and_then(|name| self.cases.iter().find(|case| Path::new(&case.name) == name));
            if let Some(case) = known {
                return Ok(CaseFile { source: shown, ..case.clone() });
            }
        }
        let name = shown.strip_suffix(".case").unwrap_or(&shown).to_string();
        Ok(CaseFile { name, text: read(path, &shown)?, source: shown, ..CaseFile::own() })
    }
}

/// The names of at most five cases that are most like `plain`.
pub fn near(plain: &str, cases: &[CaseFile]) -> Vec<String> {
    let mut near: Vec<(f64, &str)> = Vec::new();
    for case in cases {
        let short = case.name.split_once('/').map_or(case.name.as_str(), |(_, name)| name);
        let likeness = [short, case.name.as_str()].map(|name| match name.contains(plain) {
            true => 1.0,
            false => strsim::normalized_damerau_levenshtein(name, plain),
        });
        near.push((likeness[0].max(likeness[1]), &case.name));
    }
    near.retain(|(likeness, _)| *likeness > 0.6);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.iter().take(5).map(|(_, name)| name.to_string()).collect()
}

/// Such names, to be put behind a message; empty where there are none.
pub fn near_it(near: &[String]) -> String {
    let names: String = near.iter().map(|name| format!("\n  {name}")).collect();
    if names.is_empty() { names } else { format!("\nnear it:{names}") }
}

/// Whether `folder` is a library: it holds case files in folders.
fn has_cases(folder: &Path) -> bool {
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    entries(folder).any(|entry| entries(&entry.path()).any(|file| is_case(&file.path())))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    read().map_err(|why| LibraryError::File { verb: "list", path: folder.to_path_buf(), why })
}

/// The text of a case, with what it takes from other files.
fn read(path: &Path, shown: &str) -> Result<String, LibraryError> {
    let owned = || path.to_path_buf();
    let file = |why| LibraryError::File { verb: "read", path: owned(), why };
    let bytes = std::fs::read(path).map_err(file)?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|why| LibraryError::NotText { path: owned(), why })?;
    case::attached::attach(shown, &text, beside(path))
        .map_err(|bad| LibraryError::BadCases(vec![bad]))
}

/// Reads files by a path that begins in the folder of a case.
pub fn beside(case: &Path) -> impl Fn(&str) -> Result<Vec<u8>, String> {
    let folder = case.parent().map(Path::to_path_buf).unwrap_or_default();
    move |path| std::fs::read(folder.join(path)).map_err(|why| why.to_string())
}

fn is_case(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "case")
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A case file with its script.
#[derive(Clone, Debug)]
pub struct ParsedCase {
    pub file: CaseFile,
    pub script: Script,
}

/// Parses all cases.
///
/// # Errors
/// [`LibraryError::BadCases`], with the mistakes of all of them.
pub fn parse_all(files: Vec<CaseFile>) -> Result<Vec<ParsedCase>, LibraryError> {
    let mut bad_cases = Vec::new();
    let mut parsed = Vec::new();
    for file in files {
        match case::parse(&file.source, &file.text) {
            Ok(script) => parsed.push(ParsedCase { file, script }),
            Err(bad) => bad_cases.push(bad),
        }
    }
    if bad_cases.is_empty() { Ok(parsed) } else { Err(LibraryError::BadCases(bad_cases)) }
}

/// One job of a case.
pub fn job(file: &CaseFile, world: &World) -> Job {
    Job {
        case: file.name.clone(),
        source: file.source.clone(),
        text: file.text.clone(),
        head: file.head,
        world: world.label.clone(),
        place: world.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Library {
        let case = |name: &str| CaseFile {
            name: name.into(),
            source: format!("cases/{name}.case"),
            text: String::new(),
            own: false,
            head: 0,
        };
        Library { root: None, cases: ["flush/enospc", "flush/short", "load/torn"].map(case).into() }
    }

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        library().select(&words).expect("known").into_iter().map(|case| case.name).collect()
    }

    #[test]
    fn a_case_is_found_with_or_without_folder_and_ending_and_counts_once() {
        for word in ["short", "flush/short", "short.case", "cases/flush/short.case"] {
            assert_eq!(names(&[word]), ["flush/short"], "{word}");
        }
        assert_eq!(names(&["flush", "enospc"]), ["flush/enospc", "flush/short"]);
        assert_eq!(names(&[]).len(), 3);
    }

    #[test]
    fn an_unknown_case_is_answered_with_those_near_it() {
        let why = library().select(&["shrt".into()]).expect_err("there is none").to_string();
        assert!(why.starts_with("no case shrt"), "{why}");
        assert!(why.ends_with("near it:\n  flush/short"), "{why}");
    }
}
