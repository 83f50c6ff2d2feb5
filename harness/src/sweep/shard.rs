//! Shards: a sweep split into N parts for N machines, stable by the names of sites.
//!
//! A checksum of workload and site says which shard a site belongs to, so a site that comes or goes
//! moves no other one. Must not know: where shards run.

use std::fmt;
use std::str::FromStr;

/// Part `number` of `of`, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Those that are not among `given`; all of them must be of one division.
    ///
    /// # Errors
    /// When they are not, or one is given twice.
    pub fn missing(given: &[Shard]) -> Result<Vec<Shard>, String> {
        let Some(first) = given.first() else { return Ok(Vec::new()) };
        if let Some(other) = given.iter().find(|other| other.of != first.of) {
            return Err(format!("shards {first} and {other} are not parts of one sweep"));
        }
        let twice = |(n, shard): (usize, &Shard)| given[..n].contains(shard);
        if let Some((_, shard)) = given.iter().enumerate().find(|found| twice(*found)) {
            return Err(format!("shard {shard} is in two of them: was a shard given twice?"));
        }
        let all = (1..=first.of).map(|number| Shard { number, of: first.of });
        Ok(all.filter(|shard| !given.contains(shard)).collect())
    }

    /// Whether this run of an exploration is made here.
    pub fn has_run(self, number: u64) -> bool {
        number % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Whether this site of this workload is swept here.
    pub fn has(self, workload: &str, site: &str) -> bool {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(workload.as_bytes());
        checksum.update(b" ");
        checksum.update(site.as_bytes());
        checksum.finalize() % self.of == self.number - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(k, n)| Some((number(k)?, number(n)?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
            Some((number, of)) => {
                Err(format!("there is no shard {number} of {of}: they are 1/{of} to {of}/{of}"))
            }
            None => Err("expected K/N, for example 1/4".to_string()),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|n| *n > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_site_is_in_exactly_one_shard() {
        let shards: Vec<Shard> = (1..=4).map(|k| format!("{k}/4").parse().unwrap()).collect();
        for n in 1..200 {
            let site = format!("parent.aof.write#{n}");
            assert_eq!(shards.iter().filter(|shard| shard.has("a", &site)).count(), 1);
            assert!(Shard::WHOLE.has("a", &site));
        }
        let sizes = shards.iter().map(|shard| {
            (1..200).filter(|n| shard.has("a", &format!("parent.aof.write#{n}"))).count()
        });
        assert!(sizes.into_iter().all(|size| size > 25));
    }

    #[test]
    fn a_merge_knows_which_shards_there_are() {
        let given = |texts: &[&str]| {
            let shards: Vec<Shard> = texts.iter().map(|text| text.parse().unwrap()).collect();
            Shard::missing(&shards)
                .map(|missing| missing.iter().map(Shard::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(given(&["1/1"]), Ok(String::new()));
        assert_eq!(given(&["3/4", "1/4"]), Ok("2/4 4/4".to_string()));
        assert!(given(&["1/2", "2/3"]).unwrap_err().contains("not parts of one sweep"));
        assert!(given(&["1/2", "2/2", "1/2"]).unwrap_err().contains("given twice"));
    }

    #[test]
    fn a_shard_out_of_range_is_refused_with_the_range() {
        assert_eq!(
            "5/4".parse::<Shard>().unwrap_err(),
            "there is no shard 5 of 4: they are 1/4 to 4/4"
        );
        for text in ["", "1", "1/", "/2", "0/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert_eq!(
                text.parse::<Shard>().unwrap_err(),
                "expected K/N, for example 1/4",
                "{text}"
            );
        }
    }
}
