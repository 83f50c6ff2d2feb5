//! Looking at a living server at `check`: does it take writes, what does it hold on to, and what
//! does it say of itself?
//!
//! INFO is asked and a write is tried only where this server has met a fault and every fault is
//! over, because they disturb; what clears a refusal is then tried out, one thing after the other.
//! Must not know: what is promised.

use std::collections::BTreeSet;
use std::time::Duration;

use super::record::Faults;
use super::resp::Reply;
use super::state::{EarlyEnd, Runner};
use crate::contract::regime::{failed_last, last_lie};
use crate::contract::{PATIENCE, live_checks, reports};
use crate::kernel::Name;
use crate::observation::{Descriptor, Leaks, LiveChecks, Refusal, Time};

/// Who tries.
const CHECK: &str = "check";
/// How long a child's end may be ago before it counts as reaped late.
const SETTLED: Duration = Duration::from_secs(1);
/// How long a cure may take.
const CURED: Duration = Duration::from_secs(5);

impl Runner<'_> {
    /// Looks, and gives the verdicts that come of it.
    pub fn live_checks(&mut self) -> Result<(), EarlyEnd> {
        let leaks = self.leaks()?;
        let forgotten = self.forgotten();
        if self.has_recovered() {
            let info = self.info()?.unwrap_or_default();
            let reported = reports(&self.record.seen, &info);
            reported.into_iter().for_each(|judgement| self.rule(judgement));
        }
        let refusal = self.refusal()?;
        let found = LiveChecks { leaks, refusal, forgotten };
        live_checks(&self.record.seen, &found)
            .into_iter()
            .for_each(|judgement| self.rule(judgement));
        Ok(())
    }

    /// Whether this server has met a fault, and has had its time since the last one was over.
    fn has_recovered(&self) -> bool {
        let Faults { healed_at, .. } = self.record.faults;
        self.record.faults.were_met_by(self.record.seen.incarnation())
            && healed_at.is_some_and(|healed| self.session.now() - healed >= PATIENCE)
    }

    /// The roles of files beside a manifest that it does not name, where nobody is at work on them.
    /// Each once: what leaves one file behind leaves more of them as time passes.
    fn forgotten(&self) -> Vec<String> {
        let in_use = self.record.has_children() || self.session.world.children() > 0;
        if in_use || !self.has_recovered() || last_lie(&self.record.seen).is_some() {
            return Vec::new();
        }
        let kernel = self.session.world.kernel();
        let files: Vec<(&str, &[u8], Name)> = kernel
            .disk
            .files()
            .map(|(name, text)| (name, text, kernel.role_of_name(name)))
            .collect();
        let Some((manifest, text, _)) = files.iter().find(|(.., role)| *role == "manifest") else {
            return Vec::new();
        };
        let directory = manifest.rsplit_once('/').map_or("", |(directory, _)| directory);
        let named = names_in(&String::from_utf8_lossy(text));
        let beside = files.iter().filter_map(|(path, _, role)| {
            let name = path.strip_prefix(directory)?.strip_prefix('/')?;
            let is_data = *role != "manifest" && !self.server().is_temporary(role);
            (is_data && !named.contains(&name.to_string())).then(|| role.to_string())
        });
        beside.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Descriptors without a use, zombies, and children that the server does not know of.
    fn leaks(&mut self) -> Result<Leaks, EarlyEnd> {
        let now = self.session.now();
        let recent = |ended: &Time| now - *ended < SETTLED;
        let unsettled =
            self.record.seen.children.iter().any(|child| child.ended.as_ref().is_some_and(recent));
        // What a server that was lied to holds on to, it holds for a reason.
        if unsettled || !self.faults_are_over() || last_lie(&self.record.seen).is_some() {
            return Ok(Leaks::default());
        }
        let children = self.session.world.children();
        if children > 0 && self.knows_of_a_child()? {
            return Ok(Leaks::default());
        }
        let kernel = self.session.world.kernel();
        let Some(server) = kernel.server() else { return Ok(Leaks::default()) };
        let zombies = kernel.zombies(server);
        let mut leaks = Leaks { zombies, unknown_children: children - zombies, ..Leaks::default() };
        let open_descriptors = kernel.open_descriptors(server);
        let mut appended_to = self.server().persistence.appended_to.iter();
        let appended_to = appended_to
            .find(|role| open_descriptors.iter().any(|open| open.role == **role && !open.unlinked));
        let mut files_in_use = 0;
        for open in open_descriptors {
            let in_use = Some(&open.role) == appended_to && !open.unlinked && files_in_use == 0;
            files_in_use += usize::from(in_use);
            let temporary = open.role != "dir" && open.role != "other";
            if !in_use && temporary {
                let (role, unlinked) = (open.role.to_string(), open.unlinked);
                leaks.descriptors.push(Descriptor { role, unlinked });
            }
        }
        Ok(leaks)
    }

    fn faults_are_over(&self) -> bool {
        let faults = &self.record.faults;
        faults.healed_at.is_some() || !faults.were_met_by(self.record.seen.incarnation())
    }

    /// Whether INFO says that a child is at work.
    fn knows_of_a_child(&mut self) -> Result<bool, EarlyEnd> {
        let fields = self.info()?.unwrap_or_default();
        let busy = &self.server().persistence.children;
        Ok(fields.iter().any(|(field, value)| busy.contains(field) && value != "0"))
    }

    /// Whether a write is refused although every fault is over, and what helps.
    fn refusal(&mut self) -> Result<Option<Refusal>, EarlyEnd> {
        let Some(healed_at) = self.record.faults.healed_at else { return Ok(None) };
        let healed_for = Time::ZERO + (self.session.now() - healed_at);
        if !self.has_recovered() {
            return Ok(None);
        }
        let Some(reply) = self.refused()? else { return Ok(None) };
        // Before anything is tried that may change it.
        let failed = failed_last(&self.record.seen, self.record.seen.incarnation());
        let sync_failed = failed.is_some_and(|site| site.call.is_sync());
        let save_is_due = self.save_is_due()?;
        let mut cure = None;
        for known in &self.profile.persistence.cures {
            if self.cures(&known.commands)? {
                cure = Some(known.name.clone());
                break;
            }
        }
        Ok(Some(Refusal { reply, healed_for, cure, save_is_due, sync_failed }))
    }

    /// Whether some save point has the changes that it asks for, so that its time will come.
    fn save_is_due(&mut self) -> Result<bool, EarlyEnd> {
        let changes = self.info()?.unwrap_or_default();
        let changes = changes.iter().find(|(field, _)| field == "rdb_changes_since_last_save");
        let changes = changes.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        let words = ["CONFIG", "GET", "save"];
        let question = words.map(|word| word.as_bytes().to_vec()).into();
        let reply = self.ask(&[question])?.into_iter().next().flatten();
        let Some(Reply::Array(pair)) = reply else { return Ok(false) };
        let points = pair.get(1).and_then(Reply::text).unwrap_or_default();
        Ok(has_due_point(&points, changes))
    }

    /// The error that a write is answered with.
    fn refused(&mut self) -> Result<Option<String>, EarlyEnd> {
        Ok(self.write_for(CHECK)?.filter(|reply| reply.starts_with('-')))
    }

    fn cures(&mut self, commands: &[String]) -> Result<bool, EarlyEnd> {
        for command in commands {
            let argv = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            let replies = self.ask(&[argv])?;
            if matches!(replies.first(), Some(Some(Reply::Error(_)) | None)) {
                return Ok(false);
            }
            let until = self.session.now() + CURED;
            self.advance_to(until)?;
            self.settle()?;
        }
        Ok(self.session.is_running() && self.refused()?.is_none())
    }
}

/// Whether so many changes are enough for one of these save points: `900 1 300 10`, seconds and
/// changes in turn.
fn has_due_point(points: &str, changes: u64) -> bool {
    let wanted = points.split_whitespace().skip(1).step_by(2);
    wanted.filter_map(|wanted| wanted.parse::<u64>().ok()).any(|wanted| wanted <= changes)
}

/// The files that a manifest names, one in each line: `file NAME seq N type T` (Redis:
/// `aofLoadManifestFromFile`). A name with blanks stands in quotes.
fn names_in(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().filter_map(|line| line.strip_prefix("file "));
    let named = lines.filter_map(|rest| match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(name, _)| name),
        None => rest.split(' ').next(),
    });
    named.map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::{has_due_point, names_in};

    #[test]
    fn a_save_point_is_due_with_its_changes() {
        assert!(has_due_point("3600 1 300 100", 1));
        assert!(!has_due_point("3600 2 300 100", 1));
        assert!(!has_due_point("", 5));
    }

    #[test]
    fn a_manifest_names_its_files() {
        let text = "# made by hand\nfile a.1.base.rdb seq 1 type b\nfile \"a b\" seq 1 type i\n";
        assert_eq!(names_in(text), ["a.1.base.rdb", "a b"]);
    }
}
