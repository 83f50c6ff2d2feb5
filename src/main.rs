//! The binary: the server core on the real kernel.
//!
//! Must not know: more than how to put the two together.

use sabot_server::event_loop;
use sabot_server::os::Os;
use sabot_server::os::linux::LinuxOs;

fn main() {
    let mut os = LinuxOs::new();
    os.install_signal_handlers();
    let code = event_loop::main(&mut os, std::env::args().collect());
    os.exit(code)
}
