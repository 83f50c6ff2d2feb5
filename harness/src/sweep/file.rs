//! A report as a file of JSON: written by a sweep, joined from shards, compared with another.
//!
//! Must not know: where files are, and how anything is printed.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::pair::OneOrPair;
use super::record::{Record, Sweep};
use super::shard::Shard;
use super::signature::RunResult;
use crate::kernel::Site;

/// What the first field of every such file says.
pub const FORMAT: &str = "sabot sweep";
/// Files of another version are refused.
pub const VERSION: u32 = 2;

/// Sweeps of one or more workloads in one or more worlds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub format: String,
    pub version: u32,
    /// `K/N`, or the shards that were joined, with commas.
    pub shard: String,
    /// It was interrupted, or something in it was.
    pub partial: bool,
    pub sweeps: Vec<Sweep>,
}

impl File {
    pub fn new(shard: String, partial: bool, sweeps: Vec<Sweep>) -> File {
        File { format: FORMAT.to_string(), version: VERSION, shard, partial, sweeps }
    }

    /// # Errors
    /// Says why the text is not a report of this version.
    pub fn read(text: &str) -> Result<File, String> {
        let value = json(text)?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err("it is not a report of `sabot sweep --json`".to_string());
        }
        of_version(value, VERSION)
    }

    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("reports are plain data")
    }

    /// Which shards are in it.
    fn shards(&self) -> Result<Vec<Shard>, String> {
        self.shard.split(',').map(str::parse).collect()
    }

    /// The part of a sweep that it is to hold: one shard, or where several were joined, `1/1`.
    pub fn part(&self) -> String {
        let joined = self.shards().is_ok_and(|shards| shards.len() > 1);
        if joined { Shard::WHOLE.to_string() } else { self.shard.clone() }
    }

    /// What it does not hold of the sweep that it is of, each in a few words. A report of one shard
    /// is to hold that one.
    pub fn missing(&self) -> Vec<String> {
        let shards = self.shards().unwrap_or_default();
        let missing = match shards.len() {
            1 => Vec::new(),
            _ => Shard::missing(&shards).unwrap_or_default(),
        };
        let mut missing: Vec<String> =
            missing.iter().map(|shard| format!("shard {shard} is missing")).collect();
        if self.partial {
            let why = match shards.len() {
                1 => "it was interrupted",
                _ => "a shard was interrupted, or lacks a workload of the others",
            };
            missing.push(why.to_string());
        }
        let partial = self.sweeps.iter().filter(|sweep| sweep.is_partial());
        missing
            .extend(partial.map(|sweep| {
                format!("{} in {}, {}", sweep.workload, sweep.world, sweep.missing())
            }));
        missing
    }

    /// Joins shards: the runs of a workload in a world come together, in the order of its sites.
    /// Where one has not all workloads of the others, the report is partial.
    ///
    /// # Errors
    /// When one of them was given twice, or they are not parts of one sweep.
    pub fn merge(files: Vec<File>) -> Result<File, String> {
        let shards: Vec<String> = files.iter().map(|file| file.shard.clone()).collect();
        let each: Vec<Vec<Shard>> = files.iter().map(File::shards).collect::<Result<_, _>>()?;
        Shard::missing(&each.concat())?;
        let swept = |file: &File| -> BTreeSet<(String, String)> {
            let sweeps = file.sweeps.iter();
            sweeps.map(|sweep| (sweep.workload.clone(), sweep.world.clone())).collect()
        };
        let uneven = files.windows(2).any(|pair| swept(&pair[0]) != swept(&pair[1]));
        let partial = uneven || files.iter().any(|file| file.partial);
        let mut sweeps: Vec<Sweep> = Vec::new();
        for sweep in files.into_iter().flat_map(|file| file.sweeps) {
            let same = |other: &&mut Sweep| {
                (&other.workload, &other.world) == (&sweep.workload, &sweep.world)
            };
            match sweeps.iter_mut().find(same) {
                Some(known) => join(known, sweep)?,
                None => sweeps.push(sweep),
            }
        }
        for sweep in &mut sweeps {
            sweep.records.sort_by_key(|record| record.place);
            sweep.other_states.sort_by_key(|record| record.place);
        }
        Ok(File::new(shards.join(","), partial, sweeps))
    }
}

fn join(known: &mut Sweep, more: Sweep) -> Result<(), String> {
    let keys: BTreeSet<Key> = known.records.iter().map(key).collect();
    if let Some(record) = more.records.iter().find(|record| keys.contains(&key(record))) {
        return Err(format!(
            "{} at {} in {} is in two of them: was a shard given twice?",
            record.fault, record.site, more.workload
        ));
    }
    known.records.extend(more.records);
    known.other_states.extend(more.other_states);
    known.idle += more.idle;
    known.planned += more.planned;
    known.interrupted |= more.interrupted;
    known.bad_case |= more.bad_case;
    known.left_out += more.left_out;
    known.pairs_left_out += more.pairs_left_out;
    known.refused = known.refused.take().or(more.refused);
    Ok(())
}

/// What tells a run from the others of its sweep, in the order of its text.
type Key = (String, String, super::Ending);

fn key(record: &Record) -> Key {
    (record.site.to_string(), record.fault.to_string(), record.ending)
}

/// One run that came to something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub workload: String,
    pub site: OneOrPair<Site>,
    pub fault: OneOrPair<Fault>,
    /// None: the run is not in that file.
    pub old: Option<RunResult>,
    pub new: Option<RunResult>,
    /// The sentence and token of the new run, where it has some.
    pub sentence: String,
    pub token: String,
}

/// What differs between two reports. Worlds are compared by their order, because two versions of a
/// server have two names.
pub fn changes(old: &File, new: &File) -> Vec<Change> {
    let old_runs = runs(old);
    let new_runs = runs(new);
    let mut keys: Vec<&RunKey<'_>> = new_runs.keys().collect();
    keys.extend(old_runs.keys().filter(|key| !new_runs.contains_key(*key)));
    let change = |key: &RunKey<'_>| {
        let (old, new) = (old_runs.get(key), new_runs.get(key));
        let result = |record: Option<&&Record>| record.map(|record| record.result);
        let record = new.or(old).filter(|_| result(old) != result(new))?;
        Some(Change {
            workload: key.0.to_string(),
            site: record.site.clone(),
            fault: record.fault.clone(),
            old: result(old),
            new: result(new),
            sentence: new.map(|record| record.sentence.clone()).unwrap_or_default(),
            token: new.map(|record| record.token.clone()).unwrap_or_default(),
        })
    };
    keys.into_iter().filter_map(change).collect()
}

type RunKey<'a> = (&'a str, usize, Key);

fn runs(file: &File) -> BTreeMap<RunKey<'_>, &Record> {
    let mut worlds: Vec<&str> = Vec::new();
    let mut runs = BTreeMap::new();
    for sweep in &file.sweeps {
        if !worlds.contains(&sweep.world.as_str()) {
            worlds.push(&sweep.world);
        }
        let world = worlds.iter().position(|world| *world == sweep.world).unwrap_or_default();
        for record in &sweep.records {
            runs.insert((sweep.workload.as_str(), world, key(record)), record);
        }
    }
    runs
}

/// # Errors
/// Says why the text is not JSON.
pub fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|why| format!("it is not JSON: {why}"))
}

/// What a report of this version says.
///
/// # Errors
/// Says why it is none.
pub fn of_version<T: DeserializeOwned>(value: Value, version: u32) -> Result<T, String> {
    match value.get("version").and_then(Value::as_u64) {
        Some(found) if found == u64::from(version) => {}
        Some(other) => return Err(format!("it is of version {other}, not {version}")),
        None => return Err("it has no version".to_string()),
    }
    serde_json::from_value(value).map_err(|why| format!("it is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Ending, Kind};
    use super::*;
    use crate::contract::Verdict;

    fn file(shard: &str, place: usize, site: &str, verdict: Verdict) -> File {
        let record = Record {
            site: site.parse().expect(site),
            place,
            fault: "EIO".parse().expect("a fault"),
            kind: Kind::Error,
            ending: Ending::Killed,
            result: RunResult::Judged(verdict),
            cut: None,
            lacks: BTreeSet::new(),
            images: 0,
            sampled: false,
            sentence: String::new(),
            reason: None,
            token: String::new(),
            same_as_default_order: false,
            past_last_call: false,
            counts_as: None,
        };
        let sweep = Sweep {
            workload: "a".to_string(),
            world: "sim".to_string(),
            records: vec![record],
            planned: 1,
            ..Sweep::default()
        };
        File::new(shard.to_string(), false, vec![sweep])
    }

    #[test]
    fn shards_are_joined_in_the_order_of_the_sites_and_none_counts_twice() {
        let (one, two) =
            (file("1/2", 5, "a.read#1", Verdict::Kept), file("2/2", 1, "a.open#1", Verdict::Lost));
        let merged = File::merge(vec![one.clone(), two]).expect("two shards");
        let sites = merged.sweeps[0].records.iter().map(|record| record.site.to_string());
        assert_eq!(
            (merged.shard.as_str(), sites.collect::<Vec<_>>().join(" ")),
            ("1/2,2/2", "a.open#1 a.read#1".to_string())
        );
        assert!(File::merge(vec![one.clone(), one]).unwrap_err().contains("given twice"));
        assert_eq!(merged.missing(), Vec::<String>::new());
        assert_eq!(File::read(&merged.write()), Ok(merged));
    }

    #[test]
    fn a_merge_says_what_it_does_not_hold() {
        let parts = ["1/3", "3/3"]
            .map(|shard| file(shard, 1, &format!("a.read#{}", &shard[..1]), Verdict::Kept));
        let merged = File::merge(parts.to_vec()).expect("two of three");
        assert_eq!(merged.missing(), ["shard 2/3 is missing"]);
        assert_eq!(parts[0].missing(), Vec::<String>::new());

        let mut parts = ["1/2", "2/2"]
            .map(|shard| file(shard, 1, &format!("a.read#{}", &shard[..1]), Verdict::Kept));
        parts[0].sweeps[0].planned = 3;
        let merged = File::merge(parts.to_vec()).expect("two of two");
        assert_eq!(merged.missing(), ["a in sim, partial: 2 of 4 runs were not made"]);
        // One was stopped before it had begun with the workload.
        parts[0].sweeps.clear();
        let merged = File::merge(parts.to_vec()).expect("two of two");
        let missing = merged.missing();
        assert_eq!(missing, ["a shard was interrupted, or lacks a workload of the others"]);
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        for (text, reason) in [
            ("x", "not JSON"),
            ("{}", "not a report"),
            ("{\"format\":\"sabot sweep\"}", "no version"),
            ("{\"format\":\"sabot sweep\",\"version\":1}", "of version 1"),
            ("{\"format\":\"sabot sweep\",\"version\":2}", "damaged"),
        ] {
            let why = File::read(text).unwrap_err();
            assert!(why.contains(reason), "{text}: {why}");
        }
    }

    #[test]
    fn changes_name_the_run_and_both_verdicts() {
        let (old, new) =
            (file("1/1", 1, "a.open#1", Verdict::Kept), file("1/1", 1, "a.open#1", Verdict::Lost));
        assert_eq!(changes(&old, &old), []);
        let change = &changes(&old, &new)[0];
        assert_eq!(change.old, Some(RunResult::Judged(Verdict::Kept)));
        assert_eq!(change.new, Some(RunResult::Judged(Verdict::Lost)));
    }
}
