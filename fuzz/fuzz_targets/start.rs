//! Starts the server on one file, on a simulated machine.

use std::cell::OnceCell;
use std::rc::Rc;

use sabot::profile::Profile;
use sabot::world::sim::{Sim, Stacks};
use sabot::world::{Directive, Status, World};

thread_local! {
    /// Shared by all runs of this thread.
    static SHARED: OnceCell<(Rc<Profile>, Stacks)> = const { OnceCell::new() };
}

/// Starts the server with the file `name` and checks how that ended.
pub fn with_file(name: &str, content: &[u8], appendonly: &str) {
    let (profile, stacks) = SHARED.with(|shared| {
        let profile = || Rc::new(Profile::named("sabot").expect("our own profile"));
        shared.get_or_init(|| (profile(), Stacks::default())).clone()
    });
    let mut sim = Sim::new(profile, stacks);
    sim.set_file(name, Some(content.to_vec())).expect("a new disk takes a file");
    let appendonly = Directive { name: "appendonly".into(), value: appendonly.into() };
    sim.start(&[appendonly]).expect("a broken file is no trouble of the harness");
    match sim.status() {
        Status::Running | Status::Exited(0 | 1) => {}
        // A duplicate key makes Redis end itself by SIGSEGV (`serverPanic`).
        Status::Signaled(11) => {}
        other => panic!("the server ended as {other:?}"),
    }
}
