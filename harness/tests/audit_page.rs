//! The page of an audit in a real browser: it is parsed as it was meant, says nothing on the
//! console, asks for nothing from elsewhere, and its links lead somewhere.
//!
//! Needs Chromium; without one the test is skipped with a notice, and fails where `SABOT_REQUIRE`
//! names `browser`.

mod project;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use project::{Project, required};

/// Programs that understand Chromium's flags.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1000,700",
];

fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let mut places = BROWSERS.iter().flat_map(|name| folders.iter().map(move |f| f.join(name)));
    let found = places.find(|path| path.is_file());
    if found.is_none() {
        assert!(!required("browser"), "SABOT_REQUIRE names browser, but there is none on PATH");
        println!("skipped: no browser on PATH ({})", BROWSERS.join(", "));
    }
    found
}

/// Looks at a page; several looks go on at once, each with a profile of its own.
fn look(browser: &Path, project: &Project, number: usize, page: &str, flags: &[&str]) -> Look {
    let url = format!("file://{}", project.path(page).display());
    let profile =
        format!("--user-data-dir={}", project.path(&format!("profile{number}")).display());
    let child = Command::new(browser)
        .args(FLAGS)
        .args(flags)
        .args([&profile, &url])
        .env("HOME", project.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Look(child.expect("the browser starts"))
}

struct Look(std::process::Child);

impl Look {
    fn done(self) -> Output {
        let output = self.0.wait_with_output().expect("it was started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

#[test]
fn a_browser_sees_what_was_found_and_nothing_is_wrong_with_it() {
    let Some(browser) = browser() else { return };
    let project = Project::new();
    project.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    let shot = |name: &str| format!("--screenshot={}", project.path(name).display());
    project.write("nothing.html", "<!doctype html>");
    let (page, nothing) = (shot("page.png"), shot("nothing.png"));
    let dom = look(&browser, &project, 1, "a.html", &["--dump-dom"]);
    let page = look(&browser, &project, 2, "a.html", &[&page]);
    let nothing = look(&browser, &project, 3, "nothing.html", &[&nothing]);
    let (dom, _, _) = (dom.done(), page.done(), nothing.done());
    let log = String::from_utf8_lossy(&dom.stderr);
    assert!(!log.contains("CONSOLE"), "the console says:\n{log}");
    let seen = String::from_utf8(dom.stdout).expect("text");
    structure(&seen, &project);
    links(&seen);
    let picture = |name: &str| std::fs::read(project.path(name)).expect("a picture");
    assert!(picture("page.png") != picture("nothing.png"), "there is something to see");
}

/// The tree as the browser has built it.
fn structure(seen: &str, project: &Project) {
    let json = project.json("a.json");
    let causes = json["causes"].as_array().expect("a list");
    let count = |text: &str| seen.matches(text).count();
    assert_eq!(count("<h1"), 1, "one heading for the whole");
    assert_eq!(count("<h2"), count("<section"), "each section has a heading");
    assert_eq!(count("<article "), causes.len());
    assert_eq!(count("<table"), count("<thead"), "each table has headings");
    assert!(count("scope=\"col\"") > 10 && count("scope=\"row\"") > 10);
    assert!(count("role=\"img\"") > 0, "pictures of runs");
    for cause in causes {
        let sentence = cause["sentence"].as_str().expect("text");
        assert!(seen.contains(sentence), "{sentence}");
    }
    for word in ["<script", "http://", "https://", "javascript:", "onclick"] {
        assert_eq!(count(word), 0, "{word}");
    }
}

/// Each link leads to a part of the page that is there, and no part is there twice.
fn links(seen: &str) {
    let values = |attribute: &str| -> Vec<String> {
        let opening = format!(" {attribute}=\"");
        let behind = seen.split(opening.as_str()).skip(1);
        behind.filter_map(|rest| rest.split('"').next()).map(String::from).collect()
    };
    let ids = values("id");
    let known: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(known.len(), ids.len(), "an id is there twice");
    let links = values("href");
    assert!(links.len() > 8);
    for link in links.iter().filter(|link| *link != "data:,") {
        let target = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads elsewhere"));
        assert!(known.contains(&target.to_string()), "{link} leads nowhere");
    }
}
