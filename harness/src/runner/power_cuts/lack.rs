//! What a disk lacks after a power cut that all there was before it would have kept.
//!
//! A finding of a power cut has no call to blame; it is put down to what did not reach the disk.
//! Must not know: which states a cut may leave, and what becomes of them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kernel::disk::power_cut::{Missing, Shown};
use crate::kernel::{Name, Survey};
use crate::profile::Profile;

/// Something of the files with one role that did not reach the disk; in JSON, the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Lack {
    pub what: Missing,
    pub role: Name,
}

const TEXTS: [(Missing, &str); 5] = [
    (Missing::Name, "lost name of"),
    (Missing::Removal, "lost removal of"),
    (Missing::End, "lost end of"),
    (Missing::Bytes, "zeros in"),
    (Missing::Rewrite, "old bytes in"),
];

impl Lack {
    /// What this state of the disk lacks. Temporary files do not count: no start reads them.
    pub fn all_of(shown: &Shown, survey: &Survey, profile: &Profile) -> BTreeSet<Lack> {
        let of = |(path, what): &(String, Missing)| {
            let role = survey.roles.get(path)?.clone();
            (!profile.is_temporary(&role)).then_some(Lack { what: *what, role })
        };
        shown.missing.iter().filter_map(of).collect()
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = TEXTS.iter().find(|(what, _)| *what == self.what);
        let (_, text) = text.expect("each has a text");
        write!(f, "{text} {}", self.role)
    }
}

/// A text does not read as a lack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not what a disk may lack, such as `lost name of base` or `zeros in aof`")]
pub struct NotALack(String);

impl FromStr for Lack {
    type Err = NotALack;

    fn from_str(text: &str) -> Result<Lack, NotALack> {
        let (what, role) = text.rsplit_once(' ').ok_or_else(|| NotALack(text.to_string()))?;
        let known = TEXTS.iter().find(|(_, its)| *its == what);
        let (what, _) = known.ok_or_else(|| NotALack(text.to_string()))?;
        Ok(Lack { what: *what, role: role.into() })
    }
}

impl TryFrom<String> for Lack {
    type Error = NotALack;

    fn try_from(text: String) -> Result<Lack, NotALack> {
        text.parse()
    }
}

impl From<Lack> for String {
    fn from(lack: Lack) -> String {
        lack.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_reads_back_as_it_is_written() {
        for (what, _) in TEXTS {
            let lack = Lack { what, role: "base".into() };
            assert_eq!(lack.to_string().parse(), Ok(lack));
        }
        for text in ["", "base", "name of base"] {
            assert_eq!(text.parse::<Lack>(), Err(NotALack(text.to_string())));
        }
    }
}
