//! Every state that is tried after small histories, held to a list that a person has read.
//!
//! `states.txt` beside this file has a history in each block, and below it what each model leaves:
//! how many choices there are, and the states that they come to. A state that a stronger model
//! leaves, too, is not listed again. Then comes the state of each mode under each model, unless it
//! is that of the model before. `f` and `z` were there before, durably.

use std::collections::BTreeSet;

use nix::errno::Errno;

use super::super::tests::history::{append, sync};
use super::super::{Cut, Image, PowerCut};
use super::*;
use crate::kernel::disk::Disk;

const STATES: &str = include_str!("states.txt");

fn step(disk: &mut Disk, words: &[&str]) {
    let runs = |runs: &str| (runs.as_bytes()[0], runs[1..].parse::<usize>().expect("a length"));
    match words {
        ["append", name, what] => append(disk, name, runs(what).0, runs(what).1),
        ["write", name, offset, what] => {
            let (letter, count) = runs(what);
            let offset = offset.parse().expect("an offset");
            disk.write(disk.find(name).expect(name), offset, &vec![letter; count]);
        }
        ["resize", name, length] => {
            let length = length.parse().expect("a length");
            disk.resize(disk.find(name).expect(name), length).expect("there is room");
        }
        ["sync", name] => sync(disk, name),
        ["fail", name] => {
            let ino = disk.find(name).expect(name);
            disk.sync_failed(ino, disk.mark(ino), Errno::EIO);
        }
        ["rename", from, to] => disk.rename(from, to).expect("a rename"),
        ["unlink", name] => disk.unlink(name).expect("a file"),
        ["mkdir", name] => assert!(disk.create(name, true).is_ok()),
        // The sync of another file commits the log.
        ["commit"] => {
            append(disk, "z", b'z', 1);
            sync(disk, "z");
        }
        other => panic!("{other:?} is not a step"),
    }
}

/// The disk after a history: `settled LENGTH` of `f`, and steps.
fn after(history: &str) -> Disk {
    let mut steps = history.split("; ");
    let length = steps.next().and_then(|first| first.strip_prefix("settled "));
    let mut disk = Disk::new();
    append(&mut disk, "f", b'a', length.expect("a length").parse().expect("a length"));
    append(&mut disk, "z", b'z', 1);
    disk.settle();
    steps.for_each(|words| step(&mut disk, &words.split(' ').collect::<Vec<_>>()));
    disk
}

/// Every name but `z`, with the content as letters, each with the length of its run.
fn shown(image: &Image) -> String {
    let runs = |content: &[u8]| {
        let letter = |byte: u8| if byte == 0 { '.' } else { char::from(byte) };
        let runs = content.chunk_by(|a, b| a == b);
        runs.map(|run| format!("{}{}", letter(run[0]), run.len())).collect::<String>()
    };
    let dirs = image.dirs().map(|dir| format!("{dir}/"));
    let files = image.files().filter(|(name, _)| *name != "z");
    let files = files.map(|(name, content)| format!("{name}={}", runs(content)));
    let all: Vec<String> = dirs.chain(files).collect();
    if all.is_empty() { "nothing".to_string() } else { all.join(" ") }
}

/// The states of the model alone, in order.
fn states(power: &PowerCut<'_>) -> BTreeSet<String> {
    let groups = power.groups();
    let numbers = 0..u64::try_from(groups.count).expect("a small history");
    numbers.map(|n| shown(&power.build(&power.numbered(&groups, n)))).collect()
}

/// The state of each mode, as far as there are prefixes and ways to tear.
fn modes(disk: &Disk) -> String {
    let most = PowerCut::of(disk, FsModel::Posix).events().len();
    let fixed = ["none", "all", "log", "data", "inplace", "small"].map(str::to_string).into_iter();
    let prefixes = (0..=most).map(|n| format!("prefix:{n}"));
    let tears = (1..).map(|n| format!("torn:{n}"));
    let mut text = String::new();
    for mode in fixed.chain(prefixes).chain(tears) {
        let of = |fs: FsModel| {
            let cut: Cut = format!("{mode}@{fs}").parse().expect("a cut");
            PowerCut::image(disk, cut).map_or("–".to_string(), |image| shown(&image))
        };
        let mut each = FsModel::ALL.map(of).to_vec();
        each.dedup();
        if each == ["–"] {
            break;
        }
        text.push_str(&format!("  {mode}: {}\n", each.join(" > ")));
    }
    text
}

fn described(history: &str) -> String {
    let disk = after(history);
    let mut text = format!("{history}\n");
    let mut known = BTreeSet::new();
    for fs in FsModel::ALL {
        let power = PowerCut::of(&disk, fs);
        let states = states(&power);
        assert!(states.is_superset(&known), "{fs} leaves what a stronger model leaves: {history}");
        let new: Vec<&str> = states.difference(&known).map(String::as_str).collect();
        let new = if new.is_empty() { "the same".to_string() } else { new.join(" | ") };
        text.push_str(&format!("  {fs}, {} choices: {new}\n", power.choices()));
        known.extend(states);
    }
    let tried = PowerCut::images(&disk, FsModel::Posix, 4096).shown;
    let tried: BTreeSet<String> = tried.iter().map(|tried| shown(&tried.image)).collect();
    assert_eq!(tried, known, "all of them are tried: {history}");
    text.push_str(&modes(&disk));
    text
}

#[test]
fn the_states_that_are_tried_are_those_of_the_list() {
    for block in STATES.trim().split("\n\n") {
        let (history, _) = block.split_once('\n').expect("a history and its states");
        assert_eq!(described(history).trim(), block.trim());
    }
}
