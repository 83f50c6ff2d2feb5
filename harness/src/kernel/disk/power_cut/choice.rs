//! From a mode to a choice: a fate for every change, so that the whole is allowed.
//!
//! All choices under a model are numbered, so that a number always stands for the same one. They
//! form groups by how much of the log of names and sizes reached the disk (one group where there is
//! no such log); within a group they are made along independent axes. Must not know: the content
//! that results.

use super::fate::{Blocks, Fate, Reach, Rest};
use super::{FsModel, Impossible, Mode, PowerCut, is_write};
use crate::kernel::disk::page_cache::Change;

/// A fate for every change.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// For each change of names, whether it is there.
    pub names: Vec<bool>,
    /// For each unsynced file, the fate of each entry of its journal.
    pub fates: Vec<Vec<Fate>>,
}

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

/// Something that is chosen independently.
enum Axis {
    /// A file that is written back in order: how many of its writes reached the disk, and how the
    /// next one tore.
    InOrder { file: usize, options: Vec<(usize, Option<Fate>)> },
    /// One change of a file.
    Change { file: usize, entry: usize, options: Vec<Fate> },
    /// One change of names.
    Name(usize),
}

impl Axis {
    fn options(&self) -> usize {
        match self {
            Axis::InOrder { options, .. } => options.len(),
            Axis::Change { options, .. } => options.len(),
            Axis::Name(_) => 2,
        }
    }
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
        match mode {
            Mode::None => Ok(self.prefix(0)),
            Mode::All => Ok(self.prefix(self.now)),
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

    /// The log reached the disk up to `log`, with no more data than had to come with it.
    fn base(&self, log: u64) -> Choice {
        let names = self.disk.names.journal().iter().map(|entry| entry.sequence < log).collect();
        let files = 0..self.unsynced.len();
        Choice { names, fates: files.map(|file| self.base_fates(file, log)).collect() }
    }

    fn base_fates(&self, file: usize, log: u64) -> Vec<Fate> {
        let content = self.unsynced[file].1;
        let forced = self.forced(file, log);
        let fate = |entry| match (is_write(entry), self.fs) {
            (false, _) if entry.sequence < log => Fate::Kept,
            (true, _) if entry.sequence < forced => Fate::Kept,
            (true, FsModel::Ext4) if entry.sequence < log => Fate::Sized(Rest::InBlock),
            _ => Fate::Dropped,
        };
        content.journal().iter().map(fate).collect()
    }

    /// The writes before this reached the disk, because a rename wrote them back and is in the log.
    fn forced(&self, file: usize, log: u64) -> u64 {
        let renames = self.unsynced[file].1.written_back().iter().copied();
        let renames = renames.filter(|rename| *rename < log && self.fs == FsModel::Ext4);
        renames.max().unwrap_or(0)
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
            return Err(Impossible("the last unsynced write was written back".to_string()));
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
        Ok(choice)
    }

    /// The ways to tear a write if everything before it reached the disk.
    fn tears(&self, file: usize, entry: usize) -> Vec<Fate> {
        let journal = self.unsynced[file].1.journal();
        let mut blocks = Blocks::of(self.unsynced[file].1);
        for before in &journal[..entry] {
            follow(&mut blocks, &before.change);
        }
        match &journal[entry].change {
            Change::Write { offset, bytes } => blocks.reach(*offset, bytes).tears(self.fs),
            Change::Resize { .. } => Vec::new(),
        }
    }

    /// All choices.
    pub(super) fn groups(&self) -> Groups {
        if self.fs == FsModel::Posix {
            return Groups::new(vec![self.group(self.now)]);
        }
        let events = self.events().into_iter().filter(|event| *event >= self.committed);
        let mut logs: Vec<u64> = events.map(|event| event + 1).collect();
        logs.insert(0, self.committed);
        logs.dedup();
        Groups::new(logs.into_iter().map(|log| self.group(log)).collect())
    }

    fn group(&self, log: u64) -> Group {
        let mut axes = Vec::new();
        for file in 0..self.unsynced.len() {
            match self.fs {
                FsModel::Ext4 => axes.push(self.in_order(file, log)),
                _ => axes.extend(self.in_any_order(file, log)),
            }
        }
        if self.fs == FsModel::Posix {
            axes.extend((0..self.disk.names.journal().len()).map(Axis::Name));
        }
        Group::new(log, axes)
    }

    fn in_order(&self, file: usize, log: u64) -> Axis {
        let content = self.unsynced[file].1;
        let forced = self.forced(file, log);
        let mut blocks = Blocks::of(content);
        let mut options = Vec::new();
        let mut kept = 0;
        for entry in content.journal().iter().take_while(|entry| entry.sequence < log) {
            if let Change::Write { offset, bytes } = &entry.change {
                if entry.sequence >= forced {
                    options.push((kept, None));
                    let tears = blocks.reach(*offset, bytes).tears(self.fs);
                    options.extend(tears.into_iter().map(|tear| (kept, Some(tear))));
                }
                kept += 1;
            }
            follow(&mut blocks, &entry.change);
        }
        options.push((kept, None));
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
                    vec![Fate::Dropped, Fate::Kept]
                }
                Change::Write { offset, bytes } => self.any_fate(most.reach(*offset, bytes), least),
            };
            follow(&mut most, &entry.change);
            if is_write(entry) || self.fs == FsModel::Posix {
                axes.push(Axis::Change { file, entry: n, options });
            }
        }
        axes
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
        options.extend(reach.tears(self.fs).into_iter().filter(matters));
        options
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
            match axis {
                Axis::InOrder { file, options } => {
                    let (kept, tear) = options[picked];
                    self.keep(&mut choice.fates[*file], *file, kept, tear);
                }
                Axis::Change { file, entry, options } => {
                    choice.fates[*file][*entry] = options[picked];
                }
                Axis::Name(name) => choice.names[*name] = picked == 1,
            }
        }
        choice
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

fn follow(blocks: &mut Blocks, change: &Change) {
    match change {
        Change::Write { offset, bytes } => blocks.landed(offset + bytes.len() as u64),
        Change::Resize { length } => blocks.resized(*length),
    }
}
