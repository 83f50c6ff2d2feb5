//! Exit codes, decided here and nowhere else.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all as expected |
//! | 1 | a promise broken, or an `expect` of a case not met |
//! | 2 | bad usage or a bad case: nothing it says about a server counts |
//! | 3 | not measured, or the harness broken |
//! | 4 | a transcript differs from its snapshot though no promise is broken |
//! | 130 | interrupted |
//!
//! With `--bisect` 3 becomes 125, so that `git bisect run` skips a version that cannot be judged,
//! and 2 becomes 128, so that it stops rather than taking every version for bad.
//!
//! Where several apply, the first in the order 1, 2, 3, 4 wins: a broken promise stays one,
//! whatever else could not be found out.

/// The table above, for `--help`.
pub const HELP: &str = "\
Exit codes: 0 all as expected; 1 a promise broken; 2 bad usage or bad case; 3 not measured or
harness broken; 4 a transcript differs from its snapshot though no promise is broken;
130 interrupted. With --bisect: 125 for 3, 128 for 2.";

/// Why the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Expected,
    BrokenPromise,
    BadUsage,
    NotMeasured,
    Differs,
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Expected => 0,
            Exit::BrokenPromise => 1,
            Exit::BadUsage => 2,
            Exit::NotMeasured => 3,
            Exit::Differs => 4,
            Exit::Interrupted => 130,
        }
    }

    /// What `git bisect run` understands: 125 skips the version, from 128 on it stops.
    pub fn code_for_bisect(self) -> u8 {
        match self {
            Exit::NotMeasured => 125,
            Exit::BadUsage => 128,
            other => other.code(),
        }
    }
}

/// What a run of a case or of a sweep means for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The verdict and the transcript are what was expected.
    AsExpected,
    /// Nothing is wrong, but there is no reviewed snapshot to compare with.
    Unreviewed,
    /// The case asks for something that this server does not have.
    NotApplicable,
    /// A default world that this machine cannot have.
    Skipped,
    /// A promise broken, or an `expect` not met.
    BrokenPromise,
    /// The case itself is wrong: a rule that never fired, say.
    BadCase,
    /// No verdict: the machine, the world or the harness could not do it.
    NotMeasured,
    /// No promise broken, but not what was reviewed.
    Differs,
}

impl Status {
    fn exit(self) -> Exit {
        match self {
            Status::AsExpected | Status::Unreviewed | Status::NotApplicable | Status::Skipped => {
                Exit::Expected
            }
            Status::BrokenPromise => Exit::BrokenPromise,
            Status::BadCase => Exit::BadUsage,
            Status::NotMeasured => Exit::NotMeasured,
            Status::Differs => Exit::Differs,
        }
    }
}

/// The exit for all runs together.
pub fn overall(statuses: impl IntoIterator<Item = Status>) -> Exit {
    const WORST_FIRST: [Exit; 4] =
        [Exit::BrokenPromise, Exit::BadUsage, Exit::NotMeasured, Exit::Differs];
    let exits: Vec<Exit> = statuses.into_iter().map(Status::exit).collect();
    WORST_FIRST.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bisection_skips_what_was_not_measured_and_stops_at_bad_usage() {
        let codes = [Exit::Expected, Exit::BrokenPromise, Exit::BadUsage, Exit::NotMeasured];
        assert_eq!(codes.map(Exit::code_for_bisect), [0, 1, 128, 125]);
    }

    #[test]
    fn a_broken_promise_outweighs_everything_and_skips_weigh_nothing() {
        let all = [
            Status::Differs,
            Status::NotMeasured,
            Status::BadCase,
            Status::BrokenPromise,
            Status::Skipped,
        ];
        assert_eq!(overall(all).code(), 1);
        assert_eq!(overall(all[..3].iter().copied()).code(), 2);
        assert_eq!(overall(all[..2].iter().copied()).code(), 3);
        assert_eq!(overall(all[..1].iter().copied()).code(), 4);
        assert_eq!(overall([Status::Skipped, Status::Unreviewed]).code(), 0);
        assert_eq!(overall([]).code(), 0);
    }
}
