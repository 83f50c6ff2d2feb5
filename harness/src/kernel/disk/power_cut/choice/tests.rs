//! That each choice has its number, and that numbers are drawn fairly where there are too many.

use std::collections::BTreeSet;

use super::super::tests::history::{append, appended, sync};
use super::super::{Cut, Image};
use super::*;
use crate::kernel::disk::Disk;

fn drawn(disk: &Disk, fs: FsModel, number: u64) -> Image {
    let cut = Cut { mode: Mode::Seed(number), fs };
    PowerCut::image(disk, cut).expect("there is one for every number")
}

#[test]
fn each_choice_has_a_number_and_numbers_go_round() {
    for fs in FsModel::ALL {
        let disk = appended(3);
        let power = PowerCut::of(&disk, fs);
        let groups = power.groups();
        let sizes = groups.groups.iter().map(|group| group.size);
        assert_eq!((power.choices(), sizes.sum::<u128>()), (groups.count, groups.count));
        let count = u64::try_from(groups.count).expect("few");
        let choices = (0..count).map(|n| power.numbered(&groups, n));
        let distinct: BTreeSet<_> =
            choices.map(|choice| (choice.names, choice.fates, choice.given_up)).collect();
        assert!(distinct.len() as u64 > count / 2, "{} of {count} under {fs}", distinct.len());
        for number in 0..count {
            assert_eq!(drawn(&disk, fs, number), drawn(&disk, fs, number + 3 * count));
        }
    }
}

/// Each of the writes is kept in some and missing in some.
#[test]
fn a_draw_takes_every_option_of_every_axis() {
    let disk = appended(12);
    let power = PowerCut::of(&disk, FsModel::Posix);
    let groups = power.groups();
    assert!(groups.count > NUMBERED);
    let mut seen: Vec<BTreeSet<Fate>> = vec![BTreeSet::new(); 12];
    for number in 0..200 {
        for (entry, fate) in power.numbered(&groups, number).fates[0].iter().enumerate() {
            seen[entry].insert(*fate);
        }
    }
    let Axis::Change { options, .. } = &groups.groups[0].axes[0] else { panic!("a change") };
    let all: BTreeSet<Fate> = options.iter().copied().collect();
    assert!(all.len() > 2 && seen.iter().all(|fates| *fates == all), "{seen:?} of {all:?}");
}

#[test]
fn draws_of_neighbouring_numbers_have_nothing_in_common() {
    let disk = appended(12);
    let images: BTreeSet<u64> =
        (0..200).map(|number| drawn(&disk, FsModel::Posix, number).hash()).collect();
    assert!(images.len() > 190, "{} of 200", images.len());
}

/// Reports and tokens name states by these numbers, so a version that draws otherwise would show
/// another state for an old token.
#[test]
fn a_number_stands_for_the_same_state_in_every_version() {
    let disk = appended(12);
    let letters = |number: u64| {
        let image = drawn(&disk, FsModel::Posix, number);
        let bytes = &image.file("f").expect("it is durable")[50..];
        bytes.iter().map(|byte| if *byte == 0 { '.' } else { char::from(*byte) }).collect()
    };
    let found: Vec<String> = [0, 1, 2, 3, 77, 1 << 40, u64::MAX].map(letters).to_vec();
    let known = [
        ".c.e.g.i.k.",
        "b.de.gh..k.",
        ".c.ef.hi.klm",
        "bcd.f....",
        "..de..hijk",
        "...ef....k.m",
        "bc..fg...k",
    ];
    assert_eq!(found, known);
}

#[test]
fn a_tear_is_counted_from_one_and_only_of_the_last_write() {
    let mut disk = appended(1);
    append(&mut disk, "g", b'g', 1100);
    let torn =
        |disk: &Disk, n: u64| PowerCut::image(disk, Cut { mode: Mode::Torn(n), fs: FsModel::Xfs });
    let length = |image: Image| image.file("g").expect("it is there").len();
    let lengths: Vec<usize> = (1..=6).map(|n| length(torn(&disk, n).unwrap())).collect();
    assert_eq!(lengths, [512, 512, 1100, 1024, 1024, 1100]);
    let why = torn(&disk, 7).unwrap_err().to_string();
    assert_eq!(why, "the last unsynced write can be torn in 6 ways under xfs");
    sync(&mut disk, "g");
    sync(&mut disk, "f");
    let why = torn(&disk, 1).unwrap_err().to_string();
    assert_eq!(why, "there is no unsynced write that could be torn");
}
