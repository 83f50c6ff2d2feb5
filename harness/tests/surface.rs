//! What Redis 6.0 shows of its persistence and a fault can reach, `cases/surface.toml`, against the
//! reviewed transcripts: what no case reaches is listed, unless a reason stands there.

mod whole;

use sabot::report::conformance::Kind;
use sabot::report::conformance::lines::{Line, steps};
use sabot::report::conformance::reviewed_list::matches;
use sabot::suite::snapshots::Snapshots;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Surface {
    log: Vec<String>,
    reply: Vec<String>,
    info: Vec<String>,
    unreached: Vec<Unreached>,
    outcome: Vec<Outcome>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreached {
    log: Option<String>,
    info: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    fault: String,
    policy: String,
    case: String,
    shows: Vec<String>,
}

/// All transcripts of our own core, taken apart, and the cases' own lines.
struct Reached {
    cases: Vec<(String, Vec<Line>)>,
    scripts: Vec<String>,
}

fn surface() -> Surface {
    let text =
        std::fs::read_to_string(whole::root().join("cases/surface.toml")).expect("it is there");
    toml::from_str(&text).unwrap_or_else(|why| panic!("cases/surface.toml: {why}"))
}

impl Reached {
    fn read() -> Reached {
        let library = whole::library();
        let snapshots = Snapshots::of(&library);
        let stories = library.cases.iter().filter(|case| !case.is_workload());
        let taken_apart = |name: &str, text: &str| {
            let transcript = snapshots.own(name, "sabot").expect("every case was reviewed");
            (name.to_string(), steps(text, &transcript).concat())
        };
        Reached {
            cases: stories.map(|case| taken_apart(&case.name, &case.text)).collect(),
            scripts: library.cases.iter().map(|case| case.text.clone()).collect(),
        }
    }

    fn line(&self, kind: Kind, pattern: &str) -> bool {
        let mut lines = self.cases.iter().flat_map(|(_, lines)| lines);
        lines.any(|line| line.kind == kind && matches(pattern, &line.text))
    }

    /// Whether a case asks for this field of INFO, or INFO as a whole was answered with it.
    fn field(&self, field: &str) -> bool {
        let asked = |line: &str| {
            let words =
                line.strip_prefix("show info ").or_else(|| line.strip_prefix("expect info "));
            words.is_some_and(|words| words.split(' ').any(|word| word == field))
        };
        let whole = format!(r"*\n{field}:*");
        self.scripts.iter().flat_map(|text| text.lines()).any(asked)
            || self.line(Kind::Reply, &whole)
    }
}

#[test]
fn every_log_line_reply_and_field_is_reached() {
    let (surface, reached) = (surface(), Reached::read());
    let mut missing: Vec<String> = Vec::new();
    let logs = surface.log.iter().filter(|log| !reached.line(Kind::Log, log));
    missing.extend(logs.map(|log| format!("log {log}")));
    let replies = surface.reply.iter().filter(|reply| !reached.line(Kind::Reply, reply));
    missing.extend(replies.map(|reply| format!("reply {reply}")));
    let fields = surface.info.iter().filter(|field| !reached.field(field));
    missing.extend(fields.map(|field| format!("info {field}")));
    assert!(missing.is_empty(), "no case reaches:\n  {}", missing.join("\n  "));
}

#[test]
fn every_line_of_the_outcome_matrix_is_shown_by_the_case_it_names() {
    let (surface, reached) = (surface(), Reached::read());
    let mut missing = Vec::new();
    for Outcome { fault, policy, case, shows } in &surface.outcome {
        assert!(!shows.is_empty(), "{fault} ({policy}) shows nothing");
        let Some((_, lines)) = reached.cases.iter().find(|(name, _)| name == case) else {
            missing.push(format!("{fault} ({policy}): case {case} does not exist"));
            continue;
        };
        let unseen =
            shows.iter().filter(|shown| !lines.iter().any(|line| matches(shown, &line.text)));
        missing.extend(unseen.map(|shown| format!("{fault} ({policy}): {case} lacks {shown}")));
    }
    assert!(missing.is_empty(), "\n  {}", missing.join("\n  "));
}

#[test]
fn what_is_said_to_be_unreached_is_not_reached() {
    let (surface, reached) = (surface(), Reached::read());
    for Unreached { log, info, reason } in &surface.unreached {
        assert!(!reason.is_empty());
        let log = log.iter().any(|log| reached.line(Kind::Log, log));
        let info = info.iter().any(|field| reached.field(field));
        assert!(!log && !info, "a case reaches what was given up: {reason}");
    }
}
