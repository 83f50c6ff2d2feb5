//! The moment that a report may name: none, unless `SOURCE_DATE_EPOCH` says one.
//!
//! Reports are the same for the same server, so nothing here looks at a clock. Must not know: what
//! is reported.

/// Seconds since 1970, as reproducible builds pass them on.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The moment in words, if one is wanted.
///
/// # Errors
/// When the variable holds no number of seconds.
pub fn wanted() -> Result<Option<String>, String> {
    std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(|text| read(&text)).transpose()
}

fn read(text: &str) -> Result<String, String> {
    // A year of four digits at most.
    const LAST: u64 = 253_402_300_799;
    match text.parse() {
        Ok(seconds) if seconds <= LAST => Ok(words(seconds)),
        _ => Err(format!("{VARIABLE} is {text}, but should be seconds since 1970")),
    }
}

/// `2026-11-21 03:04 UTC`, by the Gregorian calendar.
fn words(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day at the end; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + later;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3_600, second / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_date() {
        for (seconds, date) in [
            ("0", "1970-01-01 00:00 UTC"),
            ("951782400", "2000-02-29 00:00 UTC"),
            ("1795230245", "2026-11-21 03:04 UTC"),
        ] {
            assert_eq!(read(seconds), Ok(date.to_string()));
        }
        assert!(read("soon").is_err_and(|why| why.contains("SOURCE_DATE_EPOCH is soon")));
    }
}
