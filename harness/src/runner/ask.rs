//! Asking: questions to the server on the observer's connection, and what `show` prints.
//!
//! A question gives the server a turn of its event loop, as any client does. Must not know: what
//! is promised.

use super::content::ask::Access;
use super::log;
use super::needs::meant;
use super::resp::{Reply, decode_command};
use super::state::{EarlyEnd, Runner};
use crate::case::lex;
use crate::case::script::{Needs, Show};
use crate::observation::{Argv, Event};

/// The command that this word alone is.
fn word(word: &str) -> Argv {
    [word.as_bytes().to_vec()].into()
}

impl Runner<'_> {
    /// Asks and waits. None for each question that has no answer yet.
    pub fn ask(&mut self, questions: &[Argv]) -> Result<Vec<Option<Reply>>, EarlyEnd> {
        if let Some(auth) = Access::with(self.session.directives()).authentication() {
            self.session.send_questions(&[auth])?;
        }
        let numbers = self.session.send_questions(questions)?;
        self.settle()?;
        Ok(numbers.iter().map(|number| self.session.take_answer(*number).flatten()).collect())
    }

    /// INFO as field and value; None when the server does not answer.
    pub fn info(&mut self) -> Result<Option<Vec<(String, String)>>, EarlyEnd> {
        let replies = self.ask(&[word("INFO")])?;
        let Some(text) = replies.into_iter().next().flatten().and_then(|reply| reply.text()) else {
            return Ok(None);
        };
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let fields: Vec<_> =
            pairs.map(|(field, value)| (field.to_string(), value.trim().to_string())).collect();
        let seen = &mut self.record.seen;
        for trouble in seen.announces.info.iter().filter(|trouble| fields.contains(trouble)) {
            seen.trouble_reported.push((self.session.now(), trouble.0.clone()));
        }
        Ok(Some(fields))
    }

    /// One field of INFO as it is shown.
    pub fn info_field(fields: &[(String, String)], name: &str) -> String {
        let field = fields.iter().find(|(field, _)| field == name);
        field.map_or("(no such field)", |(_, value)| log::mask_info(name, value)).to_string()
    }

    /// Whether the server has a command; asked inside MULTI, where nothing is carried out.
    pub fn need(&mut self, needs: &Needs) -> Result<(), EarlyEnd> {
        let Needs::Command(name) = needs else { return Ok(()) };
        let replies = self.ask(&[word("MULTI"), word(name), word("DISCARD")])?;
        match replies.get(1) {
            Some(Some(Reply::Error(text))) if text.to_lowercase().contains("unknown command") => {
                Err(EarlyEnd::NotApplicable(format!("the server has no command {name}")))
            }
            _ => Ok(()),
        }
    }

    pub fn show(&mut self, show: &Show) -> Result<(), EarlyEnd> {
        let lines = match show {
            Show::Info(names) => match self.info()? {
                Some(fields) => {
                    let line =
                        |name: &String| format!("{name}:{}", Self::info_field(&fields, name));
                    names.iter().map(line).collect()
                }
                None => vec![self.session.silence()],
            },
            Show::Log => self
                .record
                .log
                .lines()
                .iter()
                .filter(|line| log::matters(line))
                .map(|line| format!("{} {}", line.level.unwrap_or(' '), line.message))
                .collect(),
            Show::File(named) => self.show_file(&named.role),
            Show::Files => self.list_files(),
            Show::Latency => {
                let question = [b"LATENCY".to_vec(), b"LATEST".to_vec()].into();
                match self.ask(&[question])?.into_iter().next().flatten() {
                    Some(reply) => reply.lines(),
                    None => vec![self.session.silence()],
                }
            }
        };
        self.record.event(Event::Shown(lines));
        Ok(())
    }

    fn show_file(&self, role: &str) -> Vec<String> {
        let files = self.session.files_of(role);
        if files.is_empty() {
            return vec![format!("(no file with the role {role}{})", meant(role))];
        }
        files.iter().flat_map(|(_, content)| content_lines(content)).collect()
    }

    fn list_files(&self) -> Vec<String> {
        let kernel = self.session.world.kernel();
        let mut files: Vec<_> = kernel
            .disk
            .files()
            .map(|(name, content)| (kernel.role_of_name(name), content.len()))
            .collect();
        files.sort();
        files.iter().map(|(role, size)| format!("{role}  {size} bytes")).collect()
    }
}

/// A file of commands as commands with their offsets; what is none, as it stands.
fn content_lines(content: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some((argv, length)) = decode_command(&content[at..]) {
        lines.push(format!("@{at} {}", lex::quote(&argv)));
        at += length;
    }
    if at < content.len() || content.is_empty() {
        let rest = &content[at..];
        let text = std::str::from_utf8(rest).is_ok_and(|text| at == 0 && !text.contains('\r'));
        if text {
            lines.extend(String::from_utf8_lossy(rest).lines().map(str::to_string));
        } else {
            lines.push(format!("@{at} {}", lex::escaped(rest)));
        }
    }
    lines
}
