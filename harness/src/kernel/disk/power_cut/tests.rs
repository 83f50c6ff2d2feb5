//! What each model allows: small histories by hand, and properties of every history.

pub mod history;

use std::collections::BTreeSet;

use nix::errno::Errno;
use proptest::prelude::*;

use super::*;
use crate::kernel::disk::{ROOT, SyncKind};
use history::{History, Step, append, step, sync};

/// The content as letters, each with the length of its run; `.` is a zero byte.
fn shown(content: Option<&[u8]>) -> String {
    let Some(content) = content else { return "absent".to_string() };
    let mut text = String::new();
    for run in content.chunk_by(|a, b| a == b) {
        let letter = if run[0] == 0 { '.' } else { char::from(run[0]) };
        text.push_str(&format!("{letter}{}", run.len()));
    }
    text
}

fn image(disk: &Disk, cut: &str) -> Image {
    PowerCut::image(disk, cut.parse().unwrap()).unwrap()
}

fn left(disk: &Disk, cut: &str, name: &str) -> String {
    shown(image(disk, cut).file(name))
}

/// Everything that a model may leave of one file, in order.
fn all(disk: &Disk, fs: FsModel, name: &str) -> Vec<String> {
    let images = PowerCut::images(disk, fs, 4096);
    assert!(images.complete);
    let contents = images.shown.iter().map(|shown_image| shown(shown_image.image.file(name)));
    contents.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A disk whose `aof` holds fifty synced bytes under a durable name.
fn synced_aof() -> Disk {
    let mut disk = Disk::new();
    append(&mut disk, "aof", b'a', 50);
    disk.settle();
    disk
}

/// Something else is synced: the log is committed.
fn commit(disk: &mut Disk) {
    append(disk, "other", b'o', 1);
    sync(disk, "other");
}

#[test]
fn an_append_within_the_block_shows_its_size_once_the_log_is_committed() {
    let mut disk = synced_aof();
    append(&mut disk, "aof", b'b', 27);
    assert_eq!(left(&disk, "none", "aof"), "a50");
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), ["a50", "a50.27", "a50b27"]);
    commit(&mut disk);
    assert_eq!(left(&disk, "none", "aof"), "a50.27");
    assert_eq!(left(&disk, "none@xfs", "aof"), "a50");
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), ["a50.27", "a50b27"]);
    sync(&mut disk, "aof");
    assert_eq!(all(&disk, FsModel::Posix, "aof"), ["a50b27"]);
}

#[test]
fn an_append_beyond_the_blocks_keeps_the_old_size() {
    let mut disk = Disk::new();
    append(&mut disk, "aof", b'a', 4000);
    disk.settle();
    append(&mut disk, "aof", b'b', 5000);
    commit(&mut disk);
    assert_eq!(left(&disk, "none", "aof"), "a4000.96");
    let ext4 = all(&disk, FsModel::Ext4, "aof");
    assert_eq!(ext4, ["a4000.5000", "a4000.96", "a4000b4192", "a4000b5000", "a4000b96"]);
    assert!(all(&disk, FsModel::Xfs, "aof").contains(&"a4000.5000".to_string()));
}

#[test]
fn a_torn_write_ends_at_a_sector_or_a_page() {
    let mut disk = synced_aof();
    append(&mut disk, "aof", b'b', 1100);
    assert_eq!(left(&disk, "torn:1", "aof"), "a50b462.638");
    assert_eq!(left(&disk, "torn:2", "aof"), "a50b974.126");
    assert_eq!(left(&disk, "torn:1@posix", "aof"), "a50b462");
    let cut = "torn:3".parse().unwrap();
    let why = PowerCut::image(&disk, cut).unwrap_err().to_string();
    assert_eq!(why, "the last unsynced write can be torn in 2 ways under ext4");
}

#[test]
fn a_rename_over_a_file_begins_to_write_the_new_one_back_on_ext4() {
    let mut disk = synced_aof();
    append(&mut disk, "temp", b'n', 100);
    disk.rename("temp", "aof").unwrap();
    assert_eq!(left(&disk, "none", "aof"), "a50");
    commit(&mut disk);
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), [".100", "n100"]);
    let xfs = all(&disk, FsModel::Xfs, "aof");
    assert_eq!(xfs, ["", ".100", "n100"]);
    assert!(all(&disk, FsModel::Posix, "aof").contains(&"a50".to_string()));
}

#[test]
fn a_write_that_a_rename_writes_back_tears_only_without_the_rename() {
    let mut disk = synced_aof();
    append(&mut disk, "temp", b'n', 9000);
    disk.rename("temp", "aof").unwrap();
    assert_eq!(left(&disk, "torn:1", "aof"), "a50");
    assert_eq!(left(&disk, "torn:1", "temp"), "n4096");
    commit(&mut disk);
    let cut = "torn:1".parse().unwrap();
    assert!(PowerCut::image(&disk, cut).is_err(), "nothing else is unsynced by then");
}

#[test]
fn a_rename_does_not_write_back_what_lies_within_the_allocated_block() {
    let mut disk = synced_aof();
    append(&mut disk, "temp", b'n', 100);
    sync(&mut disk, "temp");
    append(&mut disk, "temp", b't', 30);
    disk.rename("temp", "aof").unwrap();
    append(&mut disk, "aof", b'u', 20);
    commit(&mut disk);
    assert_eq!(left(&disk, "none", "aof"), "n100.50");
    assert_eq!(left(&disk, "prefix:1", "aof"), "n100t30.20");
}

#[test]
fn a_rename_to_a_fresh_name_and_a_new_file_may_be_empty() {
    let mut disk = Disk::new();
    append(&mut disk, "temp", b'n', 100);
    disk.rename("temp", "aof").unwrap();
    commit(&mut disk);
    assert_eq!(left(&disk, "none", "aof"), "");
    assert_eq!(left(&disk, "none@posix", "aof"), "absent");
}

#[test]
fn posix_takes_names_only_from_a_sync_of_their_directory() {
    let mut disk = Disk::new();
    append(&mut disk, "aof", b'a', 50);
    sync(&mut disk, "aof");
    assert_eq!(left(&disk, "none", "aof"), "a50");
    assert_eq!(all(&disk, FsModel::Posix, "aof"), ["a50", "absent"]);
    let mark = disk.mark(ROOT);
    disk.synced(ROOT, mark, SyncKind::Fsync);
    assert_eq!(all(&disk, FsModel::Posix, "aof"), ["a50"]);
}

#[test]
fn a_file_renamed_into_a_directory_is_there_once_that_is_synced() {
    let mut disk = Disk::new();
    disk.create("dir", true).unwrap();
    append(&mut disk, "temp", b'n', 100);
    sync(&mut disk, "temp");
    disk.rename("temp", "temp-bg").unwrap();
    disk.rename("temp-bg", "dir/base").unwrap();
    sync(&mut disk, "dir");
    let ext4 = PowerCut::images(&disk, FsModel::Ext4, 4096);
    assert_eq!(ext4.shown.len(), 1);
    assert_eq!(left(&disk, "none", "dir/base"), "n100");
    assert_eq!(left(&disk, "none", "temp"), "absent");
    assert_eq!(all(&disk, FsModel::Posix, "dir/base"), ["absent", "n100"], "dir itself is not");
}

#[test]
fn a_truncation_is_in_the_log_and_an_old_name_may_come_back_with_its_file() {
    let mut disk = synced_aof();
    let ino = disk.find("aof").unwrap();
    disk.resize(ino, 20).unwrap();
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), ["a20", "a20.30", "a50"]);
    assert_eq!(left(&disk, "inplace", "aof"), "a20.30");
    commit(&mut disk);
    assert_eq!(all(&disk, FsModel::Xfs, "aof"), ["a20"]);
    disk.unlink("aof").unwrap();
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), ["a20", "absent"]);
    commit(&mut disk);
    assert_eq!(all(&disk, FsModel::Ext4, "aof"), ["absent"]);
}

#[test]
fn a_failed_sync_strands_its_pages_until_one_is_written_again() {
    let mut disk = synced_aof();
    append(&mut disk, "aof", b'b', 27);
    let ino = disk.find("aof").unwrap();
    let mark = disk.mark(ino);
    disk.sync_failed(ino, mark, Errno::EIO);
    assert_eq!(left(&disk, "all", "aof"), "a50.27");
    assert_eq!(left(&disk, "data", "aof"), "a50");
    append(&mut disk, "aof", b'c', 3);
    assert_eq!(left(&disk, "all", "aof"), "a50b27c3");
    assert_eq!(left(&disk, "none", "aof"), "a50");
}

#[test]
fn after_a_power_cut_the_image_is_all_there_is() {
    let mut disk = synced_aof();
    disk.set_space(Some(4096));
    append(&mut disk, "aof", b'b', 27);
    append(&mut disk, "new", b'n', 9);
    let left = image(&disk, "none");
    disk.power_cut(&left);
    assert_eq!(disk.files().collect::<Vec<_>>(), [("aof", &[b'a'; 50][..])]);
    let again = PowerCut::images(&disk, FsModel::Posix, 4096);
    assert_eq!((again.shown.len(), again.complete), (1, true));
    let ino = disk.create("more", false).unwrap();
    assert_eq!(disk.room(ino, 0, 5000), 4096, "the block of the lost file is free again");
}

/// The images of one model alone, and whether these are all.
fn of(disk: &Disk, fs: FsModel) -> (BTreeSet<u64>, bool) {
    let power = PowerCut::of(disk, fs);
    let groups = power.groups();
    let count = groups.count;
    let numbers = 0..u64::try_from(count.min(choice::NUMBERED)).unwrap();
    let images = numbers.map(|n| power.build(&power.numbered(&groups, n)).hash());
    (images.collect(), count <= choice::NUMBERED)
}

/// After these steps, a cut that is tried though a model that should allow its image does not.
fn tried_and_not_allowed(steps: &[Step]) -> Option<String> {
    let mut history = History::default();
    steps.iter().for_each(|step| history.take(step));
    let powers = FsModel::ALL.map(|fs| PowerCut::of(&history.disk, fs));
    let tried = PowerCut::images(&history.disk, FsModel::Posix, 60).shown;
    tried.iter().find_map(|Shown { cut, image, .. }| {
        let mut powers = powers.iter().filter(|power| power.fs >= cut.fs);
        let power = powers.find(|power| !power.allows(image))?;
        let files = image.files().map(|(name, content)| format!("{name}={}", shown(Some(content))));
        Some(format!("{cut} under {}: {}", power.fs, files.collect::<Vec<_>>().join(" ")))
    })
}

/// The truncation writes its page before the log has it, so a size that was logged after it does
/// not show what was in the page before an earlier write.
#[test]
fn a_truncation_that_is_in_the_log_is_not_tried_with_an_older_page() {
    let steps =
        [Step::Append(1, 1239), Step::Write(1, 0, 1025), Step::Resize(1, 1), Step::Append(1, 1)];
    assert_eq!(tried_and_not_allowed(&steps), None);
}

/// A page is written whole, also in place: what a failed sync gave up of it comes along.
#[test]
fn a_page_that_is_written_in_place_is_not_tried_without_what_was_given_up() {
    let steps = [Step::Append(1, 5121), Step::Fail(1), Step::Append(1, 1), Step::Write(1, 0, 1)];
    assert_eq!(tried_and_not_allowed(&steps), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_durable_is_in_every_image(steps in prop::collection::vec(step(), 1..14)) {
        let mut history = History::default();
        steps.iter().for_each(|step| history.take(step));
        for shown in PowerCut::images(&history.disk, FsModel::Posix, 300).shown {
            prop_assert!(history.holds_what_is_durable(&shown.image), "{}", shown.cut);
            let again = PowerCut::image(&history.disk, shown.cut).unwrap();
            prop_assert_eq!(again, shown.image, "{} leaves another image", shown.cut);
        }
    }

    #[test]
    fn an_image_that_is_tried_is_allowed(steps in prop::collection::vec(step(), 1..10)) {
        prop_assert_eq!(tried_and_not_allowed(&steps), None);
    }

    #[test]
    fn a_weaker_model_allows_all_that_a_stronger_one_allows(
        steps in prop::collection::vec(step(), 1..7)
    ) {
        let mut history = History::default();
        steps.iter().for_each(|step| history.take(step));
        let sets = FsModel::ALL.map(|fs| of(&history.disk, fs));
        for pair in sets.windows(2) {
            if pair[1].1 {
                prop_assert!(pair[0].0.is_subset(&pair[1].0));
            }
        }
        let modes =
            ["none", "all", "log", "data", "inplace", "small", "prefix:1", "torn:1", "torn:2"];
        for mode in modes {
            for (fs, (images, complete)) in FsModel::ALL.into_iter().zip(&sets) {
                let cut = format!("{mode}@{fs}").parse().unwrap();
                if let (Ok(image), true) = (PowerCut::image(&history.disk, cut), complete) {
                    prop_assert!(images.contains(&image.hash()), "{cut} is not allowed");
                }
            }
        }
    }
}
