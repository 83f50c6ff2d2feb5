//! Sweeps in two worlds in words: what came to something else, with tokens that replay it in either
//! world; which runs only one of them can make, by kind with the reason; and a table.
//!
//! Must not know: how runs were made.

use std::collections::{BTreeMap, BTreeSet};

use super::reviewed_list::{List, Runs};
use crate::sweep::side_by_side::{Differing, Lack, OneSided, SideBySide};
use crate::sweep::{Kind, RunResult};

/// One of the two worlds.
pub struct Side {
    /// As a heading.
    pub name: String,
    pub family: String,
}

/// All workloads.
pub struct Document<'a> {
    pub sides: [Side; 2],
    pub workloads: &'a [SideBySide],
    pub reviewed: &'a [Runs],
    pub lacks: &'a List,
}

/// Runs that only one side can make, of one kind.
struct Group {
    side: usize,
    lack: Lack,
    calls: String,
    /// The task that runs before the call.
    first: Option<String>,
    kinds: BTreeSet<Kind>,
    workloads: BTreeSet<String>,
    runs: usize,
}

impl Document<'_> {
    /// Everything, each line ended.
    pub fn render(&self) -> String {
        format!("{}{}{}{}", self.differing(), self.one_sided(), self.lacking(), self.table())
    }

    fn differing(&self) -> String {
        let all = self.workloads.iter().flat_map(|found| {
            found.differing.iter().map(|run| self.one_differing(&found.workload, run))
        });
        let text: String = all.collect();
        if text.is_empty() { text } else { format!("Runs that came to something else\n\n{text}") }
    }

    fn one_differing(&self, workload: &str, run: &Differing) -> String {
        let Differing { site, fault, ending, sides } = run;
        let mut text = format!("{workload} {site}: {fault}, {}\n", ending.words());
        for (side, came) in self.sides.iter().zip(sides) {
            let remark = Some(&came.sentence).filter(|sentence| !sentence.is_empty());
            let remark = remark.map(|sentence| format!(" — {sentence}")).unwrap_or_default();
            text.push_str(&format!("  {}: {}{remark}\n", side.name, word(came.result)));
            if !came.token.is_empty() {
                text.push_str(&format!("    sabot replay {}\n", came.token));
            }
        }
        text.push('\n');
        text
    }

    fn one_sided(&self) -> String {
        let groups = self.groups();
        if groups.is_empty() {
            return String::new();
        }
        let mut text = "Runs that only one of them can make\n\n".to_string();
        for group in &groups {
            let Group { side, lack, calls, first, kinds, workloads, runs } = group;
            let [only, other] = [&self.sides[*side].name, &self.sides[1 - side].name];
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let workloads: Vec<&str> = workloads.iter().map(String::as_str).collect();
            let first = first.as_ref().map(|task| format!(" after {task}")).unwrap_or_default();
            text.push_str(&format!(
                "{only}, {calls}{first}: {runs} runs ({}) of {}; {}\n",
                kinds.join(", "),
                workloads.join(", "),
                lack_words(*lack, other)
            ));
            let reason = self.reason(group).map_or("no reason is given", |it| it.reason.as_str());
            text.push_str(&format!("  {reason}\n"));
        }
        text.push('\n');
        text
    }

    /// Workloads that need what one of them lacks.
    fn lacking(&self) -> String {
        let mut text = String::new();
        for found in self.workloads.iter().filter(|found| found.lacks.iter().any(Option::is_some)) {
            for (side, why) in self.sides.iter().zip(&found.lacks) {
                let Some(why) = why else { continue };
                text.push_str(&format!(
                    "{} does not apply to {}: {why}\n",
                    found.workload, side.name
                ));
            }
            let reason = self.lacks.reason_to_lack(&found.lacks).unwrap_or("no reason is given");
            text.push_str(&format!("  {reason}\n"));
        }
        if text.is_empty() { text } else { format!("{text}\n") }
    }

    fn reason(&self, group: &Group) -> Option<&Runs> {
        let family = &self.sides[group.side].family;
        self.reviewed.iter().find(|runs| runs.covers(family, &group.calls, group.first.as_deref()))
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<(usize, Lack, Option<String>, String), Group> = BTreeMap::new();
        for found in self.workloads {
            for alone in &found.one_sided {
                let OneSided { side, lack, kind, first, .. } = alone;
                let calls = alone.axis().to_string();
                let key = (*side, *lack, first.clone(), calls.clone());
                let group = groups.entry(key).or_insert(Group {
                    side: *side,
                    lack: *lack,
                    calls,
                    first: first.clone(),
                    kinds: BTreeSet::new(),
                    workloads: BTreeSet::new(),
                    runs: 0,
                });
                group.kinds.insert(*kind);
                group.workloads.insert(found.workload.clone());
                group.runs += 1;
            }
        }
        groups.into_values().collect()
    }

    /// How many runs, and workloads, of one side alone nobody has given a reason for.
    pub fn unexplained(&self) -> usize {
        let groups = self.groups();
        let runs = groups.iter().filter(|group| self.reason(group).is_none());
        let alone = self.workloads.iter().map(|found| &found.lacks);
        let alone = alone.filter(|lacks| lacks.iter().any(Option::is_some));
        let alone = alone.filter(|lacks| self.lacks.reason_to_lack(lacks).is_none());
        runs.map(|group| group.runs).sum::<usize>() + alone.count()
    }

    /// The counts, workloads down.
    pub fn table(&self) -> String {
        let [left, right] = self.sides.each_ref().map(|side| format!("only {}", side.name));
        let head = ["equal", "differing", &left, &right, "left out", "unmeasured"];
        let width = self.workloads.iter().map(|found| found.workload.chars().count());
        let width = width.chain(["workload".len()]).max().unwrap_or_default();
        let mut text = format!("{:width$}  {}\n", "workload", head.join("  "));
        let mut total = [0; 6];
        for found in self.workloads {
            let of = |side| found.one_sided.iter().filter(|alone| alone.side == side).count();
            let row = [
                found.equal,
                found.differing.len(),
                of(0),
                of(1),
                found.left_out,
                found.unmeasured,
            ];
            total.iter_mut().zip(row).for_each(|(total, count)| *total += count);
            text.push_str(&line(&found.workload, width, &head, row));
            for (side, why) in self.sides.iter().zip(&found.refused) {
                if let Some(why) = why {
                    text.push_str(&format!("  not swept in {}: {why}\n", side.name));
                }
            }
        }
        text.push_str(&line("all", width, &head, total));
        text
    }
}

fn line(name: &str, width: usize, head: &[&str; 6], row: [usize; 6]) -> String {
    let mut text = format!("{name:width$}");
    for (count, heading) in row.into_iter().zip(head) {
        text.push_str(&format!("  {count:>wide$}", wide = heading.chars().count()));
    }
    text.push('\n');
    text
}

fn word(result: RunResult) -> &'static str {
    result.verdict().map_or("nothing injected", |verdict| verdict.as_str())
}

/// Why `other` cannot make a run.
fn lack_words(lack: Lack, other: &str) -> String {
    match lack {
        Lack::Call => format!("{other} makes no such call"),
        Lack::Order => format!("in {other} no other task could run there"),
        Lack::Fault => format!("in {other} the fault does not fit there"),
        Lack::PowerCut => format!("in {other} the power cut at the end breaks a promise by itself"),
    }
}
