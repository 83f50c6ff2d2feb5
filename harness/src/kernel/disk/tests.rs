//! Small histories of files, names and blocks.

use super::page_cache::SyncErrors;
use super::*;

#[test]
fn an_unlinked_open_file_keeps_its_blocks() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    disk.opened(ino);
    disk.set_space(Some(PAGE));
    disk.write(ino, 0, &[1; 4096]);
    disk.unlink("a").unwrap();
    let other = disk.create("b", false).unwrap();
    assert_eq!(disk.room(other, 0, 10), 0);
    disk.closed(ino);
    assert_eq!(disk.room(other, 0, 10), 10);
}

#[test]
fn a_write_is_short_at_a_block_boundary() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    disk.write(ino, 0, b"x");
    disk.set_space(Some(2 * PAGE - 1));
    assert_eq!(disk.room(ino, 1, 10_000), 2 * PAGE - 1);
}

#[test]
fn a_sync_reaches_the_inode_that_was_renamed_over_another() {
    let mut disk = Disk::new();
    let (old, new) = (disk.create("aof", false).unwrap(), disk.create("temp", false).unwrap());
    disk.opened(old);
    disk.opened(new);
    disk.write(new, 0, b"rewritten");
    disk.rename("temp", "aof").unwrap();
    let mark = disk.mark(new);
    disk.synced(new, mark, SyncKind::Fsync);
    assert_eq!(disk.inode(new).content.durable(), b"rewritten");
    assert_eq!(disk.read_file("aof"), Some(&b"rewritten"[..]));
    assert_eq!(disk.inode(old).name, "aof", "it still answers to the name it had last");
}

fn written(parts: &[&str]) -> PageCache {
    let mut file = PageCache::default();
    for (n, part) in parts.iter().enumerate() {
        file.write(n as u64, file.len(), part.as_bytes());
    }
    file
}

#[test]
fn a_sync_covers_what_was_written_when_it_was_called() {
    let mut file = written(&["one"]);
    let mark = file.mark(1);
    file.write(1, 3, b"two");
    file.synced(mark);
    assert_eq!(file.durable(), b"one");
    assert_eq!(file.live(), b"onetwo");
    file.synced(file.mark(2));
    assert_eq!(file.durable(), b"onetwo");
}

#[test]
fn a_failed_sync_loses_the_page_until_it_is_written_again() {
    let mut file = written(&["one"]);
    file.sync_failed(file.mark(1), SyncErrors::Clean);
    file.synced(file.mark(1));
    assert_eq!(file.durable(), b"", "the second sync finds nothing to write");
    assert_eq!(file.journal()[0].change, page_cache::Change::Extend { offset: 0, end: 3 });
    file.write(1, 3, b"two");
    file.synced(file.mark(2));
    assert_eq!(file.durable(), b"onetwo", "an append to the same page rescues it");
    assert!(file.journal().is_empty());
    assert!(file.unwritten().contains(&0), "or does not, because its block was new");
}

#[test]
fn a_failed_sync_may_keep_the_page_dirty() {
    let mut file = written(&["one"]);
    file.sync_failed(file.mark(1), SyncErrors::Dirty);
    file.synced(file.mark(1));
    assert_eq!(file.durable(), b"one");
}

#[test]
fn a_truncation_is_durable_only_after_a_sync() {
    let mut file = written(&["onetwo"]);
    file.synced(file.mark(1));
    file.resize(1, 3);
    assert_eq!((file.live(), file.durable()), (&b"one"[..], &b"onetwo"[..]));
    file.synced(file.mark(2));
    assert_eq!(file.durable(), b"one");
}

#[test]
fn an_extension_writes_the_page_with_the_old_end_again_and_no_hole() {
    let mut file = written(&["one"]);
    file.synced(file.mark(1));
    file.resize(1, 5 * PAGE);
    assert!(file.is_clean_outside(0, 2 * PAGE));
    assert!(!file.is_clean_outside(PAGE, 5 * PAGE));
}

#[test]
fn a_rename_while_a_sync_is_under_way_is_not_covered_by_it() {
    let mut file = written(&["one"]);
    let mark = file.mark(1);
    file.write(1, 3, &[b'x'; 5000]);
    file.renamed_over(2);
    file.synced(mark);
    assert_eq!(file.written_back(), [2]);
    file.synced(file.mark(3));
    assert_eq!(file.written_back(), [0; 0]);
}

#[test]
fn a_directory_and_a_file_do_not_replace_each_other() {
    let mut disk = Disk::new();
    disk.create("d", true).unwrap();
    disk.create("f", false).unwrap();
    assert_eq!(disk.rename("d", "f"), Err(Errno::ENOTDIR));
    assert_eq!(disk.rename("f", "d"), Err(Errno::EISDIR));
    disk.create("e", true).unwrap();
    assert_eq!(disk.rename("d", "e"), Ok(()));
}
