//! The data file: every command with arguments that make sense, and what is left out and why.
//!
//! Must not know: which of them a server has.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::contract::Verdict;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Names of keys, as they stand in the commands.
    pub keys: Vec<String>,
    /// What only the server itself can make: the commands that do, of which the last one's reply
    /// takes the place of `{name}`.
    pub made: BTreeMap<String, Vec<String>>,
    /// Writes by name, each with the reason why it is not tried.
    pub not_tried: BTreeMap<String, String>,
    /// Commands by name, each with the reason why no script is drawn with it.
    pub not_drawn: BTreeMap<String, String>,
    /// Commands that change what a client can read, although servers do not call them writes.
    pub also_write: Vec<String>,
    /// Families that lose consumers which nothing has made by name.
    pub forget_consumers: Vec<String>,
    /// Writes that a server itself loses.
    pub bugs: Vec<Bug>,
    /// What servers lose by themselves when several commands come together.
    pub bugs_together: Vec<BugTogether>,
    pub writes: Vec<Group>,
    pub others: Vec<Group>,
    /// What is about the connection, or about several commands of it.
    pub sessions: Vec<Group>,
}

/// A write that some servers lose without any fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// By family.
    servers: Vec<String>,
    /// As it stands among the writes; of several commands, the last one.
    run: String,
    pub why: String,
    /// What the server shows before and after, without sabot.
    pub proof: String,
}

/// Commands that some servers lose without any fault, if all of them are in one script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BugTogether {
    /// By family.
    servers: Vec<String>,
    /// Words of the script: one of each list is there.
    script: Vec<Vec<String>>,
    verdict: Verdict,
    /// Words of the place at which the content differs.
    differs: String,
    pub why: String,
    /// What the server shows before and after, without sabot.
    pub proof: String,
}

/// Commands for the same keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    #[serde(default)]
    pub setup: Vec<String>,
    #[serde(rename = "runs")]
    read: Vec<Run>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Run {
    One(String),
    Several(Vec<String>),
}

impl Catalogue {
    /// As it was when this was built.
    pub fn embedded() -> Catalogue {
        toml::from_str(include_str!("commands.toml")).expect("the file is part of the program")
    }

    /// What servers of this family do wrong with these commands.
    pub fn bug(&self, family: &str, commands: &[String]) -> Option<&Bug> {
        self.bugs.iter().find(|bug| {
            bug.servers.iter().any(|its| its == family) && commands.last() == Some(&bug.run)
        })
    }

    /// What servers of this family do wrong with this script, which came to this.
    pub fn bug_together(
        &self,
        family: &str,
        script: &str,
        verdict: Verdict,
        sentence: &str,
    ) -> Option<&BugTogether> {
        self.bugs_together.iter().find(|bug| {
            let is_there = |words: &Vec<String>| words.iter().any(|word| script.contains(word));
            bug.servers.iter().any(|its| its == family)
                && bug.verdict == verdict
                && sentence.contains(&bug.differs)
                && bug.script.iter().all(is_there)
        })
    }
}

impl Group {
    /// What is done to the keys, each the commands of one connection.
    pub fn runs(&self) -> impl Iterator<Item = &[String]> {
        self.read.iter().map(|run| match run {
            Run::One(command) => std::slice::from_ref(command),
            Run::Several(commands) => commands.as_slice(),
        })
    }
}

/// The command's name, and its second word, which may be a subcommand's.
pub fn name(command: &str) -> (String, Option<String>) {
    let mut words = command.split_whitespace().map(str::to_uppercase);
    (words.next().unwrap_or_default(), words.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_file_is_a_line_of_a_case() {
        let catalogue = Catalogue::embedded();
        let groups = [&catalogue.writes, &catalogue.others, &catalogue.sessions];
        let mut commands = 0;
        for group in groups.into_iter().flatten() {
            for command in group.setup.iter().chain(group.runs().flatten()) {
                let line = format!("> {command}\n");
                assert!(crate::case::parse("", &line).is_ok(), "{command}");
                commands += 1;
            }
        }
        assert!(commands > 400, "{commands}");
    }
}
