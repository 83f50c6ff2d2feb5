//! What may be found, and above all what may not, under each model.

use nix::errno::Errno;
use proptest::prelude::*;

use super::super::fate::SECTOR;
use super::*;
use crate::kernel::disk::power_cut::image::Content;
use crate::kernel::disk::power_cut::tests::history::{History, step};
use crate::kernel::disk::{Disk, SyncKind};

const XP: &[FsModel] = &[FsModel::Xfs, FsModel::Posix];
const P: &[FsModel] = &[FsModel::Posix];
const ALL: &[FsModel] = &FsModel::ALL;

/// Letters, each with the length of its run, as content; `.` is a zero byte.
fn content(runs: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = runs;
    while let Some(letter) = rest.bytes().next() {
        let digits = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| n + 1);
        let count: usize = rest[1..digits].parse().expect("a run has a length");
        bytes.resize(bytes.len() + count, if letter == b'.' { 0 } else { letter });
        rest = &rest[digits..];
    }
    bytes
}

/// An image with these files: `NAME=RUNS`, with blanks between them.
fn image(files: &str) -> Image {
    let mut disk = Disk::new();
    for file in files.split_whitespace() {
        match file.split_once('=') {
            Some((name, runs)) => disk.set_file(name, Some(&content(runs))).unwrap(),
            None => drop(disk.create(file, true).unwrap()),
        }
    }
    Image::of(&disk)
}

/// Each model that allows these files is named, and no other.
fn assert_allowed(disk: &Disk, files: &str, models: &[FsModel]) {
    let image = image(files);
    let allow = FsModel::ALL.into_iter().filter(|fs| PowerCut::of(disk, *fs).allows(&image));
    assert_eq!(allow.collect::<Vec<_>>(), models, "{files}");
}

fn append(disk: &mut Disk, name: &str, runs: &str) {
    let ino = disk.find(name).unwrap_or_else(|| disk.create(name, false).unwrap());
    let offset = disk.inode(ino).content.len();
    disk.write(ino, offset, &content(runs));
}

fn resize(disk: &mut Disk, name: &str, length: u64) {
    disk.resize(disk.find(name).unwrap(), length).unwrap();
}

fn sync(disk: &mut Disk, name: &str) {
    let ino = disk.find(name).unwrap();
    disk.synced(ino, disk.mark(ino), SyncKind::Fsync);
}

fn fail(disk: &mut Disk, name: &str) {
    let ino = disk.find(name).unwrap();
    disk.sync_failed(ino, disk.mark(ino), Errno::EIO);
}

/// A disk with this file, durably, and `z`, whose sync commits the log.
fn settled(name: &str, runs: &str) -> Disk {
    let mut disk = Disk::new();
    append(&mut disk, name, runs);
    append(&mut disk, "z", "z1");
    disk.settle();
    disk
}

fn commit(disk: &mut Disk) {
    append(disk, "z", "z1");
    sync(disk, "z");
}

#[test]
fn an_append_is_there_or_its_size_or_nothing() {
    let mut disk = settled("f", "a50");
    append(&mut disk, "f", "b27");
    for files in ["f=a50 z=z1", "f=a50.27 z=z1", "f=a50b27 z=z1"] {
        assert_allowed(&disk, files, ALL);
    }
    for runs in ["a49", "a51", "b50", "a50b26", "a50c27", "a50b28", "a50.28", "", ".50", ".77"] {
        assert_allowed(&disk, &format!("f={runs} z=z1"), &[]);
    }
    assert_allowed(&disk, "f=a50b10.17 z=z1", XP);
    for names in ["z=z1", "f=a50", "f=a50 z=z1 g=", "f=a50 z=z1 dir", "g=a50 z=z1"] {
        assert_allowed(&disk, names, &[]);
    }
    commit(&mut disk);
    assert_allowed(&disk, "f=a50b27 z=z2", ALL);
    assert_allowed(&disk, "f=a50.27 z=z2", ALL);
    assert_allowed(&disk, "f=a50 z=z2", XP);
    assert_allowed(&disk, "f=a50 z=z1", &[]);
    sync(&mut disk, "f");
    assert_allowed(&disk, "f=a50b27 z=z2", ALL);
    assert_allowed(&disk, "f=a50.27 z=z2", &[]);
    assert_allowed(&disk, "f=a50 z=z2", &[]);
}

#[test]
fn sizes_end_at_pages_and_on_xfs_at_sectors() {
    let mut disk = settled("f", "a4000");
    append(&mut disk, "f", "b9000");
    commit(&mut disk);
    for runs in ["a4000b96", "a4000.96", "a4000b4192", "a4000b8288", "a4000b9000"] {
        assert_allowed(&disk, &format!("f={runs} z=z2"), ALL);
    }
    // The block that the old end lies in is allocated, also where blocks are small.
    assert_allowed(&disk, "f=a4000 z=z2", XP);
    // Pages are independent of each other, and sectors are written whole.
    assert_allowed(&disk, "f=a4000b96.4096b4808 z=z2", ALL);
    assert_allowed(&disk, "f=a4000b608.8392 z=z2", ALL);
    assert_allowed(&disk, "f=a4000b600.8400 z=z2", XP);
    assert_allowed(&disk, "f=a4000b608 z=z2", XP);
    for runs in ["a4000b1000", "a4000b9001", "a3999", "a3584", "", ".4000b9000"] {
        assert_allowed(&disk, &format!("f={runs} z=z2"), &[]);
    }
}

#[test]
fn a_write_behind_the_blocks_of_a_file_leaves_no_size_between() {
    let mut disk = settled("f", "a4000");
    disk.write(disk.find("f").expect("f"), 4096, &[b'b'; 10]);
    commit(&mut disk);
    for runs in ["a4000", "a4000.106", "a4000.96b10"] {
        assert_allowed(&disk, &format!("f={runs} z=z2"), ALL);
    }
    assert_allowed(&disk, "f=a4000.96 z=z2", &[]);
}

#[test]
fn a_truncation_is_in_the_log_and_its_zeros_are_in_the_block() {
    let mut disk = settled("f", "a50");
    resize(&mut disk, "f", 20);
    for runs in ["a50", "a20", "a20.30"] {
        assert_allowed(&disk, &format!("f={runs} z=z1"), ALL);
    }
    for runs in ["a30", "a10.40", "a21.29", ""] {
        let models = if runs == "a21.29" { XP } else { &[] };
        assert_allowed(&disk, &format!("f={runs} z=z1"), models);
    }
    commit(&mut disk);
    assert_allowed(&disk, "f=a20 z=z2", ALL);
    assert_allowed(&disk, "f=a50 z=z2", P);
    assert_allowed(&disk, "f=a20.30 z=z2", P);
}

#[test]
fn what_is_written_after_a_truncation_lies_in_other_blocks() {
    let mut disk = settled("f", "a50");
    resize(&mut disk, "f", 0);
    append(&mut disk, "f", "b50");
    assert_allowed(&disk, "f=a50 z=z1", ALL);
    assert_allowed(&disk, "f=b50 z=z1", ALL);
    assert_allowed(&disk, "f= z=z1", ALL);
    commit(&mut disk);
    assert_allowed(&disk, "f=b50 z=z2", ALL);
    assert_allowed(&disk, "f=.50 z=z2", ALL);
    assert_allowed(&disk, "f=a50 z=z2", P);
    assert_allowed(&disk, "f= z=z2", ALL);
    assert_allowed(&disk, "f=a25b25 z=z2", P);
}

#[test]
fn a_page_that_was_cut_off_at_its_start_is_not_zeros_under_the_old_size() {
    let mut disk = settled("f", "a8192");
    resize(&mut disk, "f", 4096);
    assert_allowed(&disk, "f=a8192 z=z1", ALL);
    assert_allowed(&disk, "f=a4096 z=z1", ALL);
    assert_allowed(&disk, "f=a4096.4096 z=z1", P);
}

#[test]
fn pages_behind_a_truncation_and_before_a_write_are_zeros() {
    let mut disk = settled("f", "a8192");
    resize(&mut disk, "f", 0);
    append(&mut disk, "f", "b8192");
    commit(&mut disk);
    assert_allowed(&disk, "f=b4096.4096 z=z2", ALL);
    assert_allowed(&disk, "f=b4096a4096 z=z2", P);
    let mut disk = settled("f", "a50");
    disk.write(disk.find("f").unwrap(), 5000, &content("b20"));
    commit(&mut disk);
    assert_allowed(&disk, "f=a50.4950b20 z=z2", ALL);
    assert_allowed(&disk, "f=a50.4046 z=z2", &[]);
}

#[test]
fn a_write_that_ends_where_the_file_does_leaves_the_size_in_the_log() {
    let mut disk = settled("f", "a50");
    append(&mut disk, "f", "b4056");
    append(&mut disk, "f", "c10");
    disk.write(disk.find("f").unwrap(), 4000, &content("d116"));
    commit(&mut disk);
    assert_allowed(&disk, "f=a50b3950d106 z=z2", ALL);
    assert_allowed(&disk, "f=a50b3950d116 z=z2", ALL);
    assert_allowed(&disk, "f=a50b3950d107 z=z2", &[]);
}

#[test]
fn what_a_failed_sync_gave_up_landed_or_not_or_stays_zeros() {
    let mut disk = settled("f", "a50");
    append(&mut disk, "f", "b27");
    fail(&mut disk, "f");
    commit(&mut disk);
    for runs in ["a50.27", "a50b27"] {
        assert_allowed(&disk, &format!("f={runs} z=z2"), ALL);
    }
    assert_allowed(&disk, "f=.77 z=z2", &[]);
    let mut disk = settled("f", "");
    append(&mut disk, "f", "b60");
    fail(&mut disk, "f");
    append(&mut disk, "f", "c40");
    sync(&mut disk, "f");
    assert_allowed(&disk, "f=.100 z=z1", ALL);
    assert_allowed(&disk, "f=b60c40 z=z1", ALL);
    assert_allowed(&disk, "f=b60 z=z1", &[]);
    assert_allowed(&disk, "f=b60.40 z=z1", XP);
    assert_allowed(&disk, "f= z=z1", &[]);
}

#[test]
fn names_are_those_of_one_place_in_the_log() {
    let mut disk = settled("f", "a50");
    append(&mut disk, "g", "g9");
    disk.rename("f", "h").unwrap();
    for names in ["f=a50 z=z1", "f=a50 g= z=z1", "f=a50 g=g9 z=z1", "h=a50 g= z=z1"] {
        assert_allowed(&disk, names, ALL);
    }
    assert_allowed(&disk, "h=a50 z=z1", P);
    for names in ["f=a50 h=a50 z=z1", "z=z1", "g=g9 z=z1"] {
        assert_allowed(&disk, names, &[]);
    }
    commit(&mut disk);
    assert_allowed(&disk, "g= h=a50 z=z2", ALL);
    assert_allowed(&disk, "f=a50 g= z=z2", P);
}

#[test]
fn a_rename_over_a_file_has_the_size_of_the_new_one_on_ext4() {
    let mut disk = settled("f", "a50");
    append(&mut disk, "t", "n100");
    disk.rename("t", "f").unwrap();
    commit(&mut disk);
    assert_allowed(&disk, "f=n100 z=z2", ALL);
    assert_allowed(&disk, "f=.100 z=z2", ALL);
    assert_allowed(&disk, "f= z=z2", XP);
    assert_allowed(&disk, "f=a50 z=z2", P);
    assert_allowed(&disk, "f=a50 t= z=z2", P);
}

#[test]
fn a_file_is_not_there_without_its_directory() {
    let mut disk = settled("f", "a50");
    disk.create("dir", true).unwrap();
    append(&mut disk, "dir/g", "g9");
    assert_allowed(&disk, "f=a50 z=z1", ALL);
    assert_allowed(&disk, "f=a50 z=z1 dir", ALL);
    assert_allowed(&disk, "f=a50 z=z1 dir dir/g=g9", ALL);
    assert_allowed(&disk, "f=a50 z=z1 dir dir/h=g9", &[]);
}

/// The image with one file changed.
fn with(image: &Image, name: &str, bytes: Vec<u8>) -> Image {
    let mut other = Image::default();
    image.dirs().for_each(|dir| other.add_dir(dir));
    image.files().for_each(|(name, bytes)| other.add_file(name, Content::new(bytes.clone())));
    other.add_file(name, Content::new(bytes));
    other.finished()
}

fn allowed_by(disk: &Disk, image: &Image) -> Vec<FsModel> {
    FsModel::ALL.into_iter().filter(|fs| PowerCut::of(disk, *fs).allows(image)).collect()
}

proptest! {
    #[test]
    fn a_byte_that_nobody_wrote_is_never_there(
        lengths in prop::collection::vec((1..3000usize, any::<bool>()), 1..6),
        place in any::<prop::sample::Index>(),
    ) {
        let mut disk = settled("f", "a50");
        for (length, synced) in lengths {
            append(&mut disk, "f", &format!("b{length}"));
            if synced {
                sync(&mut disk, "f");
            }
        }
        for shown in PowerCut::images(&disk, FsModel::Posix, 20).shown {
            let mut bytes = shown.image.file("f").unwrap().to_vec();
            let z = shown.image.file("z").unwrap().len();
            let at = place.index(bytes.len());
            bytes[at] = b'~';
            let mut other = Disk::new();
            other.set_file("f", Some(&bytes)).unwrap();
            other.set_file("z", Some(&content(&format!("z{z}")))).unwrap();
            let other = Image::of(&other);
            for fs in FsModel::ALL {
                prop_assert!(!PowerCut::of(&disk, fs).allows(&other), "{} under {fs}", shown.cut);
            }
        }
    }

    #[test]
    fn what_a_reader_sees_now_may_be_left(steps in prop::collection::vec(step(), 1..12)) {
        let mut history = History::default();
        for step in &steps {
            history.take(step);
            prop_assert_eq!(allowed_by(&history.disk, &Image::of(&history.disk)), ALL);
        }
    }

    #[test]
    fn a_file_ends_where_some_change_ended_or_at_a_sector_or_on_ext4_at_a_page(
        steps in prop::collection::vec(step(), 1..12),
        off_by in prop::sample::select(&[-512, -100, -1, 1, 100, 512][..]),
    ) {
        let mut history = History::default();
        steps.iter().for_each(|step| history.take(step));
        for shown in PowerCut::images(&history.disk, FsModel::Posix, 10).shown {
            for (name, bytes) in shown.image.files() {
                let Some(length) = bytes.len().checked_add_signed(off_by) else { continue };
                if history.sizes.contains(&(length as u64)) || length == 0 {
                    continue;
                }
                let mut bytes = bytes.to_vec();
                bytes.resize(length, 0);
                let allowed = allowed_by(&history.disk, &with(&shown.image, name, bytes));
                let most = match length as u64 {
                    length if length.is_multiple_of(PAGE) => ALL,
                    length if length.is_multiple_of(SECTOR) => XP,
                    _ => &[],
                };
                prop_assert!(most.ends_with(&allowed), "{name} of {length}: {allowed:?}");
            }
        }
    }

    #[test]
    fn a_letter_is_found_where_it_was_written(
        steps in prop::collection::vec(step(), 1..12),
        place in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
    ) {
        let mut history = History::default();
        steps.iter().for_each(|step| history.take(step));
        if history.writes.is_empty() {
            return Ok(());
        }
        let (letter, from, to) = *which.get(&history.writes);
        for shown in PowerCut::images(&history.disk, FsModel::Posix, 10).shown {
            for (name, bytes) in shown.image.files().filter(|(_, bytes)| !bytes.is_empty()) {
                let mut bytes = bytes.to_vec();
                let at = place.index(bytes.len());
                if !(from..to).contains(&(at as u64)) {
                    bytes[at] = letter;
                    let other = with(&shown.image, name, bytes);
                    prop_assert_eq!(allowed_by(&history.disk, &other), &[], "{} at {}", name, at);
                }
            }
        }
    }
}
