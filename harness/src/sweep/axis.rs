//! Kinds of calls: `parent.aof.write` is what all sites have in common that differ in their number.
//!
//! Must not know: faults.

use std::fmt;

use crate::kernel::{CallName, Name, Site};

/// A site without incarnation and number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axis {
    pub task: Name,
    pub role: Option<Name>,
    pub call: CallName,
}

impl Axis {
    pub fn of(site: &Site) -> Axis {
        Axis { task: site.task.clone(), role: site.role.clone(), call: site.call }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.task)?;
        if let Some(role) = &self.role {
            write!(f, ".{role}")?;
        }
        write!(f, ".{}", self.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_a_site_without_its_numbers() {
        for (site, axis) in [
            ("parent.pipe:diff.write#3", "parent.pipe:diff.write"),
            ("2:parent.aof.read#1", "parent.aof.read"),
            ("child.fork#12", "child.fork"),
        ] {
            assert_eq!(Axis::of(&site.parse().expect(site)).to_string(), axis);
        }
    }
}
