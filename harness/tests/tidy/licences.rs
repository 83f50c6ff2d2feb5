//! Whose code is built in: every dependency has a licence that `deny.toml` allows, and comes from
//! the registry.
//!
//! `cargo deny` reads the same file and checks more, but it takes minutes to install; this runs
//! always. Dependencies for other systems than Linux are not looked at.

use std::process::Command;

use serde_json::Value;

use crate::assert_tidy;
use crate::sources::root;

/// A dependency: what it is called, and under which licences it may be used.
struct Package {
    name: String,
    licence: String,
    source: String,
}

#[test]
fn every_dependency_has_a_licence_on_the_list_and_none_is_there_in_vain() {
    let packages = dependencies();
    assert!(packages.len() > 50, "only {} dependencies were found", packages.len());
    assert_tidy(complaints(&packages, &allowed()));
}

#[test]
fn a_licence_that_nobody_allowed_is_seen() {
    let package = |licence: &str, source: &str| Package {
        name: "a".to_string(),
        licence: licence.to_string(),
        source: source.to_string(),
    };
    let found = |licence: &str, allowed: &[&str]| {
        let allowed: Vec<String> = allowed.iter().map(|name| name.to_string()).collect();
        complaints(&[package(licence, "registry+x")], &allowed)
    };
    for good in ["MIT", "MIT OR X", "X/MIT", "(X OR MIT) AND MIT", "X WITH Y OR MIT"] {
        assert_eq!(found(good, &["MIT"]), Vec::<String>::new(), "{good}");
    }
    for bad in ["X", "X OR Y", "X AND MIT", "MIT WITH X", ""] {
        let message = format!("a: licence `{bad}` is not on the list of deny.toml");
        assert_eq!(found(bad, &["MIT"])[0], message);
    }
    let unused = "deny.toml: nothing needs the licence X";
    assert_eq!(found("MIT", &["MIT", "X"]), [unused]);
    let git = complaints(&[package("MIT", "git+x")], &["MIT".to_string()]);
    assert_eq!(git, ["a: does not come from the registry"]);
}

/// The licences of `deny.toml`.
fn allowed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("there is a deny.toml");
    let table: toml::Table = text.parse().expect("it is TOML");
    let names = table["licenses"]["allow"].as_array().expect("a list of licences");
    names.iter().map(|name| name.as_str().expect("a licence").to_string()).collect()
}

/// What the workspace is built from, without its own packages.
fn dependencies() -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--locked", "--format-version", "1"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let packages = metadata["packages"].as_array().expect("a list of packages").iter();
    let foreign = packages.filter(|package| !package["source"].is_null());
    foreign
        .map(|package| Package {
            name: text(&package["name"]),
            licence: text(&package["license"]),
            source: text(&package["source"]),
        })
        .collect()
}

fn complaints(packages: &[Package], allowed: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    for Package { name, licence, source } in packages {
        if !holds(licence, allowed) {
            complaints.push(format!("{name}: licence `{licence}` is not on the list of deny.toml"));
        }
        if !source.starts_with("registry+") {
            complaints.push(format!("{name}: does not come from the registry"));
        }
    }
    for one in allowed {
        let others: Vec<String> = allowed.iter().filter(|name| *name != one).cloned().collect();
        if packages.iter().all(|package| holds(&package.licence, &others)) {
            complaints.push(format!("deny.toml: nothing needs the licence {one}"));
        }
    }
    complaints
}

/// Whether an SPDX expression can be met with these licences; `/` is an old way to write OR.
fn holds(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any_of(&mut words, allowed);
    met && words.is_empty()
}

fn any_of(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut met = all_of(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let Some(word) = words.pop() else { return false };
    if word == "(" {
        let met = any_of(words, allowed);
        return words.pop() == Some(")") && met;
    }
    if words.last() != Some(&"WITH") {
        return allowed.iter().any(|name| name == word);
    }
    words.pop();
    let exception = words.pop().unwrap_or_default();
    allowed.iter().any(|name| *name == format!("{word} WITH {exception}"))
}
