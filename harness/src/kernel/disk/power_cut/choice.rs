//! From a mode to a choice: a fate for every change, so that the whole is allowed.
//!
//! All choices under a model are numbered, so that a number always stands for the same one. They
//! form groups by how much of the log of names and sizes reached the disk (one group where there is
//! no such log); within a group they are made along independent axes. Must not know: the content
//! that results.

#[cfg(test)]
mod tests;

use super::axes::{Axis, Tail};
use super::fate::{Blocks, Choice, Fate, GivenUp, Rest, Zeros};
use super::small_blocks::on_small_blocks;
use super::{FsModel, Impossible, Mode, PowerCut, is_write};
use crate::kernel::disk::page_cache::{Change, ContentEntry};

/// Up to this many choices are numbered one by one; if there are more, a number seeds a draw.
pub(super) const NUMBERED: u128 = 4096;

/// The choices with the same part of the log on the disk.
struct Group {
    log: u64,
    axes: Vec<Axis>,
    size: u128,
}

/// All choices, counted.
pub(super) struct Groups {
    groups: Vec<Group>,
    /// How many choices there are.
    pub count: u128,
}

impl Group {
    fn new(log: u64, axes: Vec<Axis>) -> Group {
        let sizes = axes.iter().map(|axis| axis.options() as u128);
        Group { log, size: sizes.fold(1, u128::saturating_mul), axes }
    }
}

impl Groups {
    fn new(groups: Vec<Group>) -> Groups {
        let count = groups.iter().map(|group| group.size).fold(0, u128::saturating_add);
        Groups { groups, count }
    }
}

impl PowerCut<'_> {
    /// The choice that a mode stands for.
    pub(super) fn choose(&self, mode: Mode) -> Result<Choice, Impossible> {
        self.chosen(mode).map(|choice| self.with_truncations(choice))
    }

    fn chosen(&self, mode: Mode) -> Result<Choice, Impossible> {
        match mode {
            Mode::None => {
                Ok(Choice { given_up: self.given_up(false, Zeros::Pages), ..self.prefix(0) })
            }
            Mode::All => Ok(self.prefix(self.now)),
            Mode::Log => Ok(self.log()),
            Mode::Data => Ok(self.data(GivenUp { landed: true, zeros: Zeros::None })),
            Mode::InPlace => Ok(self.in_place()),
            Mode::Small => Ok(self.small()),
            Mode::Prefix(n) => {
                let events = self.events();
                let place = usize::try_from(n).ok().and_then(|n| events.get(n));
                Ok(self.prefix(place.copied().unwrap_or(self.now)))
            }
            Mode::Torn(n) => self.torn(n),
            Mode::Seed(n) => Ok(self.numbered(&self.groups(), n)),
        }
    }

    /// Everything before `end` is there, and of the rest only what must be.
    fn prefix(&self, end: u64) -> Choice {
        let log = self.committed.max(end);
        let mut choice = self.base(log);
        for (file, (_, content)) in self.unsynced.iter().enumerate() {
            for (fate, entry) in choice.fates[file].iter_mut().zip(content.journal()) {
                if is_write(entry) && entry.sequence < end {
                    *fate = Fate::Kept;
                }
            }
        }
        choice
    }

    fn given_up(&self, landed: bool, zeros: Zeros) -> Vec<GivenUp> {
        vec![GivenUp { landed, zeros }; self.unsynced.len()]
    }

    /// The whole log, and no data.
    fn log(&self) -> Choice {
        let mut choice = self.base(self.now);
        for file in 0..self.unsynced.len() {
            self.finish(&mut choice.fates[file], file, self.now, Tail::Sized);
        }
        choice.given_up = self.given_up(false, Zeros::Pages);
        choice
    }

    /// No more of the log than is certain, and the data of that.
    fn data(&self, given_up: GivenUp) -> Choice {
        let mut choice = self.base(self.committed);
        for (file, (_, content)) in self.unsynced.iter().enumerate() {
            for (fate, entry) in choice.fates[file].iter_mut().zip(content.journal()) {
                if is_write(entry) && entry.sequence < self.committed {
                    *fate = Fate::Kept;
                }
            }
        }
        choice.given_up.fill(given_up);
        choice
    }

    fn in_place(&self) -> Choice {
        let mut choice = self.data(GivenUp { landed: true, zeros: Zeros::Pages });
        for file in 0..self.unsynced.len() {
            self.finish(&mut choice.fates[file], file, self.committed, Tail::InPlace);
        }
        choice
    }

    fn small(&self) -> Choice {
        let mut choice = self.prefix(0);
        for file in 0..self.unsynced.len() {
            self.finish(&mut choice.fates[file], file, self.committed, Tail::Small);
        }
        choice.given_up = self.given_up(false, Zeros::SmallBlocks);
        choice
    }

    /// The log reached the disk up to `log`, with no more data than had to come with it.
    pub(super) fn base(&self, log: u64) -> Choice {
        let names = self.disk.names.journal().iter().map(|entry| entry.sequence < log).collect();
        let files = 0..self.unsynced.len();
        let fates = files.map(|file| self.base_fates(file, log)).collect();
        Choice { log, names, fates, given_up: self.given_up(false, Zeros::None) }
    }

    fn base_fates(&self, file: usize, log: u64) -> Vec<Fate> {
        let content = self.unsynced[file].1;
        let begun = self.begun(file, log);
        let fate = |entry: &ContentEntry| match (is_resize(entry), self.fs) {
            (true, _) if entry.sequence < log => Fate::Kept,
            (false, _) if entry.sequence < begun => Fate::Sized(Rest::Full),
            (false, FsModel::Ext4) if entry.sequence < log => Fate::Sized(Rest::InBlock),
            _ => Fate::Dropped,
        };
        content.journal().iter().map(fate).collect()
    }

    /// The writes before this have their size and blocks in the log: a rename began to write them
    /// back (`ext4_alloc_da_blocks`) and is in the log itself.
    ///
    /// ```text
    /// open 0 a creat; write 0 0 9; fsync 0; open 1 b creat; write 1 0 9; rename b a; fsync 0
    /// ```
    pub(super) fn begun(&self, file: usize, log: u64) -> u64 {
        let renames = self.unsynced[file].1.written_back().iter().copied();
        let renames = renames.filter(|rename| *rename < log && self.fs == FsModel::Ext4);
        renames.max().unwrap_or(0)
    }

    /// What lies behind the data that reached the disk.
    pub(super) fn finish(&self, fates: &mut [Fate], file: usize, log: u64, tail: Tail) {
        let content = self.unsynced[file].1;
        if tail == Tail::Small && self.fs == FsModel::Ext4 {
            on_small_blocks(content, fates);
        }
        for (fate, entry) in fates.iter_mut().zip(content.journal()) {
            match tail {
                Tail::Sized
                    if entry.sequence < log
                        && matches!(fate, Fate::Dropped | Fate::Sized(_))
                        && !is_resize(entry) =>
                {
                    *fate = Fate::Sized(Rest::Full);
                }
                Tail::InPlace if entry.sequence >= log => *fate = Fate::InPlace,
                _ => {}
            }
        }
    }

    fn torn(&self, n: u64) -> Result<Choice, Impossible> {
        let Some((sequence, file, entry)) = self.writes().pop() else {
            return Err(Impossible("there is no unsynced write that could be torn".to_string()));
        };
        // If it tore, a rename that wrote it back is not in the log.
        let renames = self.unsynced[file].1.written_back().iter();
        let rename = renames.filter(|rename| **rename > sequence).min();
        let end = rename.filter(|_| self.fs == FsModel::Ext4).copied().unwrap_or(self.now);
        if end < self.committed {
            return Err(written_back());
        }
        let mut choice = self.prefix(end);
        let tears = self.tears(file, entry);
        let place = usize::try_from(n - 1).ok().and_then(|n| tears.get(n));
        let Some(fate) = place else {
            return Err(Impossible(format!(
                "the last unsynced write can be torn in {} ways under {}",
                tears.len(),
                self.fs
            )));
        };
        choice.fates[file][entry] = *fate;
        let choice = self.with_truncations(choice);
        if choice.fates[file][entry] != *fate {
            return Err(written_back());
        }
        Ok(choice)
    }

    /// The ways to tear a write if everything before it reached the disk.
    fn tears(&self, file: usize, entry: usize) -> Vec<Fate> {
        let journal = self.unsynced[file].1.journal();
        let mut blocks = Blocks::of(self.unsynced[file].1);
        for before in &journal[..entry] {
            blocks.follow(&before.change);
        }
        match &journal[entry].change {
            Change::Write { offset, bytes } => blocks.reach(*offset, bytes).tears(self.fs),
            Change::Resize { .. } | Change::Extend { .. } => Vec::new(),
        }
    }

    /// How many choices there are; several may leave the same image.
    pub fn choices(&self) -> u128 {
        self.groups().count
    }

    /// All choices.
    pub(super) fn groups(&self) -> Groups {
        if self.fs == FsModel::Posix {
            return Groups::new(vec![self.group(self.now)]);
        }
        let logs = self.logs();
        Groups::new(logs.into_iter().map(|log| self.group(log)).collect())
    }

    fn group(&self, log: u64) -> Group {
        Group::new(log, self.axes(log))
    }

    /// The choice with this number.
    pub(super) fn numbered(&self, Groups { groups, count }: &Groups, number: u64) -> Choice {
        if *count > NUMBERED {
            return self.drawn(groups, number);
        }
        let mut left = u128::from(number) % *count;
        let mut place = 0;
        while left >= groups[place].size {
            left -= groups[place].size;
            place += 1;
        }
        self.assemble(&groups[place], |options| {
            let option = left % options as u128;
            left /= options as u128;
            option as usize
        })
    }

    fn drawn(&self, groups: &[Group], number: u64) -> Choice {
        let mut state = number;
        let mut draw = move |options: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % options as u64) as usize
        };
        let group = &groups[draw(groups.len())];
        self.assemble(group, draw)
    }

    fn assemble(&self, group: &Group, mut pick: impl FnMut(usize) -> usize) -> Choice {
        let mut choice = self.base(group.log);
        if self.fs == FsModel::Posix {
            choice.names.fill(false);
        }
        for axis in &group.axes {
            let picked = pick(axis.options());
            self.pick(&mut choice, group.log, axis, picked);
        }
        self.with_truncations(choice)
    }
}

fn written_back() -> Impossible {
    Impossible("the last unsynced write was written back".to_string())
}

fn is_resize(entry: &ContentEntry) -> bool {
    matches!(entry.change, Change::Resize { .. })
}
