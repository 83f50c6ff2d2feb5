//! What a sync needs the log for after small histories of one file.

use super::*;
use crate::kernel::disk::page_cache::{PAGE, SyncErrors};

/// A file of this length, durable.
fn settled(length: u64) -> PageCache {
    PageCache::settled(&vec![b'x'; length as usize])
}

/// What a sync needs that is called at sequence number 9.
fn needs(file: &PageCache) -> Needs {
    file.needs_log(file.mark(9))
}

#[test]
fn a_clean_file_and_an_overwritten_one_need_nothing() {
    let mut file = settled(100);
    assert_eq!(needs(&file), Needs::Nothing);
    file.write(1, 0, &[1; 100]);
    assert_eq!(needs(&file), Needs::Nothing);
}

#[test]
fn a_write_behind_the_end_needs_a_size_and_behind_the_block_another_block() {
    for (offset, count, expected) in [
        (100, 1, Needs::Change(1)),
        (99, 2, Needs::Change(1)),
        (100, PAGE - 100, Needs::Change(1)),
        (100, PAGE - 99, Needs::NewBlocks),
        (0, PAGE + 1, Needs::NewBlocks),
        (3 * PAGE, 1, Needs::NewBlocks),
    ] {
        let mut file = settled(100);
        file.write(1, offset, &vec![1; count as usize]);
        assert_eq!(needs(&file), expected, "{count} at {offset}");
        file.write(2, 0, &[2; 50]);
        assert_eq!(needs(&file), expected, "whatever is overwritten then");
    }
    let mut file = PageCache::default();
    file.write(1, 0, &[1]);
    assert_eq!(needs(&file), Needs::NewBlocks);
}

#[test]
fn only_what_was_there_at_the_call_counts() {
    let mut file = settled(100);
    file.write(8, 100, &[1; 10]);
    file.write(9, 110, &[1; 5000]);
    assert_eq!(needs(&file), Needs::Change(8));
    assert_eq!(file.needs_log(file.mark(8)), Needs::Nothing);
    assert_eq!(file.needs_log(file.mark(10)), Needs::NewBlocks);
}

#[test]
fn blocks_of_what_is_being_written_back_are_allocated_already() {
    let mut file = settled(100);
    file.write(1, 100, &[1; 5000]);
    file.writeback_begins(2);
    assert_eq!(needs(&file), Needs::Change(1));
    file.write(2, 5100, &[1; 5000]);
    assert_eq!(needs(&file), Needs::NewBlocks);
}

#[test]
fn a_truncation_is_a_change_of_size_unless_the_size_is_back() {
    let mut file = settled(100);
    file.resize(1, 50);
    assert_eq!(needs(&file), Needs::Change(1));
    file.resize(2, 200);
    assert_eq!(needs(&file), Needs::Change(2));
    file.resize(3, 100);
    assert_eq!(needs(&file), Needs::Nothing);
}

#[test]
fn what_was_never_allocated_and_is_gone_needs_no_block() {
    let mut file = settled(100);
    file.write(1, 100, &[1; 5000]);
    file.resize(2, PAGE);
    assert_eq!(needs(&file), Needs::Change(2));
    let mut file = settled(100);
    file.write(1, 100, &[1; 5000]);
    file.resize(2, PAGE + 1);
    assert_eq!(needs(&file), Needs::NewBlocks, "a part of it is still there");
    let mut file = settled(100);
    file.resize(1, 0);
    file.write(2, 0, &[1; 100]);
    assert_eq!(needs(&file), Needs::NewBlocks, "the old block was freed");
}

#[test]
fn a_truncation_alone_needs_no_block() {
    let mut file = settled(3 * PAGE);
    file.resize(1, 5 * PAGE);
    assert_eq!(needs(&file), Needs::Change(1));
}

#[test]
fn a_size_that_a_failed_sync_gave_up_may_be_in_the_log() {
    let mut file = settled(100);
    file.write(1, 100, &[1; 5000]);
    file.sync_failed(file.mark(2), SyncErrors::Clean);
    assert_eq!(needs(&file), Needs::Change(1), "its blocks are there");
    file.write(2, 5100, &[1; 10]);
    assert_eq!(needs(&file), Needs::Change(2));
    file.write(3, 100, &[1; 10]);
    assert_eq!(needs(&file), Needs::Change(2), "a write within that size makes none");
    let mut file = settled(100);
    file.write(1, 0, &[1; 100]);
    file.sync_failed(file.mark(2), SyncErrors::Clean);
    assert_eq!(needs(&file), Needs::Nothing);
}
