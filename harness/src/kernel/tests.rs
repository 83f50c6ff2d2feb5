//! What a call does to the model, told as short stories.

use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::calls::Waited;
use super::role::Pattern;
use super::trace::Injected;
use super::*;

const CREATE: OFlag = OFlag::O_CREAT.union(OFlag::O_WRONLY).union(OFlag::O_APPEND);

fn machine() -> (Kernel, TaskId) {
    let aof = Pattern { name: "a".into(), role: "aof".into(), older: None };
    let pipes = vec![vec!["pipe:diff".into(), "pipe:ack".into()]];
    let mut kernel = Kernel::new(Roles { files: vec![aof], pipes }, 3);
    let parent = kernel.boot(2, Program::Server);
    (kernel, parent)
}

fn enter(kernel: &mut Kernel, task: TaskId, call: CallName, target: Target<'_>) -> Entered {
    // A read or write asks for the three bytes that most tests here write.
    let argument = if matches!(call, CallName::Read | CallName::Write) { 3 } else { 0 };
    kernel.enter(task, &Request { call, target, argument })
}

fn open(kernel: &mut Kernel, task: TaskId) -> Fd {
    let entered = enter(kernel, task, CallName::Open, Target::Path("a"));
    kernel.open(entered, "a", CREATE).unwrap()
}

fn write(kernel: &mut Kernel, task: TaskId, fd: Fd, data: &[u8]) -> Result<u64, Errno> {
    let entered = enter(kernel, task, CallName::Write, Target::Fd(fd));
    kernel.write(entered, fd, data).result
}

fn inject(kernel: &mut Kernel, call: CallName, window: &str, effect: Effect) {
    let selector = Selector::Calls { calls: vec![call], role: None, task: None };
    let window = window.parse().unwrap();
    kernel.plan.inject(Rule { selector, window, effect, name: None, maybe: false, origin: 7 });
}

#[test]
fn a_short_write_says_so_and_a_lie_does_not() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    inject(&mut kernel, CallName::Write, "1", Effect::Short(2));
    inject(&mut kernel, CallName::Write, "2", Effect::Retval(Claim::Exactly(3)));
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(2));
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(3));
    assert_eq!(kernel.disk.read_file("a"), Some(&b"ab"[..]));
}

#[test]
fn a_full_disk_takes_what_fits_and_then_nothing() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    kernel.disk.set_space(Some(4096));
    assert_eq!(write(&mut kernel, parent, fd, &[1; 5000]), Ok(4096));
    assert_eq!(write(&mut kernel, parent, fd, &[1; 904]), Err(Errno::ENOSPC));
    assert!(kernel.heal().is_empty());
    assert_eq!(write(&mut kernel, parent, fd, &[1; 904]), Ok(904));
}

#[test]
fn a_delayed_call_is_ready_when_its_time_has_come_or_when_healed() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    inject(&mut kernel, CallName::Fsync, "1", Effect::Delay(Duration::from_secs(3)));
    inject(&mut kernel, CallName::Fsync, "2", Effect::Hold);
    let delayed = enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd));
    let held = enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd));
    let deadline = kernel.deadline(&delayed).unwrap();
    assert!(!kernel.is_ready(&delayed) && kernel.deadline(&held).is_none());
    kernel.advance_to(deadline);
    assert!(kernel.is_ready(&delayed) && !kernel.is_ready(&held));
    kernel.heal();
    assert!(kernel.is_ready(&held));
    assert_eq!(kernel.sync(delayed, fd), Ok(()));
    kernel.abandon(held);
    let lines = kernel.trace.to_string();
    assert!(
        lines.contains("3.000s  parent.aof.fsync#1  → 0  (since 0.000s)  (injected)"),
        "{lines}"
    );
}

/// What the plan did to each call of this name, line by line of the trace.
fn injected(kernel: &Kernel, name: CallName) -> Vec<Option<Injected>> {
    let calls = kernel.trace.records().iter().filter_map(|record| match &record.event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    calls.filter(|call| call.site.call == name).map(|call| call.injected).collect()
}

#[test]
fn a_call_is_recorded_with_what_the_plan_did_to_it() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    inject(&mut kernel, CallName::Write, "1", Effect::Short(2));
    inject(&mut kernel, CallName::Write, "2", Effect::Retval(Claim::Exactly(3)));
    inject(&mut kernel, CallName::Write, "3", Effect::Error(Errno::ENOSPC));
    let wrote: Vec<_> = (0..4).map(|_| write(&mut kernel, parent, fd, b"abc")).collect();
    assert_eq!(wrote, [Ok(2), Ok(3), Err(Errno::ENOSPC), Ok(3)]);
    let expected = [Some(Injected::Short), Some(Injected::Lie), Some(Injected::Error), None];
    assert_eq!(injected(&kernel, CallName::Write), expected);
    inject(&mut kernel, CallName::Fsync, "1", Effect::Delay(Duration::from_secs(3)));
    inject(&mut kernel, CallName::Fsync, "2", Effect::Signal(Signal::SIGCHLD));
    inject(&mut kernel, CallName::Fsync, "3", Effect::Halt(When::Before, Halt::Kill(Victim::All)));
    let halt = Effect::Halt(When::Before, Halt::Kill(Victim::Child));
    inject(&mut kernel, CallName::Fsync, "4", halt);
    let mut calls: Vec<Entered> =
        (0..4).map(|_| enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd))).collect();
    // The caller lives through the last one.
    calls[3].clear_effect();
    kernel.heal();
    calls.into_iter().for_each(|entered| kernel.sync(entered, fd).unwrap());
    let delay = Some(Injected::Delay);
    let expected = [delay, delay, Some(Injected::Signal), Some(Injected::Halt), None];
    assert_eq!(injected(&kernel, CallName::Fsync), expected);
}

#[test]
fn a_lie_stays_one_whose_rule_has_ended_and_whose_value_is_true() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    inject(&mut kernel, CallName::Write, "1", Effect::Retval(Claim::Exactly(3)));
    let entered = enter(&mut kernel, parent, CallName::Write, Target::Fd(fd));
    kernel.hold_task("parent");
    kernel.heal();
    assert!(!kernel.is_ready(&entered));
    kernel.release_all();
    assert_eq!(kernel.write(entered, fd, b"abc"), calls::Wrote { result: Ok(3), taken: 0 });
    assert_eq!(injected(&kernel, CallName::Write), [Some(Injected::Lie)]);
}

#[test]
fn a_rule_that_never_fired_is_named() {
    let (mut kernel, parent) = machine();
    inject(&mut kernel, CallName::Fork, "2", Effect::Error(Errno::EAGAIN));
    let entered = enter(&mut kernel, parent, CallName::Fork, Target::None);
    assert!(kernel.fork(entered, 3).is_ok());
    assert_eq!(kernel.heal(), [7]);
}

#[test]
fn a_fork_shares_descriptions_and_binds_the_pipes_that_are_left() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    let mut pipes = Vec::new();
    for _ in 0..3 {
        let entered = enter(&mut kernel, parent, CallName::Pipe, Target::None);
        pipes.push(kernel.pipe(entered, OFlag::empty()).unwrap());
    }
    for end in [pipes[0].0, pipes[0].1] {
        let entered = enter(&mut kernel, parent, CallName::Close, Target::Fd(end));
        kernel.close(entered, end).unwrap();
    }
    let entered = enter(&mut kernel, parent, CallName::Fork, Target::None);
    let child = kernel.fork(entered, 3).unwrap();
    let entered = enter(&mut kernel, child, CallName::Write, Target::Fd(pipes[2].1));
    assert_eq!(entered.site.to_string(), "child.pipe:ack.write#1");
    kernel.abandon(entered);
    write(&mut kernel, child, fd, b"child").unwrap();
    write(&mut kernel, parent, fd, b"parent").unwrap();
    assert_eq!(kernel.disk.read_file("a"), Some(&b"childparent"[..]));
}

#[test]
fn what_a_launcher_does_neither_counts_nor_fails() {
    let (mut kernel, _) = machine();
    inject(&mut kernel, CallName::Fork, "1", Effect::Error(Errno::EAGAIN));
    let launcher = kernel.boot(3, Program::Launcher);
    let fork = |kernel: &mut Kernel| enter(kernel, launcher, CallName::Fork, Target::None);
    let entered = fork(&mut kernel);
    assert_eq!(entered.site.to_string(), "2:launcher.fork#1");
    let child = kernel.fork(entered, 4).expect("it is not the server's fork");
    assert_eq!(&**kernel.task_name(child), "launcher-child");
    kernel.executed(child, |_| true);
    kernel.executed(launcher, |_| true);
    assert_eq!(&**kernel.task_name(child), "launcher-child");
    let entered = fork(&mut kernel);
    assert_eq!(entered.site.to_string(), "2:parent.fork#1");
    assert_eq!(kernel.fork(entered, 5), Err(Errno::EAGAIN));
    let entered = fork(&mut kernel);
    let child = kernel.fork(entered, 5).expect("the rule was for one");
    assert_eq!(&**kernel.task_name(child), "child");
}

#[test]
fn a_child_is_a_zombie_until_its_parent_asks() {
    let (mut kernel, parent) = machine();
    let entered = enter(&mut kernel, parent, CallName::Fork, Target::None);
    kernel.fork(entered, 3).unwrap();
    let wait = |kernel: &mut Kernel| {
        let entered = enter(kernel, parent, CallName::Wait4, Target::None);
        kernel.wait(entered)
    };
    assert_eq!(wait(&mut kernel), calls::Waited::NotYet);
    kernel.ended(3, Ending::Signaled(9));
    assert_eq!(kernel.children(2), 1);
    assert_eq!(wait(&mut kernel), calls::Waited::Reaped(3, Ending::Signaled(9)));
    assert_eq!(wait(&mut kernel), calls::Waited::Failed(Errno::ECHILD));
}

#[test]
fn a_role_follows_the_name_that_the_inode_has_now() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    let entered =
        enter(&mut kernel, parent, CallName::Rename, Target::Rename { from: "a", to: "b" });
    assert_eq!(entered.site.to_string(), "parent.aof.rename#1");
    assert!(kernel.rename(entered, "a", "b").applied);
    let entered = enter(&mut kernel, parent, CallName::Write, Target::Fd(fd));
    assert_eq!(entered.site.to_string(), "parent.other.write#1");
    kernel.abandon(entered);
}

#[test]
fn a_sync_of_the_machines_own_is_made_beside_what_another_rule_does() {
    let left = |effect: Effect| {
        let (mut kernel, parent) = machine();
        let fd = open(&mut kernel, parent);
        inject(&mut kernel, CallName::Write, "1", Effect::Sync(When::After, "aof".into()));
        inject(&mut kernel, CallName::Write, "1", effect);
        let _ = write(&mut kernel, parent, fd, b"abc");
        kernel.cut_power(Cut::default()).unwrap();
        kernel.disk.read_file("a").map(<[u8]>::to_vec)
    };
    assert_eq!(left(Effect::Short(2)), Some(b"ab".to_vec()));
    assert_eq!(left(Effect::Retval(Claim::Exactly(3))), Some(b"".to_vec()), "nothing was written");
    let cut = Effect::Halt(When::After, Halt::Power(Cut::default()));
    assert_eq!(left(cut), None, "the power is gone before the sync");
}

#[test]
fn a_call_may_be_the_first_that_meets_a_read_only_disk() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    inject(&mut kernel, CallName::Write, "2", Effect::ReadOnly);
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(3));
    assert!(!kernel.disk.read_only);
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Err(Errno::EROFS));
    let entered = enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd));
    assert_eq!(kernel.sync(entered, fd), Err(Errno::EROFS), "it is the whole disk");
    assert_eq!(injected(&kernel, CallName::Write), [None, Some(Injected::Error)]);
    kernel.heal();
    assert_eq!(write(&mut kernel, parent, fd, b"def"), Ok(3));
}

#[test]
fn a_read_only_disk_takes_no_change_until_it_is_healed() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(3));
    kernel.disk.read_only = true;
    assert!(!kernel.is_healthy());
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Err(Errno::EROFS));
    let entered = enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd));
    assert_eq!(kernel.sync(entered, fd), Err(Errno::EROFS));
    let call = |kernel: &mut Kernel, path, flags| {
        let entered = enter(kernel, parent, CallName::Open, Target::Path(path));
        kernel.open(entered, path, flags)
    };
    // Linux says first what else is wrong.
    assert_eq!(call(&mut kernel, "b", CREATE), Err(Errno::EROFS));
    assert_eq!(call(&mut kernel, "b", OFlag::O_WRONLY), Err(Errno::ENOENT));
    assert_eq!(call(&mut kernel, "a", OFlag::O_WRONLY), Err(Errno::EROFS));
    assert!(call(&mut kernel, "a", OFlag::O_RDONLY | OFlag::O_CREAT).is_ok());
    let rename = |kernel: &mut Kernel, from| {
        let target = Target::Rename { from, to: "b" };
        let entered = enter(kernel, parent, CallName::Rename, target);
        kernel.rename(entered, from, "b").result
    };
    assert_eq!(rename(&mut kernel, "a"), Err(Errno::EROFS));
    assert_eq!(rename(&mut kernel, "none"), Err(Errno::ENOENT));
    kernel.heal();
    assert_eq!(write(&mut kernel, parent, fd, b"def"), Ok(3));
    assert_eq!(kernel.disk.read_file("a"), Some(&b"abcdef"[..]));
}

#[test]
fn one_rule_is_healed_and_the_others_stay_in_force() {
    let (mut kernel, parent) = machine();
    let fd = open(&mut kernel, parent);
    for (name, call, effect) in [
        ("slow", CallName::Fsync, Effect::Hold),
        ("lie", CallName::Write, Effect::Retval(Claim::All)),
        ("unused", CallName::Fork, Effect::Error(Errno::ENOMEM)),
    ] {
        let selector = Selector::Calls { calls: vec![call], role: None, task: None };
        let (window, name) = (Window::EVERY, Some(name.to_string()));
        kernel.plan.inject(Rule { selector, window, effect, name, maybe: false, origin: 7 });
    }
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(3));
    assert_eq!(kernel.disk.read_file("a"), Some(&b""[..]), "all was claimed, nothing done");
    let held = enter(&mut kernel, parent, CallName::Fsync, Target::Fd(fd));
    assert!(kernel.plan.heal_named("lie").is_empty());
    assert_eq!(write(&mut kernel, parent, fd, b"abc"), Ok(3));
    assert_eq!(kernel.disk.read_file("a"), Some(&b"abc"[..]));
    assert!(kernel.is_delayed(&held));
    assert_eq!(kernel.plan.heal_named("unused"), [7]);
    assert!(kernel.plan.heal_named("slow").is_empty());
    assert!(!kernel.is_delayed(&held) && kernel.is_healthy());
    assert_eq!(kernel.sync(held, fd), Ok(()));
}

#[test]
fn a_child_of_somebody_who_ignores_sigchld_leaves_nothing_to_wait_for() {
    let wait = |kernel: &mut Kernel, parent| {
        let entered = enter(kernel, parent, CallName::Wait4, Target::None);
        kernel.wait(entered)
    };
    for (ignores, waited) in
        [(false, Waited::Reaped(3, Ending::Exited(0))), (true, Waited::Failed(Errno::ECHILD))]
    {
        let (mut kernel, _) = machine();
        kernel.set_ignores_sigchld(ignores);
        let parent = kernel.boot(2, Program::Server);
        let entered = enter(&mut kernel, parent, CallName::Fork, Target::None);
        kernel.fork(entered, 3).expect("nothing is wrong");
        assert_eq!(wait(&mut kernel, parent), Waited::NotYet);
        kernel.ended(3, Ending::Exited(0));
        assert_eq!(wait(&mut kernel, parent), waited);
    }
    let (mut kernel, parent) = machine();
    assert!(kernel.adopt(4));
    let Waited::Reaped(orphan, ending) = wait(&mut kernel, parent) else { panic!("it has ended") };
    assert!(process::is_orphan(orphan) && ending == Ending::Exited(4));
}
