//! The record of a known bug: the servers that show it and those that do not, as the `known` lines
//! of a case say.
//!
//! A server is named with its whole version, `redis-6.0.16`, because a patch may fix a bug. Our own
//! core stands in the column of the Redis that it follows. A server without a record is compared
//! with none, but has a nearest one. Must not know: how a symptom is looked for.

use super::args::Args;
use super::error::{Span, Wrong};
use super::script::{Known, Script, Step, Verb};
use crate::profile::Profile;

/// What is on record for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    Shows,
    Absent,
    /// No line names the server: the case must not apply to it.
    NotApplicable,
}

/// `known shows SERVER…`, `known absent SERVER…`.
pub fn parse(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (first, name, rest) = args.sub()?;
    let shows = match name.as_str() {
        "shows" => true,
        "absent" => false,
        _ => return args.unknown(first, &["shows", "absent"]),
    };
    if rest.is_empty() {
        return args.wrong(None, "which servers?", "expected names such as redis-6.0.16");
    }
    for word in rest {
        let text = word.text();
        if parts(&text).is_none() {
            let message = format!("`{text}` is not a server with its version");
            return args.wrong(Some(word), &message, "expected a name such as redis-6.0.16");
        }
    }
    let servers = rest.iter().map(|word| word.text()).collect();
    Ok(Verb::Known(Known { shows, servers }))
}

/// A record and its symptoms need each other; nothing is on record twice.
pub fn mistakes(steps: &[Step]) -> Vec<Wrong> {
    let place = |is: fn(&Verb) -> bool| steps.iter().find(|step| is(&step.verb));
    let known = place(|verb| matches!(verb, Verb::Known(_)));
    let symptom = place(|verb| matches!(verb, Verb::Symptom(_)));
    let wrong = |span: &Span, message: &str, help: &str| Wrong::new(span.clone(), message, help);
    let mut wrongs = Vec::new();
    match (known, symptom) {
        (Some(known), None) => {
            let help = "say by what it shows: `symptom :3`, `symptom refuses-start`";
            wrongs.push(wrong(&known.span, "a known bug without a symptom", help));
        }
        (None, Some(symptom)) => {
            let help = "say on which servers it shows: `known shows redis-6.0.16`";
            wrongs.push(wrong(&symptom.span, "a symptom without a known bug", help));
        }
        _ => {}
    }
    let mut named: Vec<&str> = Vec::new();
    for step in steps {
        let Verb::Known(known) = &step.verb else { continue };
        for server in &known.servers {
            if named.contains(&server.as_str()) {
                let message = format!("`{server}` is on record twice");
                wrongs.push(wrong(&step.span, &message, "name each server once"));
            }
            named.push(server);
        }
    }
    wrongs
}

impl Script {
    /// Whether the case is about a known bug. Its verdicts break no promise then: what counts is
    /// whether the symptoms are those on record.
    pub fn is_known(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.verb, Verb::Known(_)))
    }

    /// How many symptoms there are.
    pub fn symptoms(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.verb, Verb::Symptom(_))).count()
    }

    /// Every server that some `known` line names.
    pub fn servers_on_record(&self) -> impl Iterator<Item = &str> {
        self.lines().flat_map(|known| known.servers.iter().map(String::as_str))
    }

    /// What is on record for `server`.
    pub fn recorded(&self, server: &str) -> Recorded {
        let line = self.lines().find(|known| known.servers.iter().any(|name| name == server));
        match line {
            Some(Known { shows: true, .. }) => Recorded::Shows,
            Some(Known { shows: false, .. }) => Recorded::Absent,
            None => Recorded::NotApplicable,
        }
    }

    fn lines(&self) -> impl Iterator<Item = &Known> {
        self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Known(known) => Some(known),
            _ => None,
        })
    }
}

/// The name under which a server would be on record.
pub fn column(profile: &Profile) -> String {
    match profile.counts_as() {
        Some(server) => {
            let name = server.name.split(' ').next().unwrap_or_default().to_lowercase();
            format!("{name}-{}", server.version)
        }
        None => profile.name.clone(),
    }
}

/// The server on record that a version comes after; before all of them, the first.
pub fn nearest<'a>(server: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (kind, version) = parts(server)?;
    let mut same: Vec<(Vec<u32>, &str)> = known
        .filter_map(|name| {
            let (its_kind, its_version) = parts(name)?;
            (its_kind == kind).then_some((its_version, name))
        })
        .collect();
    same.sort();
    let before = same.iter().rev().find(|(its_version, _)| *its_version <= version);
    before.or(same.first()).map(|(_, name)| *name)
}

/// `redis-6.0.16` as its name and its version.
fn parts(server: &str) -> Option<(&str, Vec<u32>)> {
    let (name, version) = server.rsplit_once('-')?;
    let numbers: Vec<u32> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    (!name.is_empty() && numbers.len() == 3).then_some((name, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_no_record_stands_after_the_last_one_before_it() {
        let known = ["redis-6.0.16", "redis-7.0.15", "valkey-8.1.1"];
        let cases = [
            ("redis-7.2.4", Some("redis-7.0.15")),
            ("redis-6.2.9", Some("redis-6.0.16")),
            ("redis-5.0.0", Some("redis-6.0.16")),
            ("valkey-9.0.0", Some("valkey-8.1.1")),
            ("keydb-6.3.4", None),
            ("mine", None),
        ];
        for (server, expected) in cases {
            assert_eq!(nearest(server, known.into_iter()), expected, "{server}");
        }
    }

    #[test]
    fn our_own_core_stands_in_the_column_of_what_it_follows() {
        assert_eq!(column(&Profile::named("sabot").unwrap()), "redis-6.0.16");
    }
}
