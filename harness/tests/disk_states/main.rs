//! The states that the model of the disk allows after a power cut, against what ext4 and XFS leave:
//! random scripts of file operations on both, and the power goes at the end of each.
//!
//! Script `n` is drawn from `n` alone. One that leaves what the model does not allow is made
//! smaller and printed. `DISK_SCRIPTS=3000` runs as many on each file system, `DISK_FIRST=4711`
//! begins with that one; `DISK_SCRIPT='open 0 a creat; append 0 10'` runs that one alone,
//! `DISK_SCRIPT_RUNS` times. It needs root and loop devices, mkfs.ext4 and mkfs.xfs; elsewhere it
//! is skipped with a notice, and fails when `SABOT_REQUIRE` names `disks`.

#[path = "../support/image.rs"]
mod image;
#[path = "../support/loop_device/mod.rs"]
mod loop_device;
mod model;
mod real;
mod script;
#[path = "../support/skip.rs"]
mod skip;
mod tally;

use std::env;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sabot::kernel::disk::power_cut::{FsModel, PowerCut};

use image::image;
use loop_device::{EXT4_4K, Impossible, Kind, XFS_4K};
use model::{Machine, shown};
use real::FileSystem;
use script::{Step, steps, text};
use skip::skip;
use tally::{Came, FEW, MANY, Tally};

const EXT4_1K: Kind = Kind { name: "ext4, 1 KiB", mkfs: &["-b", "1024"], ..EXT4_4K };

/// On each file system, in `cargo test`.
const SCRIPTS: u64 = 60;
/// How often a smaller script is tried: what is found depends on how far writing back has come.
const TRIES: usize = 3;
/// One script of so many runs several times, to see how many states it leaves.
const AGAIN_EACH: u64 = 10;
const AGAIN: usize = 6;

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

/// Runs a script on both sides, so many times; what is wrong, if something is. What one model
/// allows, each weaker one does.
fn compare(
    fs: &mut FileSystem,
    weakest: FsModel,
    steps: &[Step],
    times: usize,
    tally: &mut Tally,
) -> Result<(), String> {
    let mut found = Vec::new();
    let mut last = None;
    for _ in 0..times {
        let (results, its) = fs.run(steps);
        let its = image(&its.dirs, &its.files);
        let machine = Machine::after(steps, &results)?;
        let mut models = FsModel::ALL.into_iter().filter(|fs| *fs >= weakest);
        if let Some(fs) = models.find(|fs| !machine.cut(*fs).allows(&its)) {
            let errors = results.iter().zip(steps);
            let errors = errors.filter_map(|(its, step)| Some(format!("{step}: {}", its.err()?)));
            let errors = errors.collect::<Vec<_>>().join(", ");
            return Err(format!("left, not as {fs}, {}\nerrors: {errors}", shown(&its)));
        }
        found.push(its);
        last = Some((machine, results));
    }
    let (machine, results) = last.expect("it ran");
    let choices = machine.cut(weakest).choices();
    let few = PowerCut::images(machine.disk(), weakest, FEW);
    let all = PowerCut::images(machine.disk(), weakest, MANY);
    tally.count(&Came { steps, results: &results, choices, few, all, found });
    Ok(())
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
        let mut again = || compare(fs, weakest, steps, 1, &mut Tally::default()).err();
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

fn check(kind: &'static Kind) {
    let weakest = if kind.is_xfs() { FsModel::Xfs } else { FsModel::Ext4 };
    let mut fs = match FileSystem::make(kind) {
        Ok(fs) => fs,
        Err(Impossible(why)) => return skip("disks", &why),
    };
    let mut tally = Tally::default();
    let mut unforeseen = Vec::new();
    if let Ok(one) = env::var("DISK_SCRIPT") {
        let steps = script::parse(&one).expect("a script");
        let times = number("DISK_SCRIPT_RUNS").unwrap_or(1) as usize;
        unforeseen.extend(compare(&mut fs, weakest, &steps, times, &mut tally).err());
    } else {
        let first = number("DISK_FIRST").unwrap_or(0);
        for n in first..first + number("DISK_SCRIPTS").unwrap_or(SCRIPTS) {
            let mut tree = draw(n);
            let times = if n.is_multiple_of(AGAIN_EACH) { AGAIN } else { 1 };
            if let Err(what) = compare(&mut fs, weakest, &tree.current(), times, &mut tally) {
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
    let (release, made) = (linux.release().to_string_lossy(), kind.command().join(" "));
    eprintln!("{} on Linux {release} ({made}): {tally}", kind.name);
}

#[test]
fn ext4_leaves_nothing_unforeseen() {
    check(&EXT4_4K);
}

#[test]
fn ext4_with_small_blocks_leaves_nothing_unforeseen() {
    check(&EXT4_1K);
}

#[test]
fn xfs_leaves_nothing_unforeseen() {
    check(&XFS_4K);
}
