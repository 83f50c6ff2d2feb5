//! Which syncs commit the log, told by the names that ext4 may still lose afterwards.

use super::*;
use crate::kernel::disk::power_cut::PowerCut;
use crate::kernel::disk::{Image, ROOT};

use SyncKind::{Fdatasync, Fsync};

/// A disk with these files, each with 100 bytes, all of it durable.
fn settled(names: &[&str]) -> Disk {
    let mut disk = Disk::new();
    for name in names {
        let ino = disk.create(name, false).expect(name);
        disk.write(ino, 0, &[b'x'; 100]);
    }
    disk.settle();
    disk
}

fn write(disk: &mut Disk, name: &str, offset: u64, count: usize) {
    let ino = disk.find(name).expect(name);
    disk.write(ino, offset, &vec![b'y'; count]);
}

fn sync(disk: &mut Disk, name: &str, kind: SyncKind) {
    let ino = disk.find(name).expect(name);
    disk.synced(ino, disk.mark(ino), kind);
}

/// What is left when as little as possible is.
fn least(disk: &Disk) -> Image {
    PowerCut::image(disk, "none".parse().expect("a mode")).expect("always possible")
}

fn certain(disk: &Disk, name: &str) -> bool {
    least(disk).file(name).is_some()
}

/// Whether a sync of `f` after these changes commits a name that was made before them.
fn commits(kind: SyncKind, changes: impl FnOnce(&mut Disk)) -> bool {
    let mut disk = settled(&["f"]);
    disk.create("before", false).expect("a new name");
    changes(&mut disk);
    let file = if disk.find("f").is_some() { "f" } else { "g" };
    sync(&mut disk, file, kind);
    certain(&disk, "before")
}

#[test]
fn a_sync_of_a_file_that_has_not_changed_commits_nothing() {
    for kind in [Fsync, Fdatasync] {
        assert!(!commits(kind, |_| {}));
        assert!(!commits(kind, |disk| write(disk, "f", 0, 10)), "in place: the times at most");
    }
}

#[test]
fn a_size_and_a_block_are_committed_by_both_kinds() {
    for kind in [Fsync, Fdatasync] {
        assert!(commits(kind, |disk| write(disk, "f", 100, 1)));
        assert!(commits(kind, |disk| write(disk, "f", 100, 5000)));
        assert!(commits(kind, |disk| disk.resize(disk.find("f").unwrap(), 9).unwrap()));
    }
}

#[test]
fn a_rename_is_committed_by_fsync_of_the_file_and_not_by_fdatasync() {
    let rename = |disk: &mut Disk| disk.rename("f", "g").unwrap();
    assert!(commits(Fsync, rename));
    assert!(!commits(Fdatasync, rename));
    let overwritten = |disk: &mut Disk| {
        rename(disk);
        write(disk, "g", 0, 10);
    };
    assert!(!commits(Fdatasync, overwritten));
}

#[test]
fn a_new_file_commits_itself_and_what_came_before_it() {
    for kind in [Fsync, Fdatasync] {
        let mut disk = settled(&["f"]);
        disk.create("before", false).unwrap();
        disk.create("new", false).unwrap();
        sync(&mut disk, "new", kind);
        assert!(certain(&disk, "before") && certain(&disk, "new"));
    }
}

#[test]
fn a_directory_with_another_entry_is_committed_by_both_kinds() {
    let changes: [fn(&mut Disk); 4] = [
        |disk| assert!(disk.create("d/new", false).is_ok()),
        |disk| disk.rename("f", "d/f").unwrap(),
        |disk| disk.rename("d/old", "old").unwrap(),
        |disk| disk.unlink("d/old").unwrap(),
    ];
    for kind in [Fsync, Fdatasync] {
        for change in changes {
            let mut disk = settled(&["f"]);
            disk.create("d", true).unwrap();
            disk.create("d/old", false).unwrap();
            disk.settle();
            disk.create("before", false).unwrap();
            sync(&mut disk, "d", kind);
            assert!(!certain(&disk, "before"), "nothing has changed in d");
            change(&mut disk);
            sync(&mut disk, "d", kind);
            assert!(certain(&disk, "before"));
        }
    }
}

#[test]
fn a_change_after_the_call_is_not_covered() {
    let mut disk = settled(&["f"]);
    disk.create("before", false).unwrap();
    let ino = disk.find("f").unwrap();
    let mark = disk.mark(ino);
    disk.rename("f", "g").unwrap();
    disk.synced(ino, mark, Fsync);
    assert!(!certain(&disk, "before") && !certain(&disk, "g"));
    let mark = disk.mark(ino);
    disk.create("after", false).unwrap();
    disk.synced(ino, mark, Fsync);
    assert!(certain(&disk, "before") && certain(&disk, "g") && !certain(&disk, "after"));
}

#[test]
fn a_change_that_is_in_the_log_already_commits_nothing_more() {
    let mut disk = settled(&["f"]);
    disk.create("new", false).unwrap();
    sync(&mut disk, "new", Fsync);
    disk.create("later", false).unwrap();
    sync(&mut disk, "new", Fsync);
    assert!(certain(&disk, "new") && !certain(&disk, "later"));
}

#[test]
fn a_change_that_may_be_in_the_log_is_certain_and_what_follows_it_is_not() {
    let mut disk = settled(&["f"]);
    disk.create("before", false).unwrap();
    disk.create("new", false).unwrap();
    disk.create("between", false).unwrap();
    // Of a sync that had nothing to do nobody knows whether it committed.
    sync(&mut disk, "f", Fsync);
    assert!(!certain(&disk, "before"));
    disk.create("later", false).unwrap();
    sync(&mut disk, "new", Fsync);
    assert!(certain(&disk, "before") && certain(&disk, "new"));
    assert!(!certain(&disk, "between") && !certain(&disk, "later"));
    sync(&mut disk, "later", Fsync);
    assert!(certain(&disk, "between") && certain(&disk, "later"));
}

#[test]
fn what_a_failed_sync_may_have_committed_is_not_certain() {
    let mut disk = settled(&["f"]);
    disk.create("new", false).unwrap();
    disk.create("between", false).unwrap();
    let ino = disk.find("f").unwrap();
    let mark = disk.mark(ino);
    disk.sync_failed(ino, mark, nix::errno::Errno::EIO);
    sync(&mut disk, "new", Fsync);
    assert!(certain(&disk, "new") && !certain(&disk, "between"));
}

#[test]
fn a_sync_of_the_run_directory_commits_every_name_in_it() {
    let mut disk = settled(&["f"]);
    disk.rename("f", "g").unwrap();
    sync(&mut disk, "", Fdatasync);
    assert!(certain(&disk, "g") && !certain(&disk, "f"));
    assert_eq!(disk.find(""), Some(ROOT));
}
