//! Waiting for what a command starts, without guessing at times: used where one is interrupted.

use std::process::Child;
use std::time::{Duration, Instant};

use sabot::engine::reap;

/// Waits until a worker runs a server.
pub fn await_worker(run: &mut Child) {
    reap::adopt_orphans().expect("orphans come to this process");
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        assert!(run.try_wait().expect("it is ours").is_none(), "it ended before the interrupt");
        // Its other children look what this machine can do; a worker says so in its arguments.
        let is_worker = |pid: &String| {
            let args = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
            args.unwrap_or_default().contains("\0worker\0")
        };
        let mut workers = below(&run.id().to_string()).into_iter().filter(is_worker);
        if workers.any(|worker| !below(&worker).is_empty()) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("no server was started");
}

fn below(pid: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(String::from).collect::<Vec<_>>()).collect()
}
