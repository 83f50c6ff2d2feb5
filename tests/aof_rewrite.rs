//! A whole rewrite of the append only file on a real kernel, with a forked child.
//!
//! Each scenario runs in its own process and working directory, because wait3(2) reaps any child of
//! the process. The test checks the files it leaves.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

#[path = "support/scenario.rs"]
mod scenario;

use sabot_server::aof::{Aof, State, Status};
use sabot_server::bio::JobType;
use sabot_server::config::{AppendFsync, Config};
use sabot_server::os::{Os, Wait};

use scenario::{Fixture, aof, dataset, messages, names, preamble, run};

fn rewritten() -> String {
    let numbers =
        |range: std::ops::Range<i32>| range.map(|i| format!(" {i}")).collect::<Vec<_>>().concat();
    let (first, second) = (numbers(0..64), numbers(64..65));
    format!(
        "SELECT 3;SET s v;PEXPIREAT s 9000000000000;RPUSH l{first};RPUSH l{second};SADD m x y;\
         HMSET h f 1;"
    )
}

/// Serves the pipes until the child has ended, then does what server_cron does.
fn finish_rewrite(os: &mut dyn Os, fixture: &mut Fixture, aof: &mut Aof) {
    loop {
        let mut events = Vec::new();
        let _ = os.epoll_wait(fixture.epoll, &mut events, Some(1));
        let env = &mut fixture.env(os);
        for event in events {
            assert!(aof.owns_pipe(event.fd));
            aof.on_pipe_event(env, event.fd, event.ready);
        }
        if let Some((pid, status)) = env.os.wait3(Wait::NoHang).expect("there is a child") {
            assert_eq!(Some(pid), env.children.aof);
            aof.background_rewrite_done_handler(env, status);
            assert!(env.children.receive_info(env.os).is_some_and(|(_, cow)| cow > 0));
            env.children.close_info_pipe(env.os);
            return;
        }
    }
}

#[test]
fn a_rewrite_holds_the_dataset_and_what_came_meanwhile() {
    let (_dir, file) = rewrite_amid_commands(false);
    let expected = format!("{}SELECT 0;SET late 1;SELECT 0;DEL late;", rewritten());
    assert_eq!(file, aof(&expected));
}

#[test]
fn a_rewrite_with_a_preamble_holds_the_same() {
    let (_dir, file) = rewrite_amid_commands(true);
    let tail = aof("SELECT 0;SET late 1;SELECT 0;DEL late;");
    assert!(file.starts_with(b"REDIS0009") && file.ends_with(&tail));
    assert_eq!(file.len(), preamble().len() + tail.len());
}

/// Rewrites [`dataset`] while a SET arrives, and appends a DEL afterwards. Returns the file.
fn rewrite_amid_commands(preamble: bool) -> (tempfile::TempDir, Vec<u8>) {
    let tempdir = tempfile::tempdir().expect("a directory");
    let dir = tempdir.path();
    let code = run(dir, &|os| {
        let config = Config {
            appendonly: true,
            appendfsync: AppendFsync::Always,
            aof_use_rdb_preamble: preamble,
            ..Config::default()
        };
        let mut fixture = Fixture::new(os, config);
        let mut aof = Aof::new(&fixture.config);
        let mut env = fixture.env(os);
        aof.open(&mut env).expect("a file");
        aof.feed_append_only_file(&mut env, 3, &[b"SET".into(), b"s".into(), b"v".into()]);
        aof.flush_append_only_file(&mut env, false);
        aof.rewrite_append_only_file_background(&mut env, &dataset()).expect("a child");
        aof.feed_append_only_file(&mut env, 0, &[b"SET".into(), b"late".into(), b"1".into()]);
        aof.flush_append_only_file(&mut env, false);
        finish_rewrite(os, &mut fixture, &mut aof);
        aof.feed_append_only_file(&mut fixture.env(os), 0, &[b"DEL".into(), b"late".into()]);
        aof.flush_append_only_file(&mut fixture.env(os), false);
        assert!(aof.last_bgrewrite_status == Status::Ok && fixture.children.aof.is_none());
        assert!(aof.buf.is_empty() && aof.rewrite_buffer_size() == 0);
        assert!(aof.rewrite_base_size < aof.current_size);
        assert_eq!(aof.rewrite_time_start, -1);
        0
    });
    assert_eq!(code, 0);
    let file = std::fs::read(dir.join("appendonly.aof")).expect("it is there");
    assert_eq!(names(dir), ["appendonly.aof", "log"]);
    let messages = messages(dir);
    assert_eq!(messages[1], "* AOF rewrite child asks to stop sending diffs.");
    assert_eq!(messages[2], "* Parent agreed to stop sending diffs. Finalizing AOF...");
    assert_eq!(messages[3], "* Concatenating 0.00 MB of AOF diff received from parent.");
    assert_eq!(messages[4], "* SYNC append only file rewrite performed");
    assert_eq!(messages.last().expect("lines"), "* Background AOF rewrite finished successfully");
    (tempdir, file)
}

#[test]
fn a_killed_rewrite_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let code = run(dir, &|os| {
        let mut fixture = Fixture::new(os, Config::default());
        let mut aof = Aof::new(&fixture.config);
        let open = |os: &mut dyn Os| (0..64).filter(|&fd| os.fstat(fd).is_ok()).count();
        fixture.bio.init(os).expect("threads");
        let before = open(os);
        let env = &mut fixture.env(os);
        aof.start_append_only(env, &dataset()).expect("a child");
        assert_eq!(aof.state, State::WaitRewrite);
        aof.stop_append_only(env);
        assert!(aof.state == State::Off && env.children.aof.is_none() && aof.fd.is_none());
        assert_eq!(aof.rewrite_time_start, -1);
        // The child's files are closed in the background, at an unknown time.
        while fixture.bio.pending_jobs_of_type(JobType::CloseFile) > 0 {
            std::thread::yield_now();
        }
        i32::from(open(os) != before)
    });
    assert_eq!(code, 0, "descriptors were leaked");
    assert_eq!(names(dir), ["appendonly.aof", "log"]);
}
