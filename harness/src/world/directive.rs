//! Directives, as in a redis.conf, and the command line that they make.
//!
//! Must not know: what a directive means to a server, except for names of files.

use super::quoting::split;
use crate::kernel::Roles;
use crate::profile::Profile;

/// A configuration directive and what stands behind its name in a redis.conf: words, quotes and
/// all.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Directive {
    pub name: String,
    pub value: String,
}

/// Why a value cannot be given to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    #[error("a quote is not closed, or something stands right behind it")]
    Unbalanced,
    #[error("a word that begins with `--` would be taken for another directive")]
    Option,
    #[error("an argument of a program cannot hold a byte 0")]
    Nul,
    #[error("an argument that is no UTF-8 cannot be given")]
    NotUtf8,
}

impl Directive {
    /// The words of its value, without quotes; an empty value is one empty word.
    ///
    /// # Errors
    /// When they cannot be arguments of a program.
    pub fn words(&self) -> Result<Vec<String>, Unsayable> {
        let words = split(self.value.as_bytes()).ok_or(Unsayable::Unbalanced)?;
        if words.is_empty() {
            return Ok(vec![String::new()]);
        }
        words.into_iter().map(sayable).collect()
    }

    /// The first of them; empty where there is none.
    pub fn first_word(&self) -> String {
        self.words().ok().and_then(|words| words.into_iter().next()).unwrap_or_default()
    }

    /// Whether it takes the place of another one. Some are about what their first word names, and
    /// stand beside those about something else.
    pub fn replaces(&self, other: &Directive) -> bool {
        let about = || ABOUT_THEIR_FIRST_WORD.iter().any(|name| self.is(name));
        self.is(&other.name) && (!about() || self.first_word() == other.first_word())
    }

    /// Whether it has this name, which may be written in capitals.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

fn sayable(word: Vec<u8>) -> Result<String, Unsayable> {
    let word = String::from_utf8(word).map_err(|_| Unsayable::NotUtf8)?;
    match word {
        word if word.contains('\0') => Err(Unsayable::Nul),
        word if word.starts_with("--") => Err(Unsayable::Option),
        word => Ok(word),
    }
}

/// Directives of which a redis.conf may have several.
const ABOUT_THEIR_FIRST_WORD: [&str; 3] = ["user", "rename-command", "client-output-buffer-limit"];

/// A server's command line without the program: first the profile's arguments, then the directives,
/// which override them. Each word of a value is an argument.
///
/// # Errors
/// When a value cannot be given.
pub fn arguments(profile: &Profile, directives: &[Directive]) -> Result<Vec<String>, Unsayable> {
    let mut arguments = profile.args.clone();
    for directive in directives {
        arguments.push(format!("--{}", directive.name));
        arguments.extend(directive.words()?);
    }
    Ok(arguments)
}

/// The roles of the files of a server that is started with these directives.
pub fn roles(profile: &Profile, directives: &[Directive]) -> Roles {
    let set: Vec<(&Directive, String)> = directives
        .iter()
        .map(|set| (set, set.first_word()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    profile.roles_under(|name| {
        set.iter().rev().find(|(set, _)| set.is(name)).map(|(_, value)| value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &str) -> Result<Vec<String>, Unsayable> {
        Directive { name: "save".to_string(), value: value.to_string() }.words()
    }

    #[test]
    fn a_value_is_what_it_is_in_a_redis_conf() {
        assert_eq!(words("900 1"), Ok(vec!["900".to_string(), "1".to_string()]));
        assert_eq!(words(r#""900 1""#), Ok(vec!["900 1".to_string()]));
        assert_eq!(words(""), Ok(vec![String::new()]));
        assert_eq!(words(r#""""#), Ok(vec![String::new()]));
        assert_eq!(words(r#""\x22\\""#), Ok(vec!["\"\\".to_string()]));
        assert_eq!(words(r#""a"#), Err(Unsayable::Unbalanced));
        assert_eq!(words("a --b"), Err(Unsayable::Option));
        assert_eq!(words(r#""\x00""#), Err(Unsayable::Nul));
        assert_eq!(words(r#""\xff""#), Err(Unsayable::NotUtf8));
    }
}
