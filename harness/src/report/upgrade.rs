//! Two servers compared, in words: one line for each kind of event, then what is behind it.
//!
//! Must not know: how a comparison is made.

use crate::audit::upgrade::{Compared, Difference, Row, Side, Upgrade};
use crate::contract::Verdict;
use crate::report::operator;
use crate::suite::redis_conf::Policy;

/// How many causes of one event are told before the rest is counted.
const TOLD: usize = 3;

/// The first screen: the answer, a line for each event, what was not found out.
pub fn text(upgrade: &Upgrade) -> String {
    let mut text = format!("{}\n", headline(upgrade));
    let widths = upgrade.rows.iter().map(|row| row.event.words().len());
    let width = widths.max().unwrap_or_default();
    for row in &upgrade.rows {
        text.push_str(&told(upgrade, row, width));
    }
    unmeasured(upgrade).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text.push_str(&format!("{}\n", counted(upgrade)));
    text
}

/// What nothing was found out about, on which server.
pub fn unmeasured(upgrade: &Upgrade) -> Vec<String> {
    let of = |side: &Side| -> Vec<String> {
        let told = side.unmeasured.iter();
        told.map(|what| format!("not measured on {}: {what}", side.server)).collect()
    };
    [of(&upgrade.old), of(&upgrade.new)].concat()
}

/// `redis 7.0.15 → redis 8.0.2, redis.conf (everysec): DO NOT UPGRADE YET, 1 worse`
pub fn headline(upgrade: &Upgrade) -> String {
    format!("{}: {}", subject(upgrade), answer(upgrade))
}

/// `redis 7.0.15 → redis 8.0.2, redis.conf (everysec)`
pub fn subject(upgrade: &Upgrade) -> String {
    let under = match &upgrade.config {
        None => String::new(),
        Some(config) => {
            let policy = Policy::of_lines(config.kept.iter().map(String::as_str));
            format!(", {} ({policy})", config.path)
        }
    };
    let (old, new) = (&upgrade.old.server, &upgrade.new.server);
    format!("{old} → {new}{under}")
}

/// `DO NOT UPGRADE YET, 1 worse`
pub fn answer(upgrade: &Upgrade) -> String {
    let count = |difference| upgrade.count(difference);
    let better = match count(Difference::Better) {
        0 => String::new(),
        better => format!(", {better} better"),
    };
    match (count(Difference::Worse), count(Difference::OnlyNew)) {
        (0, 0) if !upgrade.is_whole() => {
            format!("NOT CERTAIN, not everything was found out{better}")
        }
        (0, 0) if better.is_empty() => "nothing changed".to_string(),
        (0, 0) => format!("nothing is worse{better}"),
        (0, only) => format!("LOOK FIRST, {only} not comparable{better}"),
        (worse, _) => format!("DO NOT UPGRADE YET, {worse} worse{better}"),
    }
}

fn told(upgrade: &Upgrade, row: &Row, width: usize) -> String {
    let event = row.event.words();
    let word = word(row.difference);
    let causes = || row.causes.iter().map(|n| &upgrade.causes[*n]);
    let mut text = format!("{event:width$}  {word:6}");
    let Some(first) = causes().next() else {
        return format!("{text}  every promise was kept\n");
    };
    text.push_str(&format!("  {}\n", in_words(first)));
    let indent = " ".repeat(width + 10);
    let worth = |cause: &&Compared| cause.difference < Difference::Same;
    if !worth(&first) {
        known(first).iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
    }
    for cause in causes().filter(worth).take(TOLD) {
        if cause != first {
            text.push_str(&format!("{indent}{}\n", in_words(cause)));
        }
        text.push_str(&format!("{indent}{}\n", cause.sentence));
        known(cause).iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
        text.push_str(&format!("{indent}sabot replay {}\n", cause.token));
        if cause.difference == Difference::Worse {
            let old = &upgrade.old.world;
            text.push_str(&format!(
                "{indent}the same with --world {old}: {}\n",
                word_of(cause.old)
            ));
        }
    }
    match causes().filter(worth).count().saturating_sub(TOLD) {
        0 => {}
        more => text.push_str(&format!("{indent}and {more} more\n")),
    }
    text
}

pub fn word(difference: Difference) -> &'static str {
    match difference {
        Difference::Worse => "WORSE",
        Difference::OnlyNew => "new",
        Difference::Same | Difference::OnlyOld => "same",
        Difference::Better => "better",
    }
}

/// `lost, was kept: writes are gone that appendfsync always promises to be safe`
pub fn in_words(cause: &Compared) -> String {
    let (old, new) = (word_of(cause.old), word_of(cause.new));
    let broken = match cause.difference {
        Difference::Better | Difference::OnlyOld => cause.old,
        Difference::Worse | Difference::OnlyNew | Difference::Same => cause.new,
    };
    let what = broken.map(|verdict| operator::what(verdict, cause.reason.as_ref()));
    let what = what.unwrap_or_else(|| cause.sentence.clone());
    let told = match cause.difference {
        Difference::Worse | Difference::Better => format!("{new}, was {old}: {what}"),
        Difference::OnlyNew => format!("{new}, where the old server makes no such call: {what}"),
        Difference::Same => format!("{new}: {what}"),
        Difference::OnlyOld => {
            format!("was {old}, where the new server makes no such call: {what}")
        }
    };
    match cause.other_policy {
        true => format!("{told} (only under another policy than yours)"),
        false => told,
    }
}

/// Whether it is a known thing: the known bugs that it looks like, or, of what stands against an
/// upgrade, that it looks like none.
pub fn known(cause: &Compared) -> Vec<String> {
    match cause.known.as_slice() {
        [] if cause.difference < Difference::Same => {
            vec!["looks like no known bug of the case library".to_string()]
        }
        known => {
            known.iter().map(|bug| format!("looks like {}", operator::known_bug(bug))).collect()
        }
    }
}

fn word_of(verdict: Option<Verdict>) -> String {
    verdict.map_or("not comparable".to_string(), |verdict| verdict.to_string())
}

/// How much stands behind the answer, and what does not.
pub fn counted(upgrade: &Upgrade) -> String {
    let side = |side: &Side| {
        let partial = if side.partial { " (interrupted)" } else { "" };
        format!("{} runs of {}{partial}", side.counts.total(), side.server)
    };
    let refused = match upgrade.old.refused + upgrade.new.refused {
        0 => String::new(),
        count => format!("; {count} workloads could not be swept"),
    };
    let sample = upgrade.sample.map_or(String::new(), |sample| format!("; a sample, {sample}"));
    let only = upgrade.count(Difference::OnlyNew) + upgrade.count(Difference::OnlyOld);
    format!(
        "{}, {}{sample}{refused}; {only} findings not comparable; not looked at: replicas, \
         cluster, TLS, modules",
        side(&upgrade.old),
        side(&upgrade.new)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Event;
    use crate::audit::known::KnownBug;
    use crate::sweep::Tally;

    fn side(server: &str) -> Side {
        Side {
            server: server.to_string(),
            world: server.to_string(),
            counts: Tally::default(),
            partial: false,
            refused: 0,
            unmeasured: Vec::new(),
        }
    }

    fn cause(difference: Difference, known: &[KnownBug]) -> Compared {
        Compared {
            difference,
            events: [Event::DiskFull].into(),
            other_policy: false,
            old: Some(Verdict::Kept),
            new: Some(Verdict::Diverged),
            sentence: "a is 3".to_string(),
            reason: None,
            known: known.to_vec(),
            token: "TOKEN".to_string(),
        }
    }

    #[test]
    fn what_stands_against_an_upgrade_says_whether_it_is_known() {
        let bug = KnownBug {
            name: "known/05a_leftover_counts_twice".to_string(),
            title: "INCR counts twice".to_string(),
            upstream: "redis#1".to_string(),
            absent: Vec::new(),
        };
        let causes = vec![
            cause(Difference::Worse, std::slice::from_ref(&bug)),
            cause(Difference::OnlyNew, &[]),
            cause(Difference::Same, &[]),
        ];
        let row =
            Row { event: Event::DiskFull, difference: Difference::Worse, causes: vec![0, 1, 2] };
        let upgrade = Upgrade {
            format: "",
            version: 1,
            old: side("old"),
            new: side("new"),
            config: None,
            sample: None,
            causes,
            rows: vec![row],
        };
        let text = text(&upgrade);
        let lines: Vec<&str> = text.lines().skip(1).take(9).map(str::trim_start).collect();
        let what = "the data is what no client ever wrote";
        let expected = [
            &format!("disk full  WORSE   diverged, was kept: {what}"),
            "a is 3",
            "looks like known bug 05a: INCR counts twice (redis#1)",
            "sabot replay TOKEN",
            "the same with --world old: kept",
            &format!("diverged, where the old server makes no such call: {what}"),
            "a is 3",
            "looks like no known bug of the case library",
            "sabot replay TOKEN",
        ];
        assert_eq!(lines, expected);
        assert!(known(&cause(Difference::Same, &[])).is_empty());
        assert_eq!(known(&cause(Difference::Same, &[bug])).len(), 1);
    }
}
