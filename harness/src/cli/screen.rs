//! Standard output and standard error: lines, with colours where a person is looking.
//!
//! Whatever would steer a terminal is shown as an escape, see [`printable`]. A reader that goes
//! away (`sabot show … | head`) ends the command quietly; output that cannot be written for another
//! reason (a full disk) ends it with that reason. Must not know: what the lines say.

use std::io::{self, ErrorKind, IsTerminal, Write};

use super::paint::painted;
use super::printable::printable;
use crate::exit::Exit;

/// Prints `text` and a newline to standard output.
pub fn line(text: &str) {
    let text = printable(text);
    let out = io::stdout();
    if out.is_terminal() && has_colours() {
        print(&mut out.lock(), &painted(&text));
    } else {
        print(&mut out.lock(), &text);
    }
}

/// The same for what is to be read by a program: only a terminal gets escapes.
pub fn data(text: &str) {
    let out = io::stdout();
    if out.is_terminal() { line(text) } else { print(&mut out.lock(), text) }
}

/// Prints an error to standard error.
pub fn error(text: &str) {
    print(&mut io::stderr().lock(), &printable(text));
}

/// The same for a text with styles, in which everything else is printable already.
pub fn styled_error(text: &str) {
    print(&mut io::stderr().lock(), text);
}

/// How many characters a line of standard output may have: as many as the terminal has columns, or
/// as `COLUMNS` says where it is none; None: any number.
pub fn width() -> Option<usize> {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map(|(width, _)| usize::from(width.0)).or_else(columns)
}

/// <https://no-color.org>, and terminals that know none.
fn has_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_some_and(|terminal| terminal != "dumb")
}

fn print(to: &mut impl Write, text: &str) {
    let done =
        writeln!(to, "{}", text.strip_suffix('\n').unwrap_or(text)).and_then(|()| to.flush());
    if let Err(why) = done {
        unwritten(&why);
    }
}

/// Ends the command, because nobody would see what it says.
pub fn unwritten(why: &io::Error) -> ! {
    if why.kind() != ErrorKind::BrokenPipe {
        let _ = writeln!(io::stderr(), "cannot write the output: {why}");
    }
    std::process::exit(Exit::NotMeasured.code().into());
}
