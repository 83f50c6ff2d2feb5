//! What a save costs in memory while the dataset changes: the copy-on-write sizes that a child
//! reports to its parent, in the memory model of the sim world.

use std::rc::Rc;
use std::time::Duration;

use sabot::profile::Profile;
use sabot::world::sim::{Sim, Stacks};
use sabot::world::{Directive, World};

const PAGE: u64 = 4096;

struct Server(Sim);

impl Server {
    fn start() -> Server {
        let profile = Rc::new(Profile::named("sabot").expect("our own profile"));
        let mut sim = Sim::new(profile, Stacks::default());
        let delay = Directive { name: "rdb-key-save-delay".into(), value: "1000".into() };
        sim.start(&[delay]).expect("it starts");
        Server(sim)
    }

    fn ask(&mut self, words: &[&str]) -> String {
        let mut bytes = format!("*{}\r\n", words.len());
        for word in words {
            bytes += &format!("${}\r\n{word}\r\n", word.len());
        }
        assert!(self.0.send("client", bytes.as_bytes()).expect("it runs"));
        self.0.settle().expect("it runs");
        String::from_utf8(self.0.receive("client").bytes).expect("text")
    }

    /// The copy-on-write size of a BGSAVE during which `changes` are made, in bytes.
    fn cost_of(mut self, changes: impl Fn(&mut Server)) -> u64 {
        self.ask(&["BGSAVE"]);
        changes(&mut self);
        while self.0.children() > 0 {
            let next = self.0.kernel().now() + Duration::from_millis(100);
            self.0.advance_to(next).expect("it runs");
        }
        let info = self.ask(&["INFO", "persistence"]);
        assert!(info.contains("rdb_last_bgsave_status:ok"), "{info}");
        let size = info.lines().find_map(|line| line.strip_prefix("rdb_last_cow_size:"));
        let size = size.expect("the child reported").parse().expect("a number");
        let log = String::from_utf8(self.0.log()).expect("text");
        let line = format!("RDB: {} MB of memory used by copy-on-write", size / (1 << 20));
        assert!(log.contains(&line), "{line}: {log}");
        size
    }
}

/// A server with one value of 1 MiB, or with as many small values as that has pages.
fn filled(big: bool) -> Server {
    let mut server = Server::start();
    if big {
        server.ask(&["SET", "big", &"x".repeat(256 * PAGE as usize)]);
    } else {
        (0..256).for_each(|n| drop(server.ask(&["SET", &format!("small{n}"), "x"])));
    }
    server
}

#[test]
fn a_big_value_costs_its_pages_and_a_small_one_a_page() {
    let quiet = [true, false].map(|big| filled(big).cost_of(|_| {}));
    let one = filled(false).cost_of(|server| drop(server.ask(&["SET", "small7", "y"])));
    let many = filled(false).cost_of(|server| {
        (0..256).for_each(|n| drop(server.ask(&["SET", &format!("small{n}"), "y"])));
    });
    let big = filled(true)
        .cost_of(|server| drop(server.ask(&["SET", "big", &"y".repeat(256 * PAGE as usize)])));
    assert_eq!(one - quiet[1], PAGE, "one small value");
    assert_eq!(many - quiet[1], 256 * PAGE, "many small values");
    assert_eq!(big - quiet[0], 256 * PAGE, "one big value");
}

#[test]
fn a_page_costs_once() {
    let once = filled(false).cost_of(|server| drop(server.ask(&["INCR", "counter"])));
    let often =
        filled(false).cost_of(|server| (0..9).for_each(|_| drop(server.ask(&["INCR", "counter"]))));
    assert_eq!(once, often);
}
