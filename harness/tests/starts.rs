//! What a start does depends on nothing that others did before: pids and random numbers begin anew.
//! In every world of this machine, because each door numbers processes in its own way.

mod whole;

use sabot::engine::pool::Pool;
use sabot::engine::wire::{Job, Place};
use sabot::engine::worlds::{Choice, World};
use sabot::runner::Outcome;

/// After this line of a case both runs go through the same.
const RESTART: &str = "restart\n";

/// The server of the second start shows what it got: a random name, and a number in the name of the
/// file that its child leaves.
const AFTER: &str = "show info run_id
> SET b 2
inject rename on=rdb-temp in=child kill=before:all when=1
> BGSAVE
restart
show info run_id
inject rename on=rdb-temp in=child kill=before:all when=1
> BGSAVE
";

/// A case whose first server has children that leave nothing.
fn after_children(children: usize) -> String {
    let failing = "inject open on=rdb-temp in=child error=EMFILE when=1\n> BGSAVE\nawait child\n";
    let first = format!("config appendonly yes\n> SET a 1\n{}", failing.repeat(children));
    format!("{first}kill all\n{RESTART}{AFTER}")
}

fn run(pool: &Pool, world: &World, text: &str) -> Outcome {
    let (label, place) = (world.label.clone(), world.place.clone());
    let (case, source) = ("starts".to_string(), "starts.case".to_string());
    let job = Job { case, source, text: text.to_string(), head: 0, world: label, place };
    let outcome = pool.run(job).expect("nothing interrupts a test");
    assert!(!outcome.is_bad_case(), "{}: {:?}\n{text}", world.label, outcome.failures);
    outcome
}

/// What was observed from the first restart on.
fn since_restart(outcome: &Outcome) -> &str {
    let (_, since) = outcome.transcript.split_once(&format!("\n{RESTART}")).expect("a restart");
    since
}

fn names(outcome: &Outcome) -> Vec<&str> {
    outcome.files.iter().map(|(name, _)| name.as_str()).collect()
}

fn temporary(outcome: &Outcome) -> Vec<&str> {
    let mut temporary = names(outcome);
    temporary.retain(|name| name.starts_with("temp-") && name.ends_with(".rdb"));
    temporary
}

#[test]
fn how_many_children_an_earlier_server_had_changes_nothing() {
    let pool = whole::pool();
    for world in Choice::everywhere().expect("worlds").worlds {
        let [one, three] = [1, 3].map(|children| run(&pool, &world, &after_children(children)));
        assert_eq!(since_restart(&one), since_restart(&three), "{}", world.label);
        assert_eq!(names(&one), names(&three), "{}", world.label);
        // All starts number their processes alike, so one file has been overwritten.
        assert_eq!(temporary(&one).len(), 1, "{}: {:?}", world.label, names(&one));
        let mut ids = one.transcript.lines().filter(|line| line.starts_with("  run_id:"));
        let (second, third) = (ids.next().expect("asked twice"), ids.next().expect("asked twice"));
        assert_eq!(second, third, "{}", world.label);
    }
}

#[test]
fn a_script_that_executes_the_server_shifts_no_site() {
    let worlds = Choice::everywhere().expect("worlds").worlds;
    let Some(redis) = worlds.into_iter().find(|world| world.label == "redis") else { return };
    let Place::Binary(server) = &redis.place else { panic!("redis is a program") };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let script = folder.path().join("wrapper");
    // Two forks, and a file that is opened.
    let text = format!(
        "#!/bin/sh\nwhere=$(dirname \"$0\")\nname=$(basename {0})\nexec {0} \"$@\"\n",
        server.display()
    );
    std::fs::write(&script, text).expect("a new file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).expect("a file of ours");
    let wrapped = World { place: Place::Binary(script), ..redis.clone() };
    let text = "config appendonly yes
inject fork error=ENOMEM when=1
> SET a 1
> BGREWRITEAOF
inject write on=rdb-temp error=ENOSPC when=1
> BGSAVE
await child
kill all
restart
> GET a
";
    let pool = whole::pool();
    let own = |world| {
        let outcome = run(&pool, world, text);
        let lines = outcome.transcript.lines().filter(|line| !line.contains("launcher"));
        lines.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(own(&redis), own(&wrapped));
}

#[test]
fn the_number_of_an_orphan_is_not_given_to_another() {
    let text = "config appendonly yes
> SET a 1
inject write on=rdb-temp in=child hold when=1
> BGSAVE
kill parent
restart
inject rename on=rdb-temp in=child kill=before:all when=1
> BGSAVE
";
    let pool = whole::pool();
    let worlds = Choice::everywhere().expect("worlds").worlds;
    let runs: Vec<_> = worlds.iter().map(|world| (world, run(&pool, world, text))).collect();
    for (world, outcome) in &runs {
        assert_eq!(temporary(outcome).len(), 2, "{}: {:?}", world.label, names(outcome));
    }
    let own: Vec<_> = runs.iter().filter(|(world, _)| world.family == "sabot").collect();
    for pair in own.windows(2) {
        assert_eq!(names(&pair[0].1), names(&pair[1].1), "both doors number alike");
    }
}
