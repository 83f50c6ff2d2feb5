//! Which of too many images are tried.

use std::collections::BTreeSet;

use super::super::tests::history::{append, appended, sync};
use super::*;

fn seeds(images: &Images) -> Vec<u64> {
    let seed = |shown: &Shown| match shown.cut {
        Cut { mode: Mode::Seed(n), fs: FsModel::Posix } => Some(n),
        _ => None,
    };
    images.shown.iter().filter_map(seed).collect()
}

#[test]
fn each_image_is_shown_once_and_under_the_strongest_model() {
    let mut disk = appended(3);
    append(&mut disk, "g", b'g', 1);
    append(&mut disk, "f", b'h', 1);
    sync(&mut disk, "g");
    let all = PowerCut::images(&disk, FsModel::Posix, 4096);
    assert!(all.complete);
    let choices = FsModel::ALL.map(|fs| PowerCut::of(&disk, fs).choices());
    assert_eq!(all.choices, choices.iter().sum::<u128>());
    let hashes: BTreeSet<u64> = all.shown.iter().map(|shown| shown.image.hash()).collect();
    assert_eq!(hashes.len(), all.shown.len());
    let models: Vec<FsModel> = all.shown.iter().map(|shown| shown.cut.fs).collect();
    assert!(models.is_sorted(), "{models:?}");
    assert_eq!(models.iter().collect::<BTreeSet<_>>().len(), 3);
    for (n, fs) in FsModel::ALL.into_iter().enumerate() {
        let its = PowerCut::images(&disk, fs, 4096);
        assert_eq!(its.choices, choices[..=n].iter().sum::<u128>());
        let stronger = all.shown.iter().filter(|shown| shown.cut.fs <= fs).count();
        assert_eq!(its.shown.len(), stronger);
    }
}

#[test]
fn a_sample_of_numbered_choices_is_spread_evenly() {
    let disk = appended(4);
    let all = PowerCut::images(&disk, FsModel::Posix, 4096);
    let count = PowerCut::of(&disk, FsModel::Posix).choices();
    assert!(all.complete && count > 100);
    let some = PowerCut::images(&disk, FsModel::Posix, 10);
    assert!(!some.complete);
    let even: Vec<u64> = (0..10).map(|n| (n * count / 10) as u64).collect();
    let seeds = seeds(&some);
    assert!(seeds.iter().all(|n| even.contains(n)), "{seeds:?} of {even:?}");
    assert!(seeds.iter().any(|n| u128::from(*n) > count / 2), "{seeds:?}");
    let exactly = PowerCut::images(&disk, FsModel::Posix, count as u64);
    assert!(exactly.complete && exactly.shown.len() == all.shown.len());
    assert!(!PowerCut::images(&disk, FsModel::Posix, count as u64 - 1).complete);
}

#[test]
fn draws_are_taken_in_order() {
    let disk = appended(14);
    assert!(PowerCut::of(&disk, FsModel::Posix).choices() > NUMBERED);
    let some = PowerCut::images(&disk, FsModel::Posix, 10);
    assert!(!some.complete);
    assert_eq!(seeds(&some), (0..10).collect::<Vec<_>>());
    assert!(!PowerCut::images(&disk, FsModel::Posix, 4097).complete);
}
