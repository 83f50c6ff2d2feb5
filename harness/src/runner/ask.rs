//! Asking: questions to the server on the observer's connection, and what `show` prints.
//!
//! A question gives the server a turn of its event loop, as any client does. Must not know: what
//! is promised.

use super::clients::Purpose;
use super::log;
use super::resp::{Reply, decode_command};
use super::state::Stop;
use super::steps::Runner;
use crate::case::lex;
use crate::case::script::Show;
use crate::case::verbs::OBSERVER;
use crate::observation::{Argv, Event};

/// The command that this word alone is.
fn word(word: &str) -> Argv {
    [word.as_bytes().to_vec()].into()
}

impl Runner<'_> {
    /// Sends questions at once. Returns their numbers; empty when there is no server.
    pub fn send_probes(&mut self, questions: &[Argv]) -> Result<Vec<u32>, Stop> {
        let mut numbers = Vec::new();
        for question in questions {
            let number = self.next_probe;
            if !self.state.clients.send(self.world, OBSERVER, question, Purpose::Probe(number))? {
                return Ok(Vec::new());
            }
            self.next_probe += 1;
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// Asks and waits. None for each question that has no answer yet.
    pub fn ask(&mut self, questions: &[Argv]) -> Result<Vec<Option<Reply>>, Stop> {
        let numbers = self.send_probes(questions)?;
        self.settle()?;
        Ok(numbers.iter().map(|number| self.probes.remove(number).flatten()).collect())
    }

    /// INFO as field and value; None when the server does not answer.
    pub fn info(&mut self) -> Result<Option<Vec<(String, String)>>, Stop> {
        let replies = self.ask(&[word("INFO")])?;
        let Some(text) = replies.into_iter().next().flatten().and_then(|reply| reply.text()) else {
            return Ok(None);
        };
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let fields: Vec<_> =
            pairs.map(|(field, value)| (field.to_string(), value.trim().to_string())).collect();
        if self.seen.announces.info.iter().any(|trouble| fields.contains(trouble)) {
            let now = self.now();
            self.seen.trouble_reported.push(now);
        }
        Ok(Some(fields))
    }

    /// One field of INFO as it is shown.
    pub fn info_field(fields: &[(String, String)], name: &str) -> String {
        let field = fields.iter().find(|(field, _)| field == name);
        field.map_or("(no such field)", |(_, value)| log::mask_info(name, value)).to_string()
    }

    pub fn show(&mut self, show: &Show) -> Result<(), Stop> {
        let lines = match show {
            Show::Info(names) => match self.info()? {
                Some(fields) => {
                    let line =
                        |name: &String| format!("{name}:{}", Self::info_field(&fields, name));
                    names.iter().map(line).collect()
                }
                None => vec![self.silence()],
            },
            Show::Log => self
                .log
                .iter()
                .filter(|line| log::matters(line))
                .map(|line| format!("{} {}", line.level.unwrap_or(' '), line.message))
                .collect(),
            Show::File(named) => self.show_file(&named.role)?,
            Show::Files => self.list_files(),
            Show::Latency => {
                let question = [b"LATENCY".to_vec(), b"LATEST".to_vec()].into();
                match self.ask(&[question])?.into_iter().next().flatten() {
                    Some(reply) => reply.lines(),
                    None => vec![self.silence()],
                }
            }
        };
        self.events.push(Event::Shown(lines));
        Ok(())
    }

    /// Why there is no answer.
    pub fn silence(&self) -> String {
        let text = if self.running { "(no reply yet)" } else { "(no server)" };
        text.to_string()
    }

    fn show_file(&mut self, role: &str) -> Result<Vec<String>, Stop> {
        let files = self.files_of(role);
        if files.is_empty() {
            return Ok(vec![format!("(no file with the role {role})")]);
        }
        Ok(files.iter().flat_map(|(_, content)| content_lines(content)).collect())
    }

    fn list_files(&self) -> Vec<String> {
        let kernel = self.world.kernel();
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
