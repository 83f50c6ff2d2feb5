//! All images that a power cut may leave, or a fair sample of them, each once.
//!
//! First come those with a name (nothing, everything, the log alone, what is written in place, the
//! data alone, nothing on small blocks, each prefix, each tear of the last write), then the others
//! by number. Stronger models come first, so that each image is listed under the strongest model
//! that allows it. Must not know: what is done with an image.

#[cfg(test)]
mod tests;

use rustc_hash::FxHashSet;

use super::choice::NUMBERED;
use super::fate::Choice;
use super::{Cut, Disk, FsModel, Image, Missing, Mode, PowerCut};

/// An image and a power cut that leaves it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its model is the strongest that was found to allow the image.
    pub cut: Cut,
    pub image: Image,
    /// What it lacks, by path.
    pub missing: Vec<(String, Missing)>,
}

/// The images of one power cut.
#[derive(Clone, Debug)]
pub struct Images {
    /// Each image once.
    pub shown: Vec<Shown>,
    /// Whether these are all; otherwise they are those with a name, and a sample.
    pub complete: bool,
    /// How many choices there were under all models; several may leave the same image.
    pub choices: u128,
}

impl PowerCut<'_> {
    /// The images that `weakest` and every stronger model allow: of each model at most `budget`,
    /// besides those with names.
    pub fn images(disk: &Disk, weakest: FsModel, budget: u64) -> Images {
        let mut images = Images { shown: Vec::new(), complete: true, choices: 0 };
        let mut known = FxHashSet::default();
        let full = Image::of(disk);
        for fs in FsModel::ALL.into_iter().filter(|fs| *fs <= weakest) {
            let power = PowerCut::of(disk, fs);
            let mut show = |mode: Mode, choice: &Choice| {
                let names = power.names(choice);
                let image = power.build_with(&names, choice);
                if known.insert(image.hash()) {
                    let missing = power.missing(&names, &image, &full);
                    images.shown.push(Shown { cut: Cut { mode, fs }, image, missing });
                }
            };
            let prefixes = 0..=power.events().len() as u64;
            let kinds = [Mode::None, Mode::All, Mode::Log, Mode::InPlace, Mode::Data, Mode::Small];
            let named = kinds.into_iter().chain(prefixes.map(Mode::Prefix));
            for mode in named.chain((1..).map(Mode::Torn)) {
                match power.choose(mode) {
                    Ok(choice) => show(mode, &choice),
                    Err(_) => break,
                }
            }
            let groups = power.groups();
            let count = groups.count;
            images.choices = images.choices.saturating_add(count);
            images.complete &= count <= NUMBERED && count <= u128::from(budget);
            for n in 0..u64::try_from(count).unwrap_or(u64::MAX).min(budget) {
                let number = match count {
                    // Few enough to be numbered, too many for the budget: spread evenly.
                    _ if count <= NUMBERED && count > u128::from(budget) => {
                        (u128::from(n) * count / u128::from(budget)) as u64
                    }
                    _ => n,
                };
                show(Mode::Seed(number), &power.numbered(&groups, number));
            }
        }
        images
    }
}
