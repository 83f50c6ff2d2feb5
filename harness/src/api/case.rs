//! A case: read, changed, run.

use std::path::Path;

use super::{Error, Plan, World};
use crate::case::attached::attach;
use crate::case::{self, Script};
use crate::engine::wire::Job;
use crate::runner::Outcome;
use crate::suite::library::{self, Library};
use crate::sweep::Token;

/// A script: configuration, client commands, faults, time, kills, restarts, in the language that
/// `cases/README.md` of the project describes.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    pub(super) script: Script,
    /// The rules that plans have added.
    added: Vec<String>,
}

impl Case {
    /// Parses `text`; `name` is what messages call it.
    ///
    /// ```
    /// let text = "config appendonly yes\n> SET a 1\nkill all\nrestart";
    /// let case = sabot::Case::parse("mine", text)?;
    /// assert_eq!(case.name(), "mine");
    ///
    /// let wrong = sabot::Case::parse("mine", "> SET a 1\nrestrat").unwrap_err();
    /// assert!(wrong.to_string().starts_with("mine:2:1: "), "{wrong}");
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BadCase`], with every mistake.
    pub fn parse(name: &str, text: &str) -> Result<Case, Error> {
        Ok(Case::of(name.to_string(), case::parse(name, text)?))
    }

    fn of(name: String, script: Script) -> Case {
        Case { name, script, added: Vec::new() }
    }

    /// Reads a file. The case is named by its path, without `.case`.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::BadCase`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Case, Error> {
        let path = path.as_ref();
        let file = |reason: String| Error::File { path: path.to_path_buf(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| file(e.to_string()))?;
        let shown = path.display().to_string();
        let text = attach(&shown, &text, library::beside(path))?;
        let name = shown.strip_suffix(".case").unwrap_or(&shown).to_string();
        Ok(Case::of(name, case::parse(&shown, &text)?))
    }

    /// A case of sabot's own library, which is built in: `flush_append_only_file/full_disk`.
    ///
    /// ```
    /// let case = sabot::Case::built_in("flush_append_only_file/full_disk")?;
    /// assert!(case.text().contains("space 0"));
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchCase`], with the names most like it.
    pub fn built_in(name: &str) -> Result<Case, Error> {
        let cases = Library::embedded().cases;
        let Some(file) = cases.iter().find(|file| file.name == name) else {
            let near = library::near_it(&library::near(name, &cases));
            return Err(Error::NoSuchCase(format!("no case called {name} was built in{near}")));
        };
        Ok(Case::of(name.to_string(), case::parse(&file.source, &file.text)?))
    }

    /// The names of all built-in cases, sorted. Those that begin with `sweep/` are for
    /// [`sweep`](super::sweep()).
    pub fn built_in_names() -> Vec<String> {
        Library::embedded().cases.into_iter().map(|file| file.name).collect()
    }

    /// The run that a token stands for. A token carries its script, so it needs no case file.
    ///
    /// # Errors
    /// [`Error::NoSuchCase`] when the text is not a token.
    pub fn from_token(token: &str) -> Result<Case, Error> {
        let token = Token::decode(token).map_err(|why| Error::NoSuchCase(why.to_string()))?;
        Ok(Case::of(token.case, case::parse("token", &token.script)?))
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The script, as it was written.
    pub fn text(&self) -> &str {
        &self.script.source
    }

    /// The case with the rules of a plan before its first start, so that they also count the calls
    /// of that start.
    ///
    /// # Errors
    /// [`Error::BadCase`] when the two do not go together.
    pub fn with(&self, plan: &Plan) -> Result<Case, Error> {
        let first = self.script.steps.iter().find(|step| step.verb.needs_server());
        let text = self.text();
        let at = first.map_or(text.len(), |step| step.span.start);
        let at = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let (head, body) = text.split_at(at);
        let text = format!("{head}{plan}{body}");
        let script = case::parse(&self.script.name, &text)?;
        let added = self.added.iter().chain(plan.rules()).cloned().collect();
        Ok(Case { name: self.name.clone(), script, added })
    }

    /// A name for a snapshot of this case in this world, from the case's own name, the rules that
    /// plans have added, and the servers that share the transcript. It does not depend on which
    /// tests have run before, as the numbers do that insta gives to snapshots without a name.
    ///
    /// ```
    /// use sabot::{Case, Plan, World};
    ///
    /// let case = Case::parse("cases/recovers", "> SET a 1\nheal\n")?;
    /// let full = case.with(&Plan::parse("inject write on=aof error=ENOSPC when=2+")?)?;
    /// let sim = World::sim()?;
    /// assert_eq!(case.snapshot_name(&sim), "recovers@sabot");
    /// assert_eq!(full.snapshot_name(&sim), "recovers+write_on=aof_error=ENOSPC_when=2+@sabot");
    /// # Ok::<(), sabot::Error>(())
    /// ```
    pub fn snapshot_name(&self, world: &World) -> String {
        let last = self.name.rsplit('/').next().unwrap_or_default();
        let plain = |c: char| if c.is_alphanumeric() || "=+.,-_".contains(c) { c } else { '_' };
        let rules = self.added.iter().map(|rule| rule.strip_prefix("inject ").unwrap_or(rule));
        let parts: Vec<&str> = std::iter::once(last).chain(rules).collect();
        let name: String = parts.join("+").chars().map(plain).collect();
        format!("{name}@{}", world.family())
    }

    /// Runs the case once, in virtual time: nothing in it sleeps.
    ///
    /// ```
    /// use sabot::{Case, Verdict, World};
    ///
    /// let case = "config appendonly yes\nconfig appendfsync always\n\
    ///             > SET a 1\nkill all\nrestart\n> GET a\n";
    /// let outcome = Case::parse("kept", case)?.run(&World::sim()?)?;
    /// assert_eq!(outcome.verdict, Verdict::Kept);
    /// assert_eq!(outcome.complaints(), Vec::<String>::new());
    /// assert!(outcome.transcript.contains("contract: kept"));
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongCase`] when the case turned out to be wrong, [`Error::NotMeasured`] and
    /// [`Error::HarnessBroken`] when nothing was found out. A server that breaks its promises is
    /// not an error but an [`Outcome`].
    pub fn run(&self, world: &World) -> Result<Outcome, Error> {
        let job = Job {
            case: self.name.clone(),
            source: self.script.name.clone(),
            text: format!("{}{}", world.opening, self.text()),
            head: u32::try_from(world.opening.lines().count()).unwrap_or(u32::MAX),
            world: world.inner.label.clone(),
            place: world.inner.place.clone(),
        };
        let outcome = world.pool.run(job);
        let outcome = outcome.map_err(|why| Error::HarnessBroken(why.to_string()))?;
        if outcome.is_bad_case() {
            let mistakes = outcome.unmet(true);
            return Err(Error::WrongCase { case: self.name.clone(), mistakes });
        }
        if outcome.verdict.is_no_measurement() {
            let why = outcome.rulings.iter().find(|ruling| ruling.verdict == outcome.verdict);
            let why = why.map(|ruling| ruling.sentence.clone()).unwrap_or_default();
            return Err(Error::no_measurement(outcome.verdict, why));
        }
        Ok(outcome)
    }
}
