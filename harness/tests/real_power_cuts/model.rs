//! The same story under supervision, and what the model predicts for its power cut.
//!
//! Two runs of a server differ in pids, which are in names of files, and in what a snapshot says of
//! the time and of memory. So what was found is translated first: names by what stands around the
//! pid, bytes of snapshots by what a reader saw of the file just before the cut. Must not know: how
//! the story went on a real disk.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::errno::Errno;
use sabot::kernel::disk::power_cut::{FsModel, Images, PowerCut};
use sabot::kernel::plan::{Effect, Rule, Selector, Window};
use sabot::kernel::{CallName, Disk, Image};
use sabot::world::supervised::{Machine, Supervised};
use sabot::world::{Broken, Directive, Status, Victim, World};

use crate::image::image;
use crate::loop_device::Found;
use crate::server::Left;
use crate::story::{Player, command, said};
use crate::table::Row;

/// As many states of each model as a sweep tries of a supervised server, besides named ones.
const IMAGES: u64 = 16;
const CLIENT: &str = "client";

/// What the model says of what was left.
pub fn predicted(machine: &Machine, left: &Left<'_>) -> Row {
    row(machine, left).unwrap_or_else(|broken| panic!("{}: {broken}", left.server))
}

fn row(machine: &Machine, left: &Left<'_>) -> Result<Row, Broken> {
    let weakest = if left.kind.is_xfs() { FsModel::Xfs } else { FsModel::Ext4 };
    let mut model = Model { world: Supervised::new(machine, left.profile.clone(), &left.program)? };
    left.story.play(&mut model);
    let disk = model.world.kernel().disk.clone();
    let images = PowerCut::images(&disk, weakest, IMAGES);
    let found = translated(left, &disk, &images);
    let directives = left.story.last_start();
    let keys = left.story.keys();
    let mut outcomes = BTreeSet::new();
    for shown in &images.shown {
        outcomes.insert(model.outcome(&shown.image, &directives, &keys)?);
    }
    let its = model.outcome(&found, &directives, &keys)?;
    let tried = images.shown.iter().find(|shown| shown.image == found);
    Ok(Row {
        server: left.server.to_string(),
        fs: left.kind.name,
        story: left.story.name,
        writeback: left.writeback.words(),
        found: shown(&left.found),
        allowed: PowerCut::of(&disk, weakest).allows(&found),
        tried: tried.map(|shown| shown.cut),
        outcome: left.outcome.clone(),
        supervised: its,
        predicted: outcomes,
        details: details(&found, &images),
    })
}

struct Model {
    world: Supervised,
}

impl Model {
    fn ask(&mut self, words: &[Vec<u8>]) -> Result<Option<String>, Broken> {
        self.world.send(CLIENT, &command(words))?;
        self.world.settle()?;
        Ok(said(&self.world.receive(CLIENT).bytes))
    }

    fn outcome(
        &mut self,
        image: &Image,
        directives: &[Directive],
        keys: &[String],
    ) -> Result<String, Broken> {
        self.world.kill(Victim::All)?;
        self.world.settle()?;
        self.world.put_image(image)?;
        self.world.start(directives)?;
        if !matches!(self.world.status(), Status::Running) {
            return Ok("refused".to_string());
        }
        let mut values = BTreeMap::new();
        for key in keys {
            let said = self.ask(&[b"GET".to_vec(), key.as_bytes().to_vec()])?;
            values.insert(key, said.expect("it answers"));
        }
        let values = values.iter().map(|(key, value)| format!("{key}={value}"));
        Ok(values.collect::<Vec<_>>().join(" "))
    }

    fn advance_by(&mut self, time: Duration) {
        let to = self.world.kernel().now() + time;
        self.world.advance_to(to).expect("the world holds");
    }
}

impl Player for Model {
    fn start(&mut self, directives: &[Directive]) {
        self.world.start(directives).expect("the world holds");
        assert_eq!(self.world.status(), Status::Running, "before the power cut");
    }

    fn send(&mut self, words: &[Vec<u8>]) {
        self.ask(words).expect("the world holds").expect("it answers");
    }

    fn advance(&mut self, time: Duration) {
        self.advance_by(time);
    }

    fn fail_sync(&mut self, errno: Errno) {
        let (calls, role) = (vec![CallName::Fsync, CallName::Fdatasync], Some("aof".to_string()));
        let selector = Selector::Calls { calls, role, task: None };
        let (window, effect) = (Window::ONCE, Effect::Error(errno));
        let rule = Rule { selector, window, effect, maybe: false, origin: 0, name: None };
        self.world.kernel().plan.inject(rule);
    }

    fn heal(&mut self) {
        self.world.kernel().heal();
    }

    fn await_child(&mut self) {
        while self.world.children() > 0 {
            self.advance_by(Duration::from_millis(100));
        }
    }

    fn kill(&mut self) {
        self.world.kill(Victim::All).expect("the world holds");
        self.world.settle().expect("the world holds");
    }

    fn cut_aof(&mut self, bytes: u64) {
        let (name, content) = {
            let kernel = self.world.kernel();
            let files = kernel.disk.files().filter(|(name, _)| name.ends_with(".aof"));
            let (name, content) = files.last().expect("there is one");
            (name.to_string(), content.to_vec())
        };
        let rest = content[..content.len() - bytes as usize].to_vec();
        self.world.set_file(&name, Some(rest)).expect("the world holds");
    }
}

fn details(found: &Image, images: &Images) -> String {
    let shown = |image: &Image| {
        let files = image.files();
        let files = files.map(|(name, content)| format!("{name}={}", content.escape_ascii()));
        files.collect::<Vec<_>>().join("\n  ")
    };
    let tried = images.shown.iter().map(|its| format!("{}\n  {}", its.cut, shown(&its.image)));
    format!("found\n  {}\n{}", shown(found), tried.collect::<Vec<_>>().join("\n"))
}

/// What was found, as the model would write it.
fn translated(left: &Left<'_>, disk: &Disk, images: &Images) -> Image {
    let names = images.shown.iter().flat_map(|shown| shown.image.files());
    let names: BTreeMap<String, &str> = names.map(|(name, _)| (without_pid(name), name)).collect();
    let name = |name: &String| names.get(&without_pid(name)).map_or(&**name, |its| its).to_string();
    // What a snapshot was on both sides, where it has one length.
    let pairs: Vec<(&[u8], &[u8])> = left
        .live
        .files
        .iter()
        .filter_map(|(its, real)| Some((&**real, disk.read_file(&name(its))?)))
        .filter(|(real, modelled)| real.starts_with(b"REDIS") && real.len() == modelled.len())
        .collect();
    let files = left.found.files.iter();
    let files = files.map(|(its, content)| (name(its), same_content(content, &pairs)));
    image(&left.found.dirs, &files.collect())
}

/// The content with what it has of a real snapshot replaced by what the modelled one has there.
fn same_content(content: &[u8], pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let is_of = |real: &[u8]| {
        real.len() == content.len() && real.iter().zip(content).all(|(a, b)| *b == 0 || a == b)
    };
    let Some((real, modelled)) = pairs.iter().find(|(real, _)| is_of(real)) else {
        return content.to_vec();
    };
    let bytes = content.iter().zip(real.iter().zip(*modelled));
    bytes.map(|(found, (real, modelled))| if found == real { *modelled } else { 0 }).collect()
}

/// A name with `PID` instead of a pid: `temp-rewriteaof-bg-PID.aof`.
fn without_pid(name: &str) -> String {
    let Some(at) = name.find("temp-") else { return name.to_string() };
    let (before, rest) = name.split_at(at);
    let digits = |c: char| c.is_ascii_digit();
    let pid = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    let words = &rest[..rest.len() - pid.len()];
    format!("{before}{words}PID{}", pid.trim_start_matches(digits))
}

/// Each file with its length, and how many of its bytes are zeros.
fn shown(found: &Found) -> String {
    let file = |(name, content): (&String, &Vec<u8>)| {
        let name = name.rsplit('/').next().unwrap_or(name);
        let zeros = content.iter().filter(|byte| **byte == 0).count();
        match zeros {
            0 => format!("{name} {}", content.len()),
            _ if name.ends_with(".rdb") => format!("{name} {}", content.len()),
            _ => format!("{name} {} (zeros: {zeros})", content.len()),
        }
    };
    let files = found.files.iter().filter(|(name, _)| !name.ends_with(".manifest"));
    files.map(file).collect::<Vec<_>>().join(", ")
}
