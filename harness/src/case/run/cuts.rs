//! One power cut in every state that it may leave, without doing the whole run for each.
//!
//! The run is made once, up to the start that follows the cut; the kernel says which images the
//! cut could have left. Each is put on a disk and started from, and what is seen of that is its
//! class: how often the start was refused, the dataset, what the disk holds then, what was left
//! behind. Nothing else can reach the rest of the run, so one image of each class, judged by an
//! ordinary run, speaks for all. What an image loads to is remembered, because neighbouring calls
//! have most of their images in common; what was promised is not, because it differs by call. Must
//! not know: what is promised, and why anybody asks.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::judge::{is_temporary, questions};
use super::rehearse::Nobody;
use super::runner::{Runner, Stop};
use super::{Brief, brief};
use crate::case::oracle::Oracle;
use crate::case::resp::{decode, encode};
use crate::case::script::{Script, Verb};
use crate::contract::{Unit, expiring};
use crate::kernel::disk::power_cut::{Images, Profile as DiskProfile, Shown};
use crate::kernel::{Image, Survey, Time};
use crate::observation::Argv;
use crate::profile::Profile;
use crate::world::{Broken, Directive, Status, Victim, World};

/// A call at which the power is cut.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CutPoint {
    /// The run with the cut that leaves nothing, as a case.
    pub script: String,
    /// The line of it that cuts: it ends with `none`.
    pub rule: String,
}

impl CutPoint {
    /// The run with another cut.
    pub fn with(&self, cut: &str) -> String {
        let rule = self.rule.strip_suffix("none").unwrap_or(&self.rule);
        self.script.replacen(&self.rule, &format!("{rule}{cut}"), 1)
    }
}

/// Images that come to the same, and what that is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Judged {
    /// Leaves the first of them, under the strongest profile that allows one.
    pub cut: String,
    pub brief: Brief,
}

/// What a power cut at one call may come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Surveyed {
    pub judged: Vec<Judged>,
    /// How many images were judged, by the strongest profile that allows them, strongest first.
    pub images: Vec<u64>,
    /// Whether these are all that there are.
    pub complete: bool,
}

/// What is known of images that were started from.
#[derive(Debug, Default)]
pub struct Loads {
    known: BTreeMap<Question, u64>,
    /// How many were asked for, known or not.
    pub asked: u64,
}

/// Image, configuration, and the time where keys expire.
type Question = (u64, u64, Time);

/// Makes worlds.
pub type Make<'a> = dyn Fn() -> Result<Box<dyn World>, Broken> + 'a;

/// Judges every image, of each profile at most `budget` beside those with names; None: the call was
/// never made.
///
/// # Errors
/// When a world cannot be made, or breaks before the cut.
pub fn survey(
    point: &CutPoint,
    make: &Make<'_>,
    profile: &Profile,
    oracle: &mut dyn Oracle,
    loads: &mut Loads,
    budget: u64,
) -> Result<Option<Surveyed>, Broken> {
    let ask = Survey { weakest: DiskProfile::Posix, budget, images: None };
    let script = parsed(&point.script)?;
    let Some((images, start)) = up_to_the_start(&script, make, profile, ask)? else {
        return Ok(None);
    };
    let mut loader = Loader { make, start: &start, world: None, used: 0 };
    let mut surveyed = Surveyed { complete: images.complete, ..Surveyed::default() };
    surveyed.images = vec![0; DiskProfile::ALL.len()];
    let mut classes: Vec<u64> = Vec::new();
    for Shown { cut, image } in &images.shown {
        surveyed.images[cut.profile as usize] += 1;
        let class = loader.class_of(image, loads)?;
        if classes.contains(&class) {
            continue;
        }
        classes.push(class);
        let cut = cut.to_string();
        let script = parsed(&point.with(&cut))?;
        let mut world = make()?;
        let brief = brief(&script, &mut *world, profile, oracle, false);
        surveyed.judged.push(Judged { cut, brief });
    }
    loader.put_away()?;
    Ok(Some(surveyed))
}

fn parsed(text: &str) -> Result<Script, Broken> {
    crate::case::parse("script", text)
        .map_err(|bad| Broken::Harness(format!("a bad script got as far as a world: {bad}")))
}

/// Under which circumstances the server starts after the cut.
struct Start {
    directives: Vec<Directive>,
    hash: u64,
    at: Time,
    /// Whether the time of the start decides what is found.
    expires: bool,
    questions: Vec<Argv>,
}

/// The run up to the start after the cut.
fn up_to_the_start(
    script: &Script,
    make: &Make<'_>,
    profile: &Profile,
    ask: Survey,
) -> Result<Option<(Images, Start)>, Broken> {
    let mut world = make()?;
    world.kernel().survey = Some(ask);
    let mut nobody = Nobody;
    let mut runner = Runner::new(script, &mut *world, profile, &mut nobody);
    runner.quiet = true;
    runner.rehearsal = true;
    let came = match runner.run_to_the_start_after_the_cut() {
        Ok(came) => came,
        Err(Stop::Broken(broken)) => return Err(broken),
        Err(Stop::BadCase | Stop::NotApplicable(_)) => false,
    };
    let start = runner.circumstances();
    let survey = world.kernel().survey.take();
    world.finish()?;
    let images = survey.and_then(|survey| survey.images);
    Ok(images.filter(|_| came).map(|images| (images, start)))
}

impl Runner<'_> {
    /// False when the power was never cut, or nothing starts after that.
    fn run_to_the_start_after_the_cut(&mut self) -> Result<bool, Stop> {
        for step in &self.script.steps {
            self.start_for(step)?;
            if let (Verb::Restart(directives), false) = (&step.verb, self.seen.cuts.is_empty()) {
                directives.iter().for_each(|directive| self.configure(directive));
                return Ok(true);
            }
            self.step(step)?;
        }
        Ok(false)
    }

    fn circumstances(&self) -> Start {
        let entries = self.lineage.entries(&self.seen.history);
        let units: Vec<Unit> = entries.into_iter().map(|entry| entry.unit).collect();
        let mut hasher = DefaultHasher::new();
        self.directives.hash(&mut hasher);
        Start {
            directives: self.directives.clone(),
            hash: hasher.finish(),
            at: self.now(),
            expires: !expiring(&units).is_empty(),
            questions: questions(&units),
        }
    }
}

/// Starts servers from images, many on one machine.
struct Loader<'a> {
    make: &'a Make<'a>,
    start: &'a Start,
    world: Option<Box<dyn World>>,
    used: u32,
}

/// So many images share a machine, whose trace grows with each.
const SHARE: u32 = 64;
/// Who asks.
const ASKER: &str = "observer";

impl Loader<'_> {
    fn class_of(&mut self, image: &Image, loads: &mut Loads) -> Result<u64, Broken> {
        let Start { hash, at, expires, .. } = *self.start;
        loads.asked += 1;
        let question = (image.hash(), hash, if expires { at } else { Time::ZERO });
        if let Some(class) = loads.known.get(&question) {
            return Ok(*class);
        }
        let class = match self.load(image) {
            Ok(class) => class,
            Err(Broken::Hung(why)) => {
                self.world = None;
                hash_of(&why)
            }
            Err(broken) => return Err(broken),
        };
        loads.known.insert(question, class);
        Ok(class)
    }

    fn load(&mut self, image: &Image) -> Result<u64, Broken> {
        if self.used == SHARE {
            self.put_away()?;
        }
        self.used += 1;
        let start = self.start;
        let world = match &mut self.world {
            Some(world) => world,
            none => none.insert((self.make)()?),
        };
        if world.kernel().now() < start.at {
            world.kernel().advance_to(start.at);
        }
        world.put_image(image)?;
        let mut hasher = DefaultHasher::new();
        // As a supervisor would, see `Runner::start`.
        let mut before = disk_hash(&**world);
        for _ in 0..2 {
            world.start(&start.directives)?;
            if let Status::Running = world.status() {
                break;
            }
            format!("{:?}", world.status()).hash(&mut hasher);
            // The same disk is refused for the same reason.
            let after = disk_hash(&**world);
            if std::mem::replace(&mut before, after) == after {
                break;
            }
        }
        dataset(&mut **world, &start.questions)?.hash(&mut hasher);
        disk_hash(&**world).hash(&mut hasher);
        world.log();
        world.kill(Victim::All)?;
        world.settle()?;
        Ok(hasher.finish())
    }

    fn put_away(&mut self) -> Result<(), Broken> {
        self.used = 0;
        self.world.take().map_or(Ok(()), |mut world| world.finish())
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The answers that tell the dataset; none when no server answers.
fn dataset(world: &mut dyn World, questions: &[Argv]) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    for question in questions {
        bytes.extend(encode(question));
    }
    if !world.send(ASKER, &bytes)? {
        return Ok(Vec::new());
    }
    world.settle()?;
    let answers = world.receive(ASKER).bytes;
    // The last one is the digest: the others only make the server look at keys.
    let (mut at, mut last) = (0, 0);
    while let Ok(Some((_, length))) = decode(&answers[at..]) {
        last = at;
        at += length;
    }
    Ok(answers[last..].to_vec())
}

/// What the disk holds, as far as a server may ever look at it.
fn disk_hash(world: &dyn World) -> u64 {
    let mut hasher = DefaultHasher::new();
    let kernel = world.kernel();
    for (name, content) in kernel.disk.files() {
        let role = kernel.role_of_name(name);
        if is_temporary(&role) {
            role.hash(&mut hasher);
        } else {
            (name, content).hash(&mut hasher);
        }
    }
    hasher.finish()
}
