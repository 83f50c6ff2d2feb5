//! One directive: its type, and how its value is parsed and shown (Redis: `standardConfig`,
//! config.c).
//!
//! Must not know: which directives there are, and where the words come from.

use super::settings::Config;
use crate::generation::{Generation, WordLists};
use crate::text::{parse_integer, parse_memory, split_args};

/// One directive.
pub struct Directive {
    pub name: &'static str,
    /// Whether CONFIG SET may change it.
    pub modifiable: bool,
    /// Whether `enable-protected-configs` has to allow that.
    pub protected: bool,
    pub(super) kind: Kind,
}

pub(super) type Number = (fn(&Config) -> i64, fn(&mut Config, i64));
pub(super) type Words = (fn(&Config) -> String, fn(&mut Config, &[String]) -> Result<(), String>);

pub(super) enum Kind {
    YesNo(fn(&Config) -> bool, fn(&mut Config, bool)),
    /// Lowest and highest value.
    Integer(i64, i64, Number),
    Memory(i64, i64, Number),
    /// The names in the order of the error message, and the index of the current one.
    Choice(&'static [&'static str], fn(&Config) -> usize, fn(&mut Config, usize)),
    /// Exactly one word.
    Text(fn(&Config) -> String, fn(&mut Config, &str) -> Result<(), String>),
    /// Any number of words.
    Words(Words),
    /// The one supported value, and the error for any other.
    Only(&'static str, &'static str),
    /// Accepted with any value; CONFIG GET shows this default until then.
    Ignored(&'static str),
}

impl Directive {
    /// The value as CONFIG GET shows it.
    pub fn get(&self, config: &Config) -> String {
        match &self.kind {
            Kind::YesNo(get, _) => if get(config) { "yes" } else { "no" }.to_string(),
            Kind::Integer(_, _, (get, _)) | Kind::Memory(_, _, (get, _)) => get(config).to_string(),
            Kind::Choice(names, get, _) => names[get(config)].to_string(),
            Kind::Text(get, _) | Kind::Words((get, _)) => get(config),
            Kind::Only(value, _) => value.to_string(),
            Kind::Ignored(default) => {
                config.ignored.get(self.name).cloned().unwrap_or_else(|| default.to_string())
            }
        }
    }

    /// Sets the value from the words after the name.
    pub fn set(&self, config: &mut Config, words: &[String]) -> Result<(), String> {
        match &self.kind {
            Kind::Ignored(_) if words.is_empty() => return Err(bad_directive()),
            Kind::Only(value, reason) => {
                let served = matches!(words, [word] if word.eq_ignore_ascii_case(value));
                return served.then_some(()).ok_or_else(|| reason.to_string());
            }
            Kind::Words((_, set)) => return set_words(*set, config, words),
            Kind::Ignored(_) => {
                config.ignored.insert(self.name, words.join(" "));
                return Ok(());
            }
            _ => {}
        }
        let [word] = words else { return Err("wrong number of arguments".to_string()) };
        match &self.kind {
            Kind::YesNo(_, set) => set(config, parse_yes_no(word)?),
            Kind::Integer(low, high, (_, set)) => {
                let value = parse_integer(word.as_bytes())
                    .ok_or("argument couldn't be parsed into an integer")?;
                set(config, within(value, *low, *high)?);
            }
            Kind::Memory(low, high, (_, set)) => {
                let value = parse_memory(word).filter(|value| *value >= 0);
                let value = value.ok_or("argument must be a memory value")?;
                set(config, within(value, *low, *high)?);
            }
            Kind::Choice(names, _, set) => {
                set(config, parse_choice(config.generation, names, word)?)
            }
            Kind::Text(_, set) => set(config, word)?,
            Kind::Only(..) | Kind::Words(_) | Kind::Ignored(_) => {}
        }
        Ok(())
    }

    /// Whether only one of its values can be served here.
    pub fn has_one_value(&self) -> bool {
        matches!(self.kind, Kind::Only(..))
    }

    /// Splits a value of CONFIG SET, which is a single argument, into words.
    pub fn split_value(&self, value: &str) -> Vec<String> {
        match self.kind {
            Kind::Words(_) if !value.is_empty() => value.split(' ').map(str::to_string).collect(),
            _ => vec![value.to_string()],
        }
    }
}

fn set_words(
    set: fn(&mut Config, &[String]) -> Result<(), String>,
    config: &mut Config,
    words: &[String],
) -> Result<(), String> {
    match (config.generation.word_lists, words) {
        (WordLists::NonEmpty, []) => Err(bad_directive()),
        (WordLists::Any, [word]) if !word.is_empty() => {
            let text = split_args(word.as_bytes()).ok_or_else(bad_directive)?;
            let text = text.into_iter().map(|it| String::from_utf8_lossy(&it).into_owned());
            set(config, &text.collect::<Vec<_>>())
        }
        _ => set(config, words),
    }
}

/// The error of `loadServerConfigFromString` for an unknown or malformed directive.
pub fn bad_directive() -> String {
    "Bad directive or wrong number of arguments".to_string()
}

fn parse_yes_no(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".to_string()),
    }
}

fn within(value: i64, low: i64, high: i64) -> Result<i64, String> {
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(format!("argument must be between {low} and {high} inclusive"))
}

fn parse_choice(generation: &Generation, names: &[&str], word: &str) -> Result<usize, String> {
    names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(word))
        .ok_or_else(|| format!("{}: {}", generation.words.must_be_one_of(), names.join(", ")))
}
