//! No circles of files: within a package, what a file uses never leads back to it.
//!
//! A file uses another where it imports a name or writes a path that the other one defines. A path
//! is followed through re-exports, so what counts is the file of the definition, not the `mod.rs`
//! that passes the name on. By themselves `mod x;`, the import of a module, and a `pub use` of a
//! name that the file does not use itself are no uses; neither is anything under `#[cfg(test)]`.
//! A file may use what the file of a module around it defines: to Rust the two are one, privacy
//! included. Methods and fields are not seen, because they are used without a path.

use std::collections::{BTreeMap, BTreeSet};

use crate::assert_tidy;
use crate::mentions::{Import, Mentions, Path, mentions};
use crate::sources::{Source, files};

/// Circles that may stay, each with its files and the reason.
const EXCEPTIONS: &[(&[&str], &str)] = &[];

/// How many re-exports a name may pass through.
const HOPS: usize = 16;

#[test]
fn no_file_of_a_package_leads_back_to_itself() {
    let sources = files(&[".rs"]);
    let mut complaints = Vec::new();
    let mut circles = Vec::new();
    for (top, library) in [("src/", "sabot_server"), ("harness/src/", "sabot")] {
        match Package::read(&sources, top, library) {
            Ok(package) => circles.extend(package.circles()),
            Err(unread) => complaints.push(unread),
        }
    }
    complaints.extend(judge(&circles, EXCEPTIONS));
    assert_tidy(complaints);
}

/// Files that lead to each other, with the uses that tie them.
#[derive(Debug, PartialEq, Eq)]
struct Circle {
    files: Vec<String>,
    uses: Vec<String>,
}

/// The circles without an exception, and the exceptions without a circle.
fn judge(circles: &[Circle], exceptions: &[(&[&str], &str)]) -> Vec<String> {
    let excepted = |circle: &&Circle| !exceptions.iter().any(|(files, _)| *files == circle.files);
    let tell = |circle: &Circle| {
        format!("a circle: {}\n  {}", circle.files.join(", "), circle.uses.join("\n  "))
    };
    let needed = |files: &[&str]| circles.iter().any(|circle| circle.files == files);
    let stale = exceptions.iter().filter(|(files, _)| !needed(files));
    let stale = stale.map(|(files, _)| format!("no such circle any more: {}", files.join(", ")));
    circles.iter().filter(excepted).map(tell).chain(stale).collect()
}

/// A module by the names that lead to it from the root.
type Key = Vec<String>;

/// The files of a package without those that are for tests.
struct Package {
    modules: BTreeMap<Key, (String, Mentions)>,
}

/// Where a path leads.
struct Found {
    module: Key,
    /// None where the path ends at the module itself.
    item: Option<String>,
    /// Whether the module is seen to define the item.
    defined: bool,
}

impl Package {
    fn read(sources: &[Source], top: &str, library: &str) -> Result<Package, String> {
        let mut modules = BTreeMap::new();
        for source in sources {
            let Some(inside) = source.path.strip_prefix(top) else { continue };
            let key = key(inside);
            let told = mentions(&source.text, &key, library);
            let told = told.map_err(|e| format!("{}: {e}", source.path))?;
            modules.insert(key, (source.path.clone(), told));
        }
        if modules.is_empty() {
            return Err(format!("{top}: no source was found, so nothing was checked"));
        }
        let below = |(key, (_, told)): (&Key, &(String, Mentions))| -> Vec<Key> {
            told.tests.iter().map(|name| child(key, name)).collect()
        };
        let tests: Vec<Key> = modules.iter().flat_map(below).collect();
        modules.retain(|key, _| !tests.iter().any(|test| key.starts_with(test)));
        Ok(Package { modules })
    }

    /// Where a path leads that is written in `here`; None for other packages.
    fn find(&self, here: &Key, path: &Path, hops: usize) -> Option<Found> {
        let mut at = if path.from_root { Key::new() } else { here.clone() };
        for (n, name) in path.names.iter().enumerate() {
            let below = child(&at, name);
            if !self.modules.contains_key(&below) {
                let found = self.item(&at, name, &path.names[n + 1..], hops)?;
                return (path.from_root || n > 0 || found.defined).then_some(found);
            }
            at = below;
        }
        Some(Found { module: at, item: None, defined: true })
    }

    /// Where `name` in the module `at` leads, which is no module in a file below it.
    fn item(&self, at: &Key, name: &str, rest: &[String], hops: usize) -> Option<Found> {
        let (_, told) = self.modules.get(at)?;
        let hops = hops.checked_sub(1)?;
        let named = |import: &&Import| import.name.as_deref() == Some(name);
        if let Some(import) = told.imports.iter().find(named) {
            return self.find(at, &import.path.join(rest), hops);
        }
        let defined = told.defined.contains(name);
        let all = told.imports.iter().filter(|import| import.name.is_none() && !defined);
        let name = name.to_string();
        let mut through = all.filter_map(|import| {
            let path = import.path.join(std::iter::once(&name).chain(rest));
            self.find(at, &path, hops).filter(|found| found.defined)
        });
        let own = || Some(Found { module: at.clone(), item: Some(name.clone()), defined });
        through.next().or_else(own)
    }

    /// The modules that `here` uses, with the names that it uses of them.
    fn uses(&self, here: &Key, told: &Mentions) -> BTreeMap<Key, BTreeSet<String>> {
        let mut used: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        for import in &told.imports {
            let passed_on = match &import.name {
                Some(name) => import.public && !told.names.contains(name),
                None => import.public,
            };
            let found = self.find(here, &import.path, HOPS).filter(|_| !passed_on);
            match found {
                Some(Found { module, item: Some(item), .. }) => {
                    used.entry(module).or_default().insert(item);
                }
                Some(Found { module, item: None, .. }) if import.name.is_none() => {
                    used.entry(module).or_default().insert("*".into());
                }
                _ => {}
            }
        }
        for path in &told.paths {
            if let Some(Found { module, item: Some(item), .. }) = self.find(here, path, HOPS) {
                used.entry(module).or_default().insert(item);
            }
        }
        used.retain(|module, _| !here.starts_with(module));
        used
    }

    fn circles(&self) -> Vec<Circle> {
        let uses: BTreeMap<&Key, BTreeMap<Key, BTreeSet<String>>> =
            self.modules.iter().map(|(key, (_, told))| (key, self.uses(key, told))).collect();
        let reach: BTreeMap<&Key, BTreeSet<&Key>> =
            uses.keys().map(|key| (*key, reach(key, &uses))).collect();
        let leads_back = |key: &&Key| reach[*key].contains(*key);
        let mut seen: BTreeSet<&Key> = BTreeSet::new();
        let mut circles = Vec::new();
        for key in uses.keys().copied().filter(leads_back) {
            let members: BTreeSet<&Key> =
                reach[key].iter().copied().filter(|other| reach[other].contains(key)).collect();
            if seen.insert(key) {
                seen.extend(&members);
                circles.push(self.circle(&members, &uses));
            }
        }
        circles
    }

    fn circle(
        &self,
        members: &BTreeSet<&Key>,
        uses: &BTreeMap<&Key, BTreeMap<Key, BTreeSet<String>>>,
    ) -> Circle {
        let file = |key: &Key| self.modules[key].0.clone();
        let mut ties = Vec::new();
        for from in members {
            for (to, names) in uses[*from].iter().filter(|(to, _)| members.contains(to)) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                ties.push(format!("{} -> {}: {}", file(from), file(to), names.join(", ")));
            }
        }
        let mut files: Vec<String> = members.iter().map(|key| file(key)).collect();
        files.sort();
        Circle { files, uses: ties }
    }
}

/// The module of a file below the sources of its package. `main.rs` is beside the root, not it.
fn key(inside: &str) -> Key {
    let path = inside.trim_end_matches(".rs");
    path.split('/').filter(|part| !["mod", "lib"].contains(part)).map(String::from).collect()
}

fn child(module: &[String], name: &str) -> Key {
    let mut key = module.to_vec();
    key.push(name.into());
    key
}

/// Every module that uses lead to from `start`.
fn reach<'a>(
    start: &'a Key,
    uses: &'a BTreeMap<&'a Key, BTreeMap<Key, BTreeSet<String>>>,
) -> BTreeSet<&'a Key> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(key) = open.pop() {
        for next in uses.get(key).into_iter().flat_map(|used| used.keys()) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The files of each circle of a package `p`, and what ties them.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let source = |(path, text): &(&str, &str)| Source::example(&format!("src/{path}"), text);
    let sources: Vec<Source> = files.iter().map(source).collect();
    let circles = Package::read(&sources, "src/", "p").expect("it is Rust").circles();
    circles.into_iter().map(|circle| circle.uses.join("; ")).collect()
}

#[test]
fn a_circle_is_seen_however_a_name_is_reached() {
    let tied = "src/a/x.rs -> src/b.rs: B; src/b.rs -> src/a/x.rs: X";
    let x = "use crate::b::B;\npub struct X(B);";
    let written = [
        "use crate::a::x::X;\npub struct B(Option<Box<X>>);",
        "use crate::{a::{self, x::{X as Y}}, c};\npub struct B(Y);",
        "pub struct B(u8);\nfn f() { vec![self::super::a::x::X::new()] }",
        "pub struct B(u8);\n#[wants(crate::a::x::X)]\nfn f() {}",
        "use super::a::x;\npub struct B(Box<x::X>);",
        "pub struct B(u8);\nmod inside {\n    fn f(_: super::super::a::x::X) {}\n}",
        "use super::a::X;\npub struct B(Box<X>);",
        "use p::c::*;\npub struct B(Box<X>);\nfn f(_: crate::c::X) {}",
    ];
    for b in written {
        let a = "pub mod x;\npub use x::X;";
        let files = [("a/mod.rs", a), ("a/x.rs", x), ("b.rs", b), ("c.rs", "pub use crate::a::*;")];
        assert_eq!(circles(&files), [tied], "{b}");
    }
    let mut whole =
        circles(&[("a.rs", "use crate::b::f;"), ("b.rs", "use crate::a::*;\nfn f() {}")]);
    assert_eq!(whole.pop().expect("a circle"), "src/a.rs -> src/b.rs: f; src/b.rs -> src/a.rs: *");
}

#[test]
fn a_way_around_three_files_is_one_circle_and_files_beside_it_are_not_in_it() {
    let files = [
        ("a.rs", "use crate::b::B;\npub struct A;"),
        ("b.rs", "use crate::c::C;\npub struct B;"),
        ("c.rs", "use crate::a::A;\nuse crate::d::D;\npub struct C;"),
        ("d.rs", "pub struct D;"),
        ("e.rs", "use crate::a::A;"),
    ];
    let ties = "src/a.rs -> src/b.rs: B; src/b.rs -> src/c.rs: C; src/c.rs -> src/a.rs: A";
    assert_eq!(circles(&files), [ties]);
}

#[test]
fn what_is_no_use_makes_no_circle() {
    let none: Vec<String> = Vec::new();
    // What a file says in comments, in strings and for tests, and names of others.
    let b = "//! crate::a::A\n/* crate::a::A */\npub struct B;\nconst T: &str = \"crate::a::A\";
        #[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n#[cfg(test)]\nuse crate::a::A;
        fn f() { a::g(); std::a::A; }";
    assert_eq!(circles(&[("a.rs", "use crate::b::B;\npub struct A;"), ("b.rs", b)]), none);
    // A name that is only passed on, and a module that only holds others.
    let a = "mod x;\nmod y;\npub use x::X;\npub(crate) use y::*;\npub struct A;";
    let x = "use super::A;\nuse crate::a::y;\npub struct X;";
    assert_eq!(circles(&[("a/mod.rs", a), ("a/x.rs", x), ("a/y.rs", "use super::X;")]), none);
    // A module in a file, for tests.
    let files = [
        ("lib.rs", "pub mod a;\npub mod b;\npub fn f() {}"),
        ("a.rs", "#[cfg(test)]\npub mod x;\nuse crate::b::B;\npub struct A;"),
        ("b.rs", "pub struct B;\nfn g() { crate::f() }"),
        ("a/x.rs", "use crate::a::x::y::Y;\npub struct X;"),
        ("a/x/y.rs", "use crate::a::x::X;\npub struct Y;"),
    ];
    assert_eq!(circles(&files), none);
}

#[test]
fn an_exception_stands_for_one_circle_and_only_while_there_is_one() {
    let circle = |files: &[&str]| Circle {
        files: files.iter().map(|file| file.to_string()).collect(),
        uses: vec!["a.rs -> b.rs: B".into()],
    };
    let ab: &[&str] = &["a.rs", "b.rs"];
    assert_eq!(judge(&[circle(ab)], &[]), ["a circle: a.rs, b.rs\n  a.rs -> b.rs: B"]);
    assert!(judge(&[circle(ab)], &[(ab, "why")]).is_empty());
    assert_eq!(judge(&[], &[(ab, "why")]), ["no such circle any more: a.rs, b.rs"]);
    assert_eq!(judge(&[circle(&["a.rs", "b.rs", "c.rs"])], &[(ab, "why")]).len(), 2);
}
