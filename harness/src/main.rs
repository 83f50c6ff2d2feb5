//! The command `sabot`. Everything it does is in [`sabot::cli`]; nothing is decided here.

use std::process::ExitCode;

mod memory;

fn main() -> ExitCode {
    memory::keep();
    sabot::cli::main()
}
