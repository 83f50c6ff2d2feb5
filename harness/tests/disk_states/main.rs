//! The states that the model of the disk allows after a power cut, against what ext4 and XFS leave:
//! random scripts of file operations on both, and the power goes at the end of each.
//!
//! Script `n` is drawn from `n` alone. One that leaves what the model does not allow is made
//! smaller and printed. `DISK_SCRIPTS=3000` runs as many on each file system, `DISK_FIRST=4711`
//! begins with that one; `DISK_SCRIPT='open 0 a creat; append 0 10'` runs that one alone,
//! `DISK_SCRIPT_RUNS` times. It needs root and loop devices, mkfs.ext4 and mkfs.xfs; elsewhere it
//! is skipped with a notice, and fails when `SABOT_REQUIRE` names `disks`.

mod model;
mod raw;
mod real;
mod script;
#[path = "../support/skip.rs"]
mod skip;

use std::collections::BTreeMap;
use std::env;

use nix::errno::Errno;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sabot::kernel::disk::power_cut::{FsModel, PowerCut};

use model::{Machine, image, shown};
use real::{EXT4_1K, EXT4_4K, FileSystem, Kind, XFS_4K};
use script::{Step, steps, text};
use skip::skip;

/// On each file system, in `cargo test`.
const SCRIPTS: u64 = 60;
/// How often a smaller script is tried: what is found depends on how far writing back has come.
const TRIES: usize = 3;
/// What supervised sweeps try of each model, besides what has a name.
const FEW_IMAGES: u64 = 16;

/// What the scripts came to.
#[derive(Default)]
struct Tally {
    allowed: Vec<u64>,
    tried: Vec<u64>,
    /// How many scripts left one of the states tried, where these are as few.
    seen_among_few: u64,
    seen_among_all: u64,
    scripts: u64,
    failed_syncs: u64,
    reached: BTreeMap<String, u64>,
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Draws script `n`.
fn draw(n: u64) -> impl ValueTree<Value = Vec<Step>> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    steps().new_tree(&mut runner).expect("nothing is filtered")
}

/// Runs a script on both sides; what is wrong, if something is.
fn compare(
    fs: &mut FileSystem,
    weakest: FsModel,
    steps: &[Step],
    tally: &mut Tally,
) -> Result<(), String> {
    let (results, found) = fs.run(steps);
    let found = image(&found);
    let errors =
        || results.iter().zip(steps).filter_map(|(result, step)| Some((result.err()?, step)));
    let machine = Machine::after(steps, &results)?;
    tally.scripts += 1;
    tally.failed_syncs += errors().filter(|(errno, _)| is_of_device(*errno)).count() as u64;
    for (step, result) in steps.iter().zip(&results) {
        let word = step.to_string().split(' ').next().unwrap_or("").to_string();
        *tally.reached.entry(word).or_default() += u64::from(result.is_ok());
    }
    if !machine.cut(weakest).allows(&found) {
        let errors: Vec<_> = errors().map(|(errno, step)| format!("{step}: {errno}")).collect();
        return Err(format!("left {}\nerrors: {}", shown(&found), errors.join(", ")));
    }
    tally.allowed.push(u64::try_from(machine.cut(weakest).choices()).unwrap_or(u64::MAX));
    let few = PowerCut::images(machine.disk(), weakest, FEW_IMAGES);
    let all = PowerCut::images(machine.disk(), weakest, 4096);
    tally.tried.push(few.shown.len() as u64);
    let has = |images: &[sabot::kernel::disk::power_cut::Shown]| {
        u64::from(images.iter().any(|shown| shown.image == found))
    };
    tally.seen_among_few += has(&few.shown);
    tally.seen_among_all += has(&all.shown);
    Ok(())
}

fn is_of_device(errno: Errno) -> bool {
    matches!(errno, Errno::EIO | Errno::ENOSPC)
}

/// The smallest script that leaves something unforeseen.
fn smallest(
    tree: &mut impl ValueTree<Value = Vec<Step>>,
    first: String,
    fs: &mut FileSystem,
    weakest: FsModel,
) -> String {
    let mut last = (text(&tree.current()), first);
    let mut differs = |steps: &[Step]| {
        let mut again = || compare(fs, weakest, steps, &mut Tally::default()).err();
        let found = (0..TRIES).find_map(|_| again());
        found.map(|found| last = (text(steps), found)).is_some()
    };
    for _ in 0..400 {
        if !tree.simplify() {
            break;
        }
        while !differs(&tree.current()) {
            if !tree.complicate() {
                break;
            }
        }
    }
    format!("DISK_SCRIPT='{}'\n{}", last.0, last.1)
}

fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn check(kind: &'static Kind, weakest: FsModel) {
    let mut fs = match FileSystem::make(kind) {
        Ok(fs) => fs,
        Err(real::Impossible(why)) => return skip("disks", &why),
    };
    let mut tally = Tally::default();
    let mut unforeseen = Vec::new();
    if let Ok(one) = env::var("DISK_SCRIPT") {
        let steps = script::parse(&one).expect("a script");
        for _ in 0..number("DISK_SCRIPT_RUNS").unwrap_or(1) {
            if let Err(what) = compare(&mut fs, weakest, &steps, &mut tally) {
                unforeseen.push(what);
            }
        }
    } else {
        let first = number("DISK_FIRST").unwrap_or(0);
        for n in first..first + number("DISK_SCRIPTS").unwrap_or(SCRIPTS) {
            let mut tree = draw(n);
            if let Err(what) = compare(&mut fs, weakest, &tree.current(), &mut tally) {
                unforeseen
                    .push(format!("script {n}: {}", smallest(&mut tree, what, &mut fs, weakest)));
                if unforeseen.len() >= 10 {
                    break;
                }
            }
        }
    }
    report(kind, &tally);
    assert!(unforeseen.is_empty(), "{}:\n{}", kind.name, unforeseen.join("\n\n"));
}

fn report(kind: &Kind, tally: &Tally) {
    let linux = nix::sys::utsname::uname().expect("Linux says what it is");
    eprintln!(
        "{} on Linux {} ({}): {} scripts, {} errors of the device; states per script: {} choices, \
         {} tried of {FEW_IMAGES} a model (medians); {} left one of these, {} one of all",
        kind.name,
        linux.release().to_string_lossy(),
        kind.command().join(" "),
        tally.scripts,
        tally.failed_syncs,
        median(&tally.allowed),
        median(&tally.tried),
        tally.seen_among_few,
        tally.seen_among_all,
    );
    eprintln!("{:?}", tally.reached);
}

#[test]
fn ext4_leaves_nothing_unforeseen() {
    check(&EXT4_4K, FsModel::Ext4);
}

#[test]
fn ext4_with_small_blocks_leaves_nothing_unforeseen() {
    check(&EXT4_1K, FsModel::Ext4);
}

#[test]
fn xfs_leaves_nothing_unforeseen() {
    check(&XFS_4K, FsModel::Xfs);
}
