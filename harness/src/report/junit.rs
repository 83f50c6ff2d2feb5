//! JUnit XML, as continuous integration reads it.
//!
//! Must not know: what is reported.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    Passed,
    /// A kind and a message.
    Failed(String, String),
    /// The same for what was not found out.
    Errored(String, String),
    Skipped(String),
}

/// One test: its class, its name, and what became of it.
pub type Test = (String, String, Became);

/// Tests with a name, and how long they took together, where that is known.
pub type Suite = (String, Vec<Test>, Option<Duration>);

/// The report as XML; `suites` are names with their tests.
///
/// # Errors
/// When a text cannot be written as XML.
pub fn write(name: &str, suites: &[Suite]) -> Result<String, String> {
    let mut report = Report::new(name);
    for (suite, tests, took) in suites {
        let mut into = TestSuite::new(suite.as_str());
        if let Some(took) = took {
            into.set_time(*took);
        }
        for (class, test, became) in tests {
            let mut case = TestCase::new(test.as_str(), status(became));
            case.set_classname(class.as_str());
            into.add_test_case(case);
        }
        report.add_test_suite(into);
    }
    if let Some(took) = suites.iter().map(|(.., took)| *took).sum::<Option<Duration>>() {
        report.set_time(took);
    }
    report.to_string().map_err(|why| why.to_string())
}

fn status(became: &Became) -> TestCaseStatus {
    let bad = |kind, what: &str, message: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(what).set_message(message);
        status
    };
    match became {
        Became::Passed => TestCaseStatus::success(),
        Became::Failed(what, message) => bad(NonSuccessKind::Failure, what, message),
        Became::Errored(what, message) => bad(NonSuccessKind::Error, what, message),
        Became::Skipped(message) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message.as_str());
            status
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_carry_their_kind_and_message() {
        let failed = Became::Failed("lost".to_string(), "1 < 2 & gone".to_string());
        let tests = vec![
            ("a".to_string(), "one".to_string(), Became::Passed),
            ("a".to_string(), "two".to_string(), failed),
        ];
        let xml = write("sabot", &[("sweep/a".to_string(), tests, Some(Duration::from_secs(3)))])
            .expect("plain text");
        assert_eq!(xml.matches("time=\"3.000\"").count(), 2, "{xml}");
        assert!(xml.contains("tests=\"2\"") && xml.contains("failures=\"1\""), "{xml}");
        assert!(xml.contains("type=\"lost\"") && xml.contains("1 &lt; 2 &amp; gone"), "{xml}");
    }
}
