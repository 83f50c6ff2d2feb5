//! A small picture of a run: who made which call, where the fault struck, who was killed when, and
//! the restarts.
//!
//! It is drawn from the trace. Time runs to the right by events, not by the clock, because most of
//! a run takes no time at all; where the clock did move, its new time stands above. Calls that say
//! nothing are left out and equal neighbours are one mark. Must not know: how the trace was made.

/// Where things stand, in units of the picture.
const LEFT: usize = 112;
const TOP: usize = 34;
const STEP: usize = 26;
const LANE: usize = 30;
/// What a letter of a slanted label takes to the right and downwards, in tenths.
const LETTER: (usize, usize) = (46, 51);
/// Marks beyond these are left out, the quietest first.
const MOST: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    pub width: usize,
    pub height: usize,
    /// Where the lanes end and the labels begin.
    pub floor: usize,
    pub lanes: Vec<Lane>,
    pub marks: Vec<Mark>,
    pub times: Vec<(usize, String)>,
    /// The same in a sentence, for who cannot see it.
    pub words: String,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub name: String,
    pub y: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub kind: &'static str,
    pub x: usize,
    pub y: usize,
    pub label: String,
    /// The line of the trace.
    pub title: String,
}

/// One line of a trace, as far as a picture needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    at: String,
    kind: &'static str,
    /// Empty: it concerns the whole machine.
    task: String,
    label: String,
    title: String,
    /// How many neighbours it stands for.
    count: usize,
}

impl Timeline {
    /// The picture of a trace; None: there is nothing to see.
    pub fn of(trace: &str) -> Option<Timeline> {
        let entries = thinned(folded(trace.lines().filter_map(entry)));
        if entries.is_empty() {
            return None;
        }
        let mut lanes: Vec<Lane> = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.task.is_empty()) {
            if !lanes.iter().any(|lane| lane.name == entry.task) {
                lanes.push(Lane { name: entry.task.clone(), y: 0 });
            }
        }
        lanes.sort_by_key(|lane| order(&lane.name));
        for (n, lane) in lanes.iter_mut().enumerate() {
            lane.y = TOP + LANE / 2 + n * LANE;
        }
        let floor = TOP + lanes.len().max(1) * LANE;
        let mut timeline = Timeline { floor, lanes, ..Timeline::default() };
        let mut now = "";
        for (n, entry) in entries.iter().enumerate() {
            let x = LEFT + STEP / 2 + n * STEP;
            if entry.at != now {
                now = &entry.at;
                timeline.time(x, now);
            }
            timeline.mark(x, entry);
        }
        timeline.fit();
        timeline.words = words(&entries);
        Some(timeline)
    }

    /// Where lanes end: behind the last mark.
    pub fn lane_end(&self) -> usize {
        self.marks.last().map_or(LEFT, |mark| mark.x + STEP / 2)
    }

    /// Makes room for the labels.
    fn fit(&mut self) {
        let letters = |mark: &Mark| mark.label.chars().count();
        let right = self.marks.iter().map(|mark| mark.x + letters(mark) * LETTER.0 / 10);
        let down = self.marks.iter().map(|mark| letters(mark) * LETTER.1 / 10);
        self.width = right.max().unwrap_or(LEFT) + STEP;
        self.height = self.floor + down.max().unwrap_or(0) + STEP;
    }

    /// Times that would overlap are left out; the next one says what is missed.
    fn time(&mut self, x: usize, at: &str) {
        if self.times.last().is_none_or(|(last, _)| last + 2 * STEP <= x) {
            self.times.push((x, at.to_string()));
        }
    }

    fn mark(&mut self, x: usize, entry: &Entry) {
        let lane = self.lanes.iter().find(|lane| lane.name == entry.task);
        let y = lane.map_or(TOP, |lane| lane.y);
        let label = match entry.count {
            1 => entry.label.clone(),
            count => format!("{} ×{count}", entry.label),
        };
        let title = format!("{}  {}", entry.at, entry.title);
        self.marks.push(Mark { kind: entry.kind, x, y, label, title });
    }
}

/// The parent first, then threads, then children.
fn order(task: &str) -> (u8, String) {
    let rank = match task {
        "parent" => 0,
        task if task.starts_with("child") => 2,
        _ => 1,
    };
    (rank, task.to_string())
}

/// Calls that a reader does not miss.
const QUIET: [&str; 4] = ["read", "close", "pipe", "wait4"];

fn entry(line: &str) -> Option<Entry> {
    let (at, event) = line.split_once("  ")?;
    let make = |kind, task: &str, label: String| {
        let (at, title) = (at.to_string(), event.to_string());
        Some(Entry { at, kind, task: task.to_string(), label, title, count: 1 })
    };
    if let Some(number) = event.strip_prefix("start ") {
        return make("start", "", format!("start {number}"));
    }
    if let Some(cut) = event.strip_prefix("power cut: ") {
        return make("power", "", format!("power cut ({cut})"));
    }
    if let Some((task, signal)) = event.split_once(" ← ") {
        return if signal == "SIGKILL" {
            None
        } else {
            make("signal", bare(task), signal.to_string())
        };
    }
    if let Some((site, rest)) = event.split_once("  ").filter(|(site, _)| site.contains('#')) {
        return call(site, rest).and_then(|(kind, task, label)| make(kind, task, label));
    }
    if let Some((task, _)) = event.split_once(" killed by ") {
        return make("kill", bare(task), format!("{} killed", bare(task)));
    }
    let (task, code) = event.split_once(" exited with ")?;
    let kind = if code == "0" { "exit" } else { "kill" };
    make(kind, bare(task), format!("{} exits: {code}", bare(task)))
}

/// A task without the incarnation of its server.
fn bare(task: &str) -> &str {
    task.rsplit_once(':').map_or(task, |(_, task)| task)
}

/// Kind, task and label of a call; None: nobody wants to see it.
fn call<'a>(site: &'a str, rest: &str) -> Option<(&'static str, &'a str, String)> {
    let injected = rest.contains("  (injected)");
    // A checksum and remarks may stand behind what was returned.
    let rest = rest.split("  ").next().unwrap_or(rest);
    let (axis, _) = site.rsplit_once('#')?;
    let axis = match axis.split_once(':') {
        Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => axis,
    };
    let (task, what) = axis.split_once('.')?;
    let call = what.rsplit_once('.').map_or(what, |(_, call)| call);
    let (_, returned) = rest.split_once("→ ")?;
    let failed = returned.starts_with('E') && returned.bytes().all(|b| b.is_ascii_alphanumeric());
    // Servers ask for files that may be missing, and make folders that may be there.
    let failed = failed && !["ENOENT", "EEXIST"].contains(&returned);
    let kind = match (injected, failed) {
        (true, _) => "fault",
        (false, true) => "failed",
        (false, false) => "call",
    };
    if kind != "fault" && (QUIET.contains(&call) || returned == "…") {
        return None;
    }
    let label = match kind {
        "call" => what.replace('.', " "),
        _ => format!("{} → {returned}", what.replace('.', " ")),
    };
    Some((kind, task, label))
}

/// Neighbours that differ in nothing but their number.
fn folded(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut folded: Vec<Entry> = Vec::new();
    for entry in entries {
        match folded.last_mut() {
            Some(last) if same(last, &entry) => last.count += 1,
            _ => folded.push(entry),
        }
    }
    folded
}

fn same(a: &Entry, b: &Entry) -> bool {
    let alike = (a.kind, &a.task, &a.label) == (b.kind, &b.task, &b.label);
    alike && ["call", "fault", "failed"].contains(&a.kind)
}

/// At most so many: ordinary calls far from a fault go first.
fn thinned(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut near = 8;
    while entries.len() > MOST && near > 0 {
        let loud: Vec<usize> = (0..entries.len()).filter(|n| entries[*n].kind != "call").collect();
        let mut n = 0;
        entries.retain(|entry| {
            n += 1;
            entry.kind != "call" || loud.iter().any(|at| at.abs_diff(n - 1) <= near)
        });
        near -= 1;
    }
    entries.truncate(MOST);
    entries
}

/// The picture in words.
fn words(entries: &[Entry]) -> String {
    let loud = entries.iter().filter(|entry| entry.kind != "call");
    let told: Vec<String> = loud.map(|entry| format!("{} at {}", entry.label, entry.at)).collect();
    format!("{} calls and events; {}", entries.len(), told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
0.000s  start 1
0.000s  parent.aof.open#1  O_WRONLY → ok
0.000s  parent.aof.write#1  50 bytes → 50  [0123abcd]
0.000s  parent.aof.write#2  27 bytes → 27  [0123abcd]
0.000s  parent.aof.read#1  27 bytes → 27
1.000s  parent.aof.write#3  27 bytes → 5  [0123abcd]  (injected)
1.000s  parent.aof.write#4  22 bytes → ENOSPC  (injected)
1.000s  bio-fsync.aof.fdatasync#1  → 0
1.000s  parent ← SIGKILL
1.000s  parent killed by SIGKILL
1.000s  power cut: none
1.000s  start 2
2.000s  2:parent exited with 1
";

    #[test]
    fn a_trace_becomes_lanes_and_marks() {
        let timeline = Timeline::of(TRACE).expect("there is something to see");
        let lanes: Vec<&str> = timeline.lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(lanes, ["parent", "bio-fsync"]);
        let marks: Vec<(&str, &str)> =
            timeline.marks.iter().map(|mark| (mark.kind, mark.label.as_str())).collect();
        let expected = [
            ("start", "start 1"),
            ("call", "aof open"),
            ("call", "aof write ×2"),
            ("fault", "aof write → 5"),
            ("fault", "aof write → ENOSPC"),
            ("call", "aof fdatasync"),
            ("kill", "parent killed"),
            ("power", "power cut (none)"),
            ("start", "start 2"),
            ("kill", "parent exits: 1"),
        ];
        assert_eq!(marks, expected);
        assert!(timeline.words.contains("aof write → ENOSPC at 1.000s"), "{}", timeline.words);
    }

    #[test]
    fn a_long_run_is_thinned_but_its_faults_stay() {
        let quiet = "0.000s  parent.aof.write#1  1 bytes → 1\n0.000s  parent.aof.fsync#1  → 0\n";
        let text = format!("{}{TRACE}{}", quiet.repeat(200), quiet.repeat(200));
        let timeline = Timeline::of(&text).expect("there is something to see");
        assert!(timeline.marks.len() <= MOST);
        assert_eq!(timeline.marks.iter().filter(|mark| mark.kind == "fault").count(), 2);
        assert_eq!(Timeline::of(""), None);
    }
}
