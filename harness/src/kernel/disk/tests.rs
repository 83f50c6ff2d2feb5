//! Small histories of files, names and blocks.

use proptest::prelude::*;

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
    assert!(file.unwritten().contains_key(&0), "or does not, because its block was new");
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

#[test]
fn directories_are_not_read_as_files() {
    let mut disk = Disk::new();
    disk.create("d", true).unwrap();
    disk.set_file("f", Some(b"content")).unwrap();
    assert_eq!((disk.find(""), disk.find("g")), (Some(ROOT), None));
    assert_eq!(disk.read_file("f"), Some(&b"content"[..]));
    assert_eq!((disk.read_file("d"), disk.read_file("g")), (None, None));
    assert_eq!(disk.files().collect::<Vec<_>>(), [("f", &b"content"[..])]);
    disk.set_file("f", None).unwrap();
    assert_eq!(disk.files().count(), 0);
}

#[test]
fn what_a_write_leaves_out_and_an_extension_are_holes() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    disk.write(ino, 2 * PAGE, &[1; 5000]);
    let data = &disk.inode(ino).data;
    assert_eq!((data.data(0), data.hole(2 * PAGE)), (Some(2 * PAGE), 4 * PAGE));
    disk.resize(ino, 9 * PAGE).unwrap();
    assert_eq!(disk.inode(ino).data.data(4 * PAGE), None);
    disk.resize(ino, PAGE).unwrap();
    assert_eq!(disk.inode(ino).data.data(0), None);
}

#[test]
fn a_file_is_gone_once_no_name_descriptor_or_power_cut_leads_to_it() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    disk.settle();
    disk.opened(ino);
    disk.opened(ino);
    disk.unlink("a").unwrap();
    disk.closed(ino);
    assert!(disk.inodes.contains_key(&ino));
    disk.closed(ino);
    assert!(!disk.inodes.contains_key(&ino));
    assert_eq!(disk.any_inode(ino).map(|inode| inode.name.as_str()), Some("a"));
    assert!(disk.any_inodes().any(|(its, _)| its == ino), "its name may come back");
    let mark = disk.mark(ROOT);
    disk.synced(ROOT, mark, SyncKind::Fsync);
    assert!(disk.any_inode(ino).is_none());
    assert_eq!(disk.any_inodes().map(|(ino, _)| ino).collect::<Vec<_>>(), [ROOT]);
}

#[test]
fn an_error_of_writeback_is_told_through_the_file() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    disk.write(ino, 0, b"lost");
    let mut seen = disk.inode(ino).errors.at_open();
    assert_eq!(disk.take_error(ino, &mut seen), None);
    disk.sync_failed(ino, disk.mark(ino), Errno::ENOSPC);
    assert_eq!(disk.inode(ino).content.stranded().len(), 1);
    assert_eq!(disk.take_error(ino, &mut seen), Some(Errno::ENOSPC));
    assert_eq!(disk.take_error(ino, &mut seen), None);
}

#[test]
fn writing_without_the_rest_of_a_sync_allocates_and_makes_nothing_certain() {
    let mut disk = Disk::new();
    disk.set_file("a", Some(b"old")).unwrap();
    disk.create("b", false).unwrap();
    let ino = disk.find("a").unwrap();
    disk.write(ino, 3, &[1; 5000]);
    let mark = disk.mark(ino);
    disk.written_only(ino, mark);
    assert_eq!(disk.inode(ino).content.durable(), b"old");
    let needs = disk.inode(ino).content.needs_log(mark.content);
    assert_eq!(needs, page_cache::Needs::Change(mark.sequence - 1), "the blocks are there");
    assert_eq!(disk.names.committed(), disk.names.journal()[0].sequence);
    assert_eq!(disk.names.perhaps_committed(), mark.sequence);
}

#[test]
fn a_disk_with_another_image_has_the_same_settings_and_goes_on_counting() {
    let mut disk = Disk::new();
    disk.set_file("a", Some(b"old")).unwrap();
    let image = Image::of(&disk);
    disk.set_file("b", Some(b"newer")).unwrap();
    disk.set_space(Some(3 * PAGE));
    disk.sync_errors = SyncErrors::Dirty;
    let mut other = disk.with_image(&image);
    assert_eq!(other.files().collect::<Vec<_>>(), [("a", &b"old"[..])]);
    assert_eq!(other.sync_errors, SyncErrors::Dirty);
    assert!(other.sequence() > disk.sequence());
    let ino = other.find("a").unwrap();
    assert!(!disk.inodes.contains_key(&ino), "a number is not given twice");
    assert_eq!(other.inode(ino).data.hole(0), PAGE);
    assert_eq!(other.room(ino, 0, 9 * PAGE), 3 * PAGE, "one in use, and two");
    other.write(ino, 3, b"er");
    assert_eq!(other.read_file("a"), Some(&b"older"[..]));
}

#[test]
fn space_is_unlimited_until_it_is_set() {
    let mut disk = Disk::new();
    let ino = disk.create("a", false).unwrap();
    assert!(disk.is_large());
    assert_eq!(disk.room(ino, 5, 1 << 40), 1 << 40);
    disk.set_space(Some(0));
    assert!(!disk.is_large());
    assert_eq!((disk.room(ino, 0, 1), disk.resize(ino, 1)), (0, Err(Errno::ENOSPC)));
    disk.set_space(None);
    assert!(disk.is_large());
}

#[test]
fn pages_between_two_offsets_may_be_dirty() {
    let mut file = PageCache::default();
    file.write(1, PAGE, &[1; 10]);
    for (from, to, clean) in [
        (PAGE, 2 * PAGE, true),
        (PAGE + 9, PAGE + 10, true),
        (0, PAGE + 1, true),
        (0, PAGE, false),
        (2 * PAGE, 3 * PAGE, false),
        (PAGE, PAGE, false),
    ] {
        assert_eq!(file.is_clean_outside(from, to), clean, "{from} to {to}");
    }
    file.resize(2, PAGE);
    assert!(file.is_clean_outside(0, PAGE), "what is cut off is not dirty");
}

#[test]
fn a_file_is_certain_while_nothing_is_unsynced() {
    let mut file = PageCache::default();
    assert!(file.is_certain() && file.is_empty());
    file.write(1, 0, b"one");
    assert!(!file.is_certain() && !file.is_empty());
    file.synced(file.mark(2));
    assert!(file.is_certain());
    let mark = file.mark(2);
    file.resize(2, 0);
    file.synced(mark);
    assert_eq!(file.durable(), b"one", "it was truncated after the call");
    assert!(!file.is_certain() && file.is_empty());
    file.synced(file.mark(3));
    assert!(file.is_certain());
}

#[test]
fn blocks_are_allocated_by_a_sync_of_what_was_written_before_it_was_called() {
    let mut file = written(&["one"]);
    let mark = file.mark(1);
    file.write(1, 2 * PAGE, b"later");
    file.synced(mark);
    assert_eq!(file.allocated(), PAGE);
    file.synced(file.mark(2));
    assert_eq!(file.allocated(), 3 * PAGE);
    file.resize(2, PAGE + 1);
    file.resize(3, 9 * PAGE);
    file.synced(file.mark(4));
    assert_eq!(file.allocated(), 2 * PAGE, "an extension allocates nothing");
    let mark = file.mark(4);
    file.write(4, 0, b"new");
    file.synced(mark);
    assert_eq!(file.durable()[..3], *b"one", "nor is a clean page written that changes later");
}

#[test]
fn a_sync_that_fails_gives_up_what_was_written_before_it_was_called() {
    let mut file = PageCache::default();
    file.write(1, 0, &[b'a'; 2 * PAGE as usize]);
    file.write(2, PAGE, b"b");
    let mark = file.mark(3);
    file.write(3, 0, b"c");
    file.sync_failed(mark, SyncErrors::Clean);
    let given_up = |entry: &page_cache::ContentEntry| {
        matches!(entry.change, page_cache::Change::Extend { .. })
    };
    assert_eq!(file.journal().iter().map(given_up).collect::<Vec<_>>(), [true, true, false]);
    let first = |page: u64| file.stranded()[&page][0];
    assert_eq!((first(0), first(1)), (b'c', b'b'), "with the content that it has by then");
    assert!(!file.is_clean_outside(PAGE, 2 * PAGE), "and it is dirty again");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Create(usize),
    Write(usize, u64, usize),
    Resize(usize, u64),
    Replace(usize, usize),
    Unlink(usize),
    Sync(usize),
    Cut,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let file = 0..NAMES.len();
    prop_oneof![
        2 => file.clone().prop_map(Step::Create),
        4 => (file.clone(), 0..3 * PAGE, 1..9000usize).prop_map(|(f, o, n)| Step::Write(f, o, n)),
        2 => (file.clone(), 0..5u64, -1..2i64).prop_map(|(f, page, more)| {
            Step::Resize(f, (page * PAGE).saturating_add_signed(more))
        }),
        1 => (file.clone(), file.clone()).prop_map(|(f, t)| Step::Replace(f, t)),
        1 => file.clone().prop_map(Step::Unlink),
        1 => file.prop_map(Step::Sync),
        1 => Just(Step::Cut),
    ]
}

/// Carries a step out as far as there is room.
fn take(disk: &mut Disk, step: Step) {
    let find = |disk: &Disk, file: usize| disk.find(NAMES[file]);
    match step {
        Step::Create(file) => drop(disk.create(NAMES[file], false)),
        Step::Write(file, offset, count) => {
            if let Some(ino) = find(disk, file) {
                let room = disk.room(ino, offset, count as u64);
                disk.write(ino, offset, &vec![1; room as usize]);
            }
        }
        Step::Resize(file, length) => {
            if let Some(ino) = find(disk, file) {
                let fits = disk.room(ino, 0, length) == length;
                assert_eq!(disk.resize(ino, length).is_ok(), fits);
            }
        }
        Step::Replace(from, to) => drop(disk.rename(NAMES[from], NAMES[to])),
        Step::Unlink(file) => drop(disk.unlink(NAMES[file])),
        Step::Sync(file) => {
            if let Some(ino) = find(disk, file) {
                disk.synced(ino, disk.mark(ino), SyncKind::Fsync);
            }
        }
        Step::Cut => {
            let image = PowerCut::image(disk, Cut::default()).expect("always possible");
            disk.power_cut(&image);
        }
    }
}

proptest! {
    #[test]
    fn the_blocks_in_use_and_those_that_are_free_add_up(
        steps in prop::collection::vec(step(), 1..20),
        blocks in 0..12u64,
    ) {
        let mut disk = Disk::new();
        disk.set_space(Some(blocks * PAGE));
        for step in steps {
            take(&mut disk, step);
            let files = disk.names.iter().map(|(_, ino)| disk.inode(ino).content.len());
            let used: u64 = files.map(|length| length.div_ceil(PAGE)).sum();
            prop_assert!(used <= blocks);
            for (_, ino) in disk.names.iter() {
                let its = disk.inode(ino).content.len().div_ceil(PAGE);
                let room = disk.room(ino, 0, 99 * PAGE);
                prop_assert_eq!(room, (its + blocks - used) * PAGE);
                prop_assert_eq!(disk.room(ino, 100, 99 * PAGE), room.saturating_sub(100));
            }
        }
    }
}
