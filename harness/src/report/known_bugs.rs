//! The table of known bugs: bugs down, servers across, what was seen of each, and what is on record
//! where that is something else.
//!
//! Must not know: how a bug is looked for, and how a run is made.

use super::table::{Table, short};
use crate::suite::known_bugs::{Bug, BugOnServer, Comparison, Seen};

/// Whether a bug shows, in a word.
pub fn seen(seen: Seen) -> &'static str {
    match seen {
        Seen::Shows => "shows",
        Seen::Absent => "absent",
        Seen::NotApplicable => "n/a",
        Seen::Unmeasured => "not measured",
    }
}

/// The table, a line with counts below it, and what there is to say about bugs that are not as
/// recorded.
pub fn table(comparison: &Comparison) -> String {
    let row = |bug: &Bug| {
        let words = bug.on_servers.iter().map(word).chain([bug.upstream.clone()]);
        (bug.name.clone(), words.collect())
    };
    let counts = (0..comparison.servers.len()).map(|column| count(comparison, column));
    let last = ("as recorded".to_string(), counts.collect());
    let mut worlds: Vec<String> = comparison.servers.iter().map(|name| short(name)).collect();
    worlds.push("upstream".to_string());
    let rows = comparison.bugs.iter().map(row).chain([last]).collect();
    let mut text = Table { worlds, rows }.render();
    for bug in &comparison.bugs {
        for (server, found) in comparison.servers.iter().zip(&bug.on_servers) {
            if found.seen == Seen::Unmeasured || !found.is_as_recorded() {
                text.push_str(&format!("\n{} on {}: {}\n", bug.name, short(server), word(found)));
                found.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
                let see = format!("  sabot show known/{} --world {server}\n", bug.name);
                text.push_str(&see);
            }
        }
    }
    text
}

fn word(found: &BugOnServer) -> String {
    let word = seen(found.seen);
    match (found.recorded, &found.like) {
        (Some(recorded), _) if found.on_record && recorded != found.seen => {
            format!("{word}, RECORDED {}", seen(recorded))
        }
        (Some(recorded), Some(like)) if !found.on_record && recorded != found.seen => {
            format!("{word} ({like}: {})", seen(recorded))
        }
        _ if !found.is_as_recorded() && found.seen != Seen::Unmeasured => {
            format!("{word}, BUT SEE BELOW")
        }
        _ => word.to_string(),
    }
}

/// `38 of 39`; a server of no record has no such number.
fn count(comparison: &Comparison, column: usize) -> String {
    let all = comparison.bugs.iter().filter_map(|bug| bug.on_servers.get(column));
    let mine: Vec<&BugOnServer> = all.filter(|found| found.on_record).collect();
    match mine.len() {
        0 => "no record".to_string(),
        all => format!("{} of {all}", mine.iter().filter(|found| found.is_as_recorded()).count()),
    }
}

/// All of them, counted.
pub fn last_line(comparison: &Comparison) -> String {
    let of = |test: fn(&BugOnServer) -> bool| comparison.all().filter(|found| test(found)).count();
    let all = of(|found| found.on_record);
    let good = of(|found| found.on_record && found.is_as_recorded());
    let unmeasured = of(|found| found.seen == Seen::Unmeasured);
    let servers = count_of(comparison.servers.len(), "server");
    let mut text = format!("{} on {}", count_of(comparison.bugs.len(), "known bug"), servers);
    text.push_str(&format!(": {good} of {all} cells as recorded"));
    let beside = of(|found| !found.on_record);
    if beside > 0 {
        text.push_str(&format!(", {beside} of servers that are on no record"));
    }
    if unmeasured > 0 {
        text.push_str(&format!(", {unmeasured} not measured"));
    }
    text
}

/// `1 server`, `2 servers`.
fn count_of(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(seen: Seen, recorded: Seen, on_record: bool) -> BugOnServer {
        let like = Some("redis-7.0.15".to_string());
        BugOnServer { seen, recorded: Some(recorded), like, on_record, notes: Vec::new() }
    }

    #[test]
    fn what_is_not_as_recorded_says_so_and_an_unknown_server_names_the_nearest() {
        let bug = |name: &str, on_servers: [BugOnServer; 2]| Bug {
            name: name.into(),
            upstream: "redis 1".into(),
            on_servers: on_servers.to_vec(),
        };
        let shown = found(Seen::Shows, Seen::Shows, true);
        let fixed = found(Seen::Absent, Seen::Shows, false);
        let unlike = found(Seen::Absent, Seen::Shows, true);
        let alike = found(Seen::Absent, Seen::Absent, false);
        let comparison = Comparison {
            servers: vec!["redis-7.0.15".into(), "./mine".into()],
            bugs: vec![bug("01_a", [shown, fixed]), bug("02_b", [unlike, alike])],
        };
        let expected = "\
case           redis-7.0.15            ./mine                        upstream
01_a           shows                   absent (redis-7.0.15: shows)  redis 1
02_b           absent, RECORDED shows  absent                        redis 1
as recorded    1 of 2                  no record

02_b on redis-7.0.15: absent, RECORDED shows
  sabot show known/02_b --world redis-7.0.15
";
        assert_eq!(table(&comparison), expected);
        let counts = "1 of 2 cells as recorded, 2 of servers that are on no record";
        assert_eq!(last_line(&comparison), format!("2 known bugs on 2 servers: {counts}"));
    }
}
