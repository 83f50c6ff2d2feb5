//! Real servers on real file systems: what is found after a power cut, and what a server makes of
//! it, is among what the model predicts for the same case.
//!
//! Three cases of the library are played on a server that writes to ext4 or XFS on a loop device.
//! A sync fails because the device is full. At the cut the file system is stopped, mounted again
//! and read, and the server is started on what is there. The same case is played on the same server
//! under supervision; the disk of that says which states may be found, and which outcomes are
//! predicted: those of every state that a sweep would try.
//!
//! It takes root and loop devices, mkfs.ext4 and mkfs.xfs; elsewhere it is skipped with a notice,
//! and fails when `SABOT_REQUIRE` names `disks`. A server that is not there is skipped likewise.
//! `ci/real-disk` runs it and requires everything. It prints a table.

#[path = "../support/image.rs"]
mod image;
#[path = "../support/loop_device/mod.rs"]
mod loop_device;
mod model;
mod server;
#[path = "../support/skip.rs"]
mod skip;
mod story;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::thread;

use libtest_mimic::{Arguments, Failed, Trial};
use sabot::engine::servers;
use sabot::profile::Profile;
use sabot::world::supervised::Machine;

use loop_device::{EXT4_4K, Impossible, Kind, LoopDevice, XFS_4K};
use server::{Left, Place, Writeback, leave};
use story::Story;
use table::Row;

/// The first argument of the process that does the work: it enters namespaces.
const DRIVER: &str = "driver";

const SERVERS: [&str; 3] = ["redis-6.0.16", "redis-7.0.15", "redis-8.0.2"];
const KINDS: [&Kind; 2] = [&EXT4_4K, &XFS_4K];
const CASES: [&str; 3] = [
    "power_cut/failed_sync_and_later_writes",
    "power_cut/sync_of_a_clean_file",
    "power_cut/truncation_and_data",
];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(DRIVER) {
        return driver();
    }
    let trial = Trial::test("real servers on real file systems leave what is predicted", driven);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn driven() -> Result<(), Failed> {
    if let Err(Impossible(why)) = LoopDevice::make(&EXT4_4K).and(LoopDevice::make(&XFS_4K)) {
        skip::skip("disks", &why);
        return Ok(());
    }
    let status = Command::new(std::env::current_exe()?).arg(DRIVER).status()?;
    if status.success() { Ok(()) } else { Err("the rows marked NO were not predicted".into()) }
}

fn driver() -> ExitCode {
    let servers: Vec<(&str, PathBuf)> = SERVERS
        .into_iter()
        .filter_map(|name| {
            let found = servers::find(name).map(|path| (name, path));
            if found.is_none() {
                skip::skip(name, "it is not there; ci/servers downloads it");
            }
            found
        })
        .collect();
    let stories = CASES.map(Story::of_case);
    let left = leave_all(&servers, &stories);
    let machine = Machine::prepare().unwrap_or_else(|why| panic!("{why}"));
    let rows: Vec<Row> = left.iter().map(|left| model::predicted(&machine, left)).collect();
    print!("{}", table::text(&rows));
    if rows.iter().all(Row::is_predicted) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays every story on every server and file system; each pair has a thread of its own, because
/// most of the time is waiting.
fn leave_all<'a>(servers: &'a [(&'a str, PathBuf)], stories: &'a [Story]) -> Vec<Left<'a>> {
    let pairs = servers.iter().flat_map(|server| KINDS.map(|kind| (server, kind)));
    thread::scope(|scope| {
        let play = |((server, path), kind): (&'a (&'a str, PathBuf), &'static Kind)| {
            let (profile, program) = Profile::of(path).expect("it tells its version");
            let device = LoopDevice::make(kind).expect("one was made before");
            let place = Place { server, profile, program, kind, device };
            let ways = stories.iter().flat_map(|story| Writeback::ALL.map(|way| (story, way)));
            ways.map(|(story, way)| leave(&place, story, way)).collect::<Vec<_>>()
        };
        let threads: Vec<_> = pairs.map(|pair| scope.spawn(move || play(pair))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}
