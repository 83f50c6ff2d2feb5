//! The two proofs of the verdicts over all commands: the table *write × server* is a reviewed
//! snapshot, and scripts without faults are drawn on every server that is here.

mod support {
    pub mod servers;
    pub mod skip;
}
mod whole;

use insta::Settings;
use sabot::commands::blind_spots::{self, Proof};
use sabot::commands::catalogue::Catalogue;
use sabot::commands::false_alarms;
use sabot::engine::worlds::World;
use sabot::report::commands;
use support::servers::tested;

/// The servers of the table.
const SERVERS: [&str; 6] =
    ["sim", "redis-6.0.16", "redis-6.2.14", "redis-7.0.15", "redis-8.0.2", "valkey-8.1.1"];

/// The servers that the tests have; where none of those with a name, the one on PATH beside sim.
fn worlds() -> Vec<World> {
    let mut worlds: Vec<World> = SERVERS.into_iter().filter_map(tested).collect();
    if worlds.len() == 1 {
        worlds.extend(tested("redis"));
    }
    worlds
}

/// How many scripts are drawn here; a process takes longer than a simulation.
fn scripts(name: &str) -> u64 {
    if name == "sim" { 300 } else { 24 }
}

#[test]
fn the_loss_of_each_write_is_seen_on_each_server() {
    let (catalogue, pool) = (Catalogue::embedded(), whole::pool());
    let prove = |world: World| {
        blind_spots::prove(&pool, &catalogue, &world, || {}).expect("nobody stops it")
    };
    let proofs: Vec<Proof> = worlds().into_iter().map(prove).collect();
    for proof in &proofs {
        assert!(proof.holds(), "{}", commands::table(&catalogue, std::slice::from_ref(proof)));
    }
    if proofs.len() < SERVERS.len() {
        return;
    }
    let mut settings = Settings::new();
    settings.set_snapshot_path(whole::root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let table = commands::table(&catalogue, &proofs);
    settings.bind(|| insta::assert_snapshot!("commands", table));
}

#[test]
fn no_script_without_faults_is_blamed() {
    let (catalogue, pool) = (Catalogue::embedded(), whole::pool());
    for world in worlds() {
        let runs = scripts(&world.label);
        let counts = false_alarms::search(&pool, &catalogue, &world, 0, runs, |_| {});
        let counts = counts.expect("nobody stops it");
        assert!(counts.alarms.is_empty(), "{}", commands::alarms(&counts));
        assert!(counts.missing.is_empty(), "{}", commands::alarms(&counts));
        // Of few scripts one is a large part.
        let unmeasured: u64 = counts.not_measured.values().map(|example| example.runs).sum();
        assert!(unmeasured * 100 <= counts.runs * 10, "{}", commands::alarms(&counts));
    }
}
