//! Excuses have causes: what is lost stays `lost`, whatever else goes wrong besides.
//!
//! Each script loses a write without an excuse. Anything is added that has nothing to do with that:
//! errors about something else, snapshots and rewrites that fail, lies about other files or made
//! good since, damage to a file that nobody reads.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::outcome;
use crate::contract::Verdict;

/// Scripts that are `lost` on our own core, which follows 6.0: it ignores what a sync returns, and
/// syncs no directory. `…` is where something else may happen. On ext4 the sync of any other file
/// commits the size of what a failed sync gave up, and the server refuses zeros.
const LOST: &[&str] = &[
    "config appendonly yes
config appendfsync always
> SET a 1
…
inject fdatasync on=aof error=EIO when=1
> SET b 2
heal
…
power-cut none@xfs
…
restart",
    "config appendonly yes
config appendfsync everysec
> SET a 1
advance 2s
…
inject sync on=aof error=EIO when=1
> SET b 2
advance 5s
heal
…
power-cut none@xfs
…
restart",
    "config appendonly no
> SET a 1
> SAVE
…
> SET b 2
> SAVE
…
power-cut none@xfs
restart",
];

/// Things that go wrong while the server runs, and say nothing of the append-only file.
const BESIDE: &[&str] = &[
    "> CONFIG SET nosuch 1",
    "> SAVE now",
    "> BGREWRITEAOF twice",
    "> LPUSH a x",
    "> NOSUCH",
    "> INFO persistence",
    "show info aof_last_write_status rdb_last_bgsave_status",
    "inject write on=rdb-temp error=ENOSPC maybe\n> BGSAVE\nawait child maybe\nheal",
    "inject fsync on=rdb-temp retval=0 maybe\n> BGSAVE\nawait child maybe\nheal",
    "inject write on=rewrite-temp error=ENOSPC maybe\n> BGREWRITEAOF\nawait child maybe\nheal",
    "inject fork error=EAGAIN maybe\n> BGSAVE\nheal",
    "hold child maybe\n> BGSAVE\n> BGSAVE\nkill child maybe\nrelease child",
    "inject write on=pipe:child-info retval=0 maybe\n> BGSAVE\nawait child maybe\nheal",
];

/// Things that happen while no server runs.
const WHILE_DOWN: &[&str] = &["damage rdb append 00"];

#[derive(Clone, Debug)]
struct Story {
    script: usize,
    place: Index,
    event: Index,
}

fn story() -> impl Strategy<Value = Story> {
    (0..LOST.len(), any::<Index>(), any::<Index>()).prop_map(|(script, place, event)| Story {
        script,
        place,
        event,
    })
}

impl Story {
    /// The script with one event at one of its places.
    fn text(&self) -> String {
        let lines: Vec<&str> = LOST[self.script].lines().collect();
        let places: Vec<usize> = (0..lines.len()).filter(|n| lines[*n] == "…").collect();
        let chosen = *self.place.get(&places);
        let down = lines[..chosen].iter().any(|line| line.starts_with("power-cut"));
        // A snapshot that succeeds is not beside the point where snapshots are what was promised.
        let snapshots = lines[0] == "config appendonly no";
        let beside = |event: &&&str| !(snapshots && event.contains("retval"));
        let events: Vec<&str> = BESIDE.iter().filter(beside).copied().collect();
        let event = *self.event.get(if down { WHILE_DOWN } else { &events });
        let mut text = String::new();
        for (n, line) in lines.iter().enumerate() {
            let line = if *line != "…" {
                line
            } else if n == chosen {
                event
            } else {
                continue;
            };
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

fn verdict(text: &str) -> (Verdict, String) {
    let outcome = outcome(text);
    let after_restart = outcome.rulings.iter().map(|ruling| ruling.verdict);
    let losses = [Verdict::Lost, Verdict::LostReported, Verdict::LostByLie, Verdict::LostAllowed];
    let loss = after_restart.filter(|verdict| losses.contains(verdict)).min();
    (loss.unwrap_or(outcome.verdict), outcome.transcript)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_lost_stays_lost_whatever_happens_besides(story in story()) {
        let text = story.text();
        let (verdict, transcript) = verdict(&text);
        prop_assert_eq!(verdict, Verdict::Lost, "{}\n{}", text, transcript);
    }

    #[test]
    fn a_lie_of_an_earlier_start_excuses_nothing(
        lie in select(&["fdatasync on=aof", "write on=rdb-temp", "fsync on=rdb-temp"][..]),
    ) {
        let head = "config appendonly yes\nconfig appendfsync always\n> SET a 1\n";
        let before = format!("inject {lie} retval=0 when=1 maybe\n> SET x 1\n> BGSAVE\n");
        let rest = "await child maybe\nheal\nsettle\nkill all\nrestart\n\
                    inject fdatasync on=aof error=EIO when=1\n> SET b 2\nheal\n\
                    power-cut none@xfs\nrestart";
        let text = format!("{head}{before}{rest}");
        let (verdict, transcript) = verdict(&text);
        prop_assert_eq!(verdict, Verdict::Lost, "{}\n{}", text, transcript);
    }
}

/// The scripts themselves are lost, and what does have to do with the loss excuses it.
#[test]
fn each_excuse_holds_where_its_cause_is_there() {
    for script in LOST {
        let text: String =
            script.lines().filter(|line| *line != "…").map(|l| format!("{l}\n")).collect();
        let (found, transcript) = verdict(&text);
        assert_eq!(found, Verdict::Lost, "{text}\n{transcript}");
    }
    let always = "config appendonly yes\nconfig appendfsync always\n> SET a 1\n";
    let lie = format!(
        "{always}inject fdatasync on=aof retval=0 when=1\n> SET b 2\npower-cut none@xfs\nrestart"
    );
    assert_eq!(verdict(&lie).0, Verdict::LostByLie);
    let damage = format!("{always}> SET b 2\nkill all\ndamage aof cut 27\nrestart");
    assert_eq!(verdict(&damage).0, Verdict::Kept);
    let told = "config appendonly yes\nconfig appendfsync everysec\n> SET a 1\nadvance 2s\n\
                inject write on=aof error=ENOSPC\n> SET b 2\nadvance 1s\n> SET c 3\n\
                kill all\nheal\nrestart";
    assert_eq!(verdict(told).0, Verdict::LostReported);
}
