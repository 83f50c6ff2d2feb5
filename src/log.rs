//! The log, in Redis' format: `PID:ROLE DATE LEVEL MESSAGE` (Redis: `serverLogRaw`, server.c).
//!
//! Dates are in UTC, so that a line does not depend on the machine's time zone.
//! Must not know: who logs.

use crate::generation::{Generation, PanicSignal};
use crate::os::{Clock, HandlerLine, OFlag, Os, STDOUT, Signal};

/// `loglevel`, from most to least verbose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
}

impl Level {
    /// The mark of this level in a line.
    fn mark(self) -> char {
        match self {
            Level::Debug => '.',
            Level::Verbose => '-',
            Level::Notice => '*',
            Level::Warning => '#',
        }
    }
}

/// Longest message in bytes; longer ones are truncated (Redis: `LOG_MAX_LEN`, less its NUL).
const MESSAGE_MAX: usize = 1023;

/// Space for pid, role, date and level.
const HEAD_MAX: usize = 48;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Where to log, and from which level on.
#[derive(Clone, Debug)]
pub struct Log {
    pub level: Level,
    /// The file, or empty for standard output.
    pub file: String,
    /// `M` for the server, `C` for its children.
    pub role: char,
}

impl Log {
    /// The same log, as a forked child writes to it.
    pub fn in_child(&self) -> Log {
        Log { role: 'C', ..self.clone() }
    }

    /// Writes one line with one write(2). Errors are ignored. The file is opened for each line so
    /// that it can be rotated (Redis: `serverLogRaw`).
    pub fn line(&self, os: &mut dyn Os, level: Level, message: &str) {
        self.write(os, level, |os| self.format(os, level, message));
    }

    /// A line from a signal handler, with the time in seconds (Redis: `serverLogFromHandler`).
    pub fn line_from_handler(&self, os: &mut dyn Os, level: Level, message: &str) {
        self.write(os, level, |os| {
            let seconds = os.clock_gettime(Clock::Realtime) / 1_000_000_000;
            format!("{}:signal-handler ({seconds}) {message}\n", os.getpid())
        });
    }

    /// The same line in two parts, for a handler that has to be async-signal-safe and fills in the
    /// time.
    pub fn handler_line(&self, os: &mut dyn Os, message: &str) -> HandlerLine {
        HandlerLine {
            file: self.file.clone(),
            before: format!("{}:signal-handler (", os.getpid()),
            after: format!(") {message}\n"),
        }
    }

    /// Ends the server after an internal error (Redis: `_serverPanic`). The stack trace is left
    /// out, because it would differ between builds.
    pub fn server_panic(&self, os: &mut dyn Os, generation: &Generation, message: &str) -> ! {
        self.write(os, Level::Warning, |_| {
            "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n".to_string()
        });
        let rule = "-".repeat(48);
        for line in [
            &rule,
            "!!! Software Failure. Press left mouse button to continue",
            &format!("Guru Meditation: {message}"),
        ] {
            self.line(os, Level::Warning, line);
        }
        for line in generation.words.panic_end() {
            self.line(os, Level::Warning, line);
        }
        os.raise(match generation.panic {
            PanicSignal::Segv => Signal::SIGSEGV,
            PanicSignal::Abrt => Signal::SIGABRT,
        })
    }

    fn write(&self, os: &mut dyn Os, level: Level, format: impl FnOnce(&mut dyn Os) -> String) {
        if level < self.level {
            return;
        }
        if self.file.is_empty() {
            let line = format(os);
            let _ = os.write(STDOUT, line.as_bytes());
            return;
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
        let Ok(fd) = os.open(&self.file, flags, 0o666) else { return };
        let line = format(os);
        let _ = os.write(fd, line.as_bytes());
        let _ = os.close(fd);
    }

    fn format(&self, os: &mut dyn Os, level: Level, message: &str) -> String {
        let message = &message[..message.floor_char_boundary(MESSAGE_MAX)];
        let mut line = String::with_capacity(message.len() + HEAD_MAX);
        let pid = u64::from(os.getpid().unsigned_abs());
        digits(&mut line, pid, pid.checked_ilog10().unwrap_or(0) + 1);
        line.extend([':', self.role, ' ']);
        date(&mut line, os.clock_gettime(Clock::Realtime) / 1_000_000);
        line.extend([' ', level.mark(), ' ']);
        line.push_str(message);
        line.push('\n');
        line
    }
}

/// `dd Mon yyyy hh:mm:ss.mmm` in UTC, from milliseconds since the epoch. Not by `format!`, whose
/// cost would show at each start.
fn date(line: &mut String, ms: u64) {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (day, month, year) = civil(seconds / 86_400);
    digits(line, day, 2);
    line.extend([" ", MONTHS[month], " "]);
    digits(line, year, 4);
    let parts = [(' ', seconds / 3600 % 24), (':', seconds / 60 % 60), (':', seconds % 60)];
    for (before, value) in parts {
        line.push(before);
        digits(line, value, 2);
    }
    line.push('.');
    digits(line, ms, 3);
}

/// Appends a number with exactly `width` digits.
fn digits(line: &mut String, number: u64, width: u32) {
    let digit = |place: u32| char::from(b'0' + (number / 10_u64.pow(place) % 10) as u8);
    line.extend((0..width).rev().map(digit));
}

/// Day of the month from 1, month from 0, and year, from the days since 1 January 1970. Internally
/// years start in March, so that a leap day is the last of its year.
fn civil(days: u64) -> (u64, usize, u64) {
    const YEARS_400: u64 = 146_097;
    let since_0000_03_01 = days + 719_468;
    let (era, day) = (since_0000_03_01 / YEARS_400, since_0000_03_01 % YEARS_400);
    let year = (day - day / 1460 + day / 36_524 - day / (YEARS_400 - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    // March is 0 here.
    if month < 10 { (day, month as usize + 2, year) } else { (day, month as usize - 10, year + 1) }
}

#[cfg(test)]
mod tests {
    fn date(ms: u64) -> String {
        let mut line = String::new();
        super::date(&mut line, ms);
        line
    }

    #[test]
    fn dates_are_civil_utc() {
        assert_eq!(date(0), "01 Jan 1970 00:00:00.000");
        assert_eq!(date(951_782_400_000), "29 Feb 2000 00:00:00.000");
        assert_eq!(date(951_868_799_999), "29 Feb 2000 23:59:59.999");
        assert_eq!(date(1_599_731_234_567), "10 Sep 2020 09:47:14.567");
        assert_eq!(date(1_798_761_600_001), "01 Jan 2027 00:00:00.001");
        assert_eq!(date(4_107_542_400_000), "01 Mar 2100 00:00:00.000");
    }
}
