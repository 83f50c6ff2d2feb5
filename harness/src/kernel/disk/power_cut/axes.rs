//! What is chosen independently of the rest, once it is known how much of the log is there.
//!
//! Must not know: how choices are numbered, and the content that results.

#[cfg(test)]
mod tests;

use super::fate::{Blocks, Choice, Fate, GivenUp, Reach, Rest, Zeros};
use super::small_blocks::writes_until_all_stay;
use super::{FsModel, PowerCut, is_write};
use crate::kernel::disk::page_cache::{Change, PAGE, PageCache, small_blocks_end};

/// Something that is chosen independently.
pub(super) enum Axis {
    /// A file that is written back in order.
    InOrder { file: usize, options: Vec<Reached> },
    /// One change of a file.
    Change { file: usize, entry: usize, options: Vec<Fate> },
    /// Whether what the log does not have was written in place.
    InPlace { file: usize },
    /// The pages of a file that failed syncs have given up.
    GivenUp { file: usize, options: Vec<GivenUp> },
    /// One change of names.
    Name(usize),
}

/// How far writing back in order has come.
pub(super) struct Reached {
    /// How many writes reached the disk.
    kept: usize,
    /// How the next one tore.
    tear: Option<Fate>,
    tail: Tail,
}

/// What is found behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// As little as there can be.
    Least,
    /// Sizes that the log has, and zeros: blocks are allocated and their size is logged before
    /// their data is written (`mpage_map_and_submit_extent`, `fs/ext4/inode.c`).
    ///
    /// ```text
    /// open 0 a creat; write 0 0 50; sync_file_range 0; open 1 b creat; write 1 0 1; fsync 1
    /// ```
    Sized,
    /// Changes that the log does not have, as far as they were written in old blocks.
    InPlace,
    /// The least on blocks of 1 KiB.
    Small,
}

impl Axis {
    pub fn options(&self) -> usize {
        match self {
            Axis::InOrder { options, .. } => options.len(),
            Axis::Change { options, .. } => options.len(),
            Axis::GivenUp { options, .. } => options.len(),
            Axis::Name(_) | Axis::InPlace { .. } => 2,
        }
    }
}

impl PowerCut<'_> {
    /// The axes if the log reached the disk up to `log`.
    pub(super) fn axes(&self, log: u64) -> Vec<Axis> {
        let mut axes = Vec::new();
        for (file, (_, content)) in self.unsynced.iter().enumerate() {
            match self.fs {
                FsModel::Ext4 => axes.push(self.in_order(file, log)),
                _ => axes.extend(self.in_any_order(file, log)),
            }
            if self.fs == FsModel::Xfs && leaves_in_place(content, log) {
                axes.push(Axis::InPlace { file });
            }
            if !content.stranded().is_empty() || !content.unwritten().is_empty() {
                axes.push(Axis::GivenUp { file, options: given_up(content) });
            }
        }
        if self.fs == FsModel::Posix {
            axes.extend((0..self.disk.names.journal().len()).map(Axis::Name));
        }
        axes
    }

    /// Takes one option of an axis.
    pub(super) fn pick(&self, choice: &mut Choice, log: u64, axis: &Axis, picked: usize) {
        match axis {
            Axis::InOrder { file, options } => {
                let Reached { kept, tear, tail } = options[picked];
                let fates = &mut choice.fates[*file];
                self.keep(fates, *file, kept, tear);
                self.finish(fates, *file, log, tail);
            }
            Axis::Change { file, entry, options } => {
                choice.fates[*file][*entry] = options[picked];
            }
            Axis::InPlace { file } if picked == 1 => {
                self.finish(&mut choice.fates[*file], *file, log, Tail::InPlace);
            }
            Axis::InPlace { .. } => {}
            Axis::GivenUp { file, options } => choice.given_up[*file] = options[picked],
            Axis::Name(name) => choice.names[*name] = picked == 1,
        }
    }

    fn in_order(&self, file: usize, log: u64) -> Axis {
        let content = self.unsynced[file].1;
        let begun = self.begun(file, log);
        let mut blocks = Blocks::of(content);
        let mut options = Vec::new();
        let mut kept = 0;
        let mut sizes = false;
        for entry in content.journal().iter().take_while(|entry| entry.sequence < log) {
            if let Change::Write { offset, bytes } = &entry.change {
                options.push(Reached { kept, tear: None, tail: Tail::Least });
                if entry.sequence >= begun {
                    let tears = blocks.reach(*offset, bytes).tears(self.fs);
                    let tears = tears.into_iter().map(Some);
                    options.extend(tears.map(|tear| Reached { kept, tear, tail: Tail::Least }));
                }
                options.push(Reached { kept, tear: None, tail: Tail::Sized });
                kept += 1;
            }
            sizes |= matches!(entry.change, Change::Extend { .. });
            blocks.follow(&entry.change);
        }
        options.push(Reached { kept, tear: None, tail: Tail::Least });
        if sizes {
            options.push(Reached { kept, tear: None, tail: Tail::Sized });
        }
        if leaves_in_place(content, log) {
            options.push(Reached { kept, tear: None, tail: Tail::InPlace });
        }
        let small = 0..writes_until_all_stay(content, log);
        options.extend(small.map(|kept| Reached { kept, tear: None, tail: Tail::Small }));
        Axis::InOrder { file, options }
    }

    fn in_any_order(&self, file: usize, log: u64) -> Vec<Axis> {
        let content = self.unsynced[file].1;
        // The blocks of the file with all writes before this one, and with none of them.
        let (mut most, mut least) = (Blocks::of(content), Blocks::of(content));
        let mut axes = Vec::new();
        let before = content.journal().iter().take_while(|entry| entry.sequence < log);
        for (n, entry) in before.enumerate() {
            let options = match &entry.change {
                Change::Resize { length } => {
                    least.resized(*length);
                    self.resize_fates(*length, content)
                }
                Change::Extend { offset, end } => {
                    let (offset, end) = (*offset, *end);
                    let partly = offset < most.allocated && end > least.allocated;
                    let in_block = partly.then_some(Fate::Sized(Rest::InBlock));
                    let fates = [Fate::Dropped, Fate::Sized(Rest::Full)];
                    fates.into_iter().chain(in_block).collect()
                }
                Change::Write { offset, bytes } => self.any_fate(most.reach(*offset, bytes), least),
            };
            most.follow(&entry.change);
            if !matches!(entry.change, Change::Resize { .. }) || self.fs == FsModel::Posix {
                axes.push(Axis::Change { file, entry: n, options });
            }
        }
        axes
    }

    fn resize_fates(&self, length: u64, content: &PageCache) -> Vec<Fate> {
        let in_place = (length < longest(content, u64::MAX)).then_some(Fate::InPlace);
        [Fate::Dropped, Fate::Kept].into_iter().chain(in_place).collect()
    }

    /// Every fate of a write that makes a difference, if the file may have had as few blocks as
    /// `least`.
    fn any_fate(&self, reach: Reach, least: Blocks) -> Vec<Fate> {
        let mut options = vec![Fate::Dropped, Fate::Kept, Fate::Sized(Rest::Full)];
        let partly = reach.offset < reach.allocated && reach.end > least.allocated;
        let matters = |fate: &Fate| match fate {
            Fate::Torn { rest: Rest::InBlock, .. } => partly,
            _ => true,
        };
        options.extend(partly.then_some(Fate::Sized(Rest::InBlock)));
        let in_place = self.fs == FsModel::Posix && reach.offset < reach.allocated;
        options.extend(in_place.then_some(Fate::InPlace));
        options.extend(reach.tears(self.fs).into_iter().filter(matters));
        options
    }

    /// The first `kept` writes of a file reached the disk, and the next one tore.
    fn keep(&self, fates: &mut [Fate], file: usize, kept: usize, tear: Option<Fate>) {
        let journal = self.unsynced[file].1.journal();
        let writes = journal.iter().enumerate().filter(|(_, entry)| is_write(entry));
        for (n, (entry, _)) in writes.enumerate().take(kept + 1) {
            if n < kept {
                fates[entry] = Fate::Kept;
            } else if let Some(tear) = tear {
                fates[entry] = tear;
            }
        }
    }
}

/// Whether a change that is not in the log can show in what the log has of the file.
fn leaves_in_place(content: &PageCache, log: u64) -> bool {
    let longest = longest(content, log);
    let behind = content.journal().iter().filter(|entry| entry.sequence >= log);
    behind.map(|entry| &entry.change).any(|change| match change {
        Change::Write { offset, .. } => *offset < longest,
        Change::Resize { length } => *length < longest,
        Change::Extend { .. } => false,
    })
}

/// The longest that the file may have been by changes before `log`.
fn longest(content: &PageCache, log: u64) -> u64 {
    let before = content.journal().iter().filter(|entry| entry.sequence < log);
    let ends = before.map(|entry| match &entry.change {
        Change::Write { offset, bytes } => offset + bytes.len() as u64,
        Change::Extend { end, .. } => *end,
        Change::Resize { length } => *length,
    });
    ends.max().unwrap_or(0).max(content.durable().len() as u64)
}

fn given_up(content: &PageCache) -> Vec<GivenUp> {
    let mut zeros = vec![Zeros::None];
    if !content.unwritten().is_empty() {
        zeros.insert(0, Zeros::Pages);
    }
    let longest = longest(content, u64::MAX);
    let goes_on = |(page, length): (&u64, &u64)| {
        let end = small_blocks_end(*length);
        end < PAGE && page * PAGE + end < longest
    };
    if content.unwritten().iter().any(goes_on) {
        zeros.push(Zeros::SmallBlocks);
    }
    let all = zeros.iter().flat_map(|zeros| [false, true].map(|landed| (landed, *zeros)));
    all.map(|(landed, zeros)| GivenUp { landed, zeros }).collect()
}
