//! The command `sabot`. Everything it does is in [`sabot::cli`]; nothing is decided here.

use std::process::ExitCode;

fn main() -> ExitCode {
    sabot::cli::main()
}
