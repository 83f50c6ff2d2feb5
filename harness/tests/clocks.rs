//! Every clock on the list of docs/clocks.md, read by a program under supervision: this one, which
//! is its own server. It is started directly, from a template and through a shell script, and must
//! see nothing but the clock of the run.

#![allow(unsafe_code)]

use std::arch::x86_64::{__rdtscp, _rdtsc};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use sabot::profile::Profile;
use sabot::world::supervised::{Machine, Supervised};
use sabot::world::{Directive, Status, World};

#[path = "support/skip.rs"]
mod skip;

/// The argument by which a server is told what to do.
const TASK: &str = "--task";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == TASK) {
        Some(at) => serve(&args[at + 1]),
        None if args.iter().any(|arg| arg == "--list") => {
            println!("clocks: test");
            ExitCode::SUCCESS
        }
        None => test(),
    }
}

/// The server's part.
fn serve(task: &str) -> ExitCode {
    match task {
        "tell" => tell(""),
        "tell-in-thread" => {
            std::thread::spawn(|| tell("")).join().expect("it tells");
        }
        "tell-in-child" => {
            // SAFETY: this process has one thread.
            let child = unsafe { libc::fork() };
            if child == 0 {
                tell("");
                return ExitCode::SUCCESS;
            }
            // SAFETY: plain numbers, and a null pointer where none is needed.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        }
        "handle" => {
            // SAFETY: the handler makes system calls and ends the process.
            unsafe { libc::signal(libc::SIGSEGV, handler as *const () as usize) };
            tell("");
            fault();
        }
        "fault" => fault(),
        "wait" => println!("asked {} times", asked_until_time_passes()),
        other => panic!("no task {other}"),
    }
    ExitCode::SUCCESS
}

extern "C" fn handler(_: libc::c_int) {
    let text = b"handled\n";
    // SAFETY: a live buffer; then the process ends.
    unsafe {
        libc::write(1, text.as_ptr().cast(), text.len());
        libc::_exit(7)
    }
}

fn fault() {
    // SAFETY: there is nothing at this address, and the process ends by that, as it is meant to.
    unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(64)) };
}

/// Asks by libc, which knows a vDSO, or by a system call.
#[derive(Clone, Copy)]
enum By {
    Libc,
    Call,
}

fn clock(by: By, id: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a live `timespec`.
    let failed = unsafe {
        match by {
            By::Libc => i64::from(libc::clock_gettime(id, &mut time)),
            By::Call => libc::syscall(libc::SYS_clock_gettime, id, &mut time),
        }
    };
    assert_eq!(failed, 0);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// What gettimeofday(2) and time(2) say, in seconds and microseconds.
fn time_of_day(by: By) -> [i64; 4] {
    let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut seconds = 0;
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: live places for the results, and a null pointer where none is needed.
    let returned = unsafe {
        match by {
            By::Libc => {
                libc::gettimeofday(&mut time, none.cast());
                libc::time(&mut seconds)
            }
            By::Call => {
                libc::syscall(libc::SYS_gettimeofday, &mut time, none);
                libc::syscall(libc::SYS_time, &mut seconds)
            }
        }
    };
    [time.tv_sec, time.tv_usec, seconds, returned]
}

/// How often the time has to be asked for until it is another: a program that waits for that is
/// waited for.
fn asked_until_time_passes() -> u64 {
    let start = time_of_day(By::Libc);
    let mut asked = 1;
    while time_of_day(By::Libc) == start {
        asked += 1;
    }
    asked
}

fn tell(prefix: &str) {
    // SAFETY: instructions that any x86-64 processor has.
    let (counter, counter_again, vdso) = unsafe {
        let mut processor = 0;
        (_rdtsc(), __rdtscp(&mut processor), libc::getauxval(libc::AT_SYSINFO_EHDR))
    };
    let alike = (0..=11).filter(|id| ![8, 9, 10].contains(id));
    let alike = alike.fold(time_of_day(By::Libc) == time_of_day(By::Call), |alike, id| {
        alike && clock(By::Libc, id) == clock(By::Call, id)
    });
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|why| why.to_string());
    let booted = read("/proc/stat");
    let booted = booted.lines().find(|line| line.starts_with("btime")).unwrap_or_default();
    println!("{prefix}monotonic {}", clock(By::Libc, libc::CLOCK_MONOTONIC));
    println!("{prefix}rdtsc {counter}\n{prefix}rdtscp {counter_again}");
    println!("{prefix}vdso {}\n{prefix}alike {alike}", vdso != 0);
    println!("{prefix}uptime {}", read("/proc/uptime").trim());
    println!("{prefix}load {}", read("/proc/loadavg").trim());
    println!("{prefix}{booted}");
    println!("{prefix}constant {}", read("/proc/cpuinfo").contains("constant_tsc"));
}

/// What [`tell`] must say when the monotonic clock stands at so many nanoseconds. A program that a
/// shell has executed has no vDSO.
fn expected(monotonic: u64, realtime: u64, vdso: bool) -> String {
    let (seconds, hundredths) = (monotonic / 1_000_000_000, monotonic % 1_000_000_000 / 10_000_000);
    let uptime = format!("{seconds}.{hundredths:02}");
    let booted = (realtime - monotonic) / 1_000_000_000;
    format!(
        "monotonic {monotonic}\nrdtsc {monotonic}\nrdtscp {monotonic}\nvdso {vdso}\nalike true\n\
         uptime {uptime} {uptime}\nload 0.00 0.00 0.00 1/1 1\nbtime {booted}\nconstant false\n"
    )
}

fn test() -> ExitCode {
    let missing = sabot::world::supervised::doctor::examine().into_iter().find(|check| !check.ok);
    if let Some(check) = missing {
        skip::skip("server", &format!("this machine lacks {}", check.name));
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let own = std::env::current_exe().expect("it runs");
    let script = folder.path().join("wrapper");
    fs::copy(&own, folder.path().join("server")).expect("a copy of this program");
    let text = "#!/bin/sh\nwhere=$(dirname \"$0\")\nexec \"$where/server\" \"$@\"\n";
    fs::write(&script, text).expect("a new file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a file of ours");
    let direct = profile(folder.path(), "direct", &own);
    let wrapped = profile(folder.path(), "wrapped", &script);
    // From here on this process can write only where a run may.
    let machine = Machine::prepare().expect("supervision works here");
    for (file, vdso) in [(&direct, true), (&direct, true), (&direct, true), (&wrapped, false)] {
        for task in ["tell", "tell-in-thread", "tell-in-child"] {
            let (log, ended, clocks) = run(&machine, file, task);
            assert_eq!(log, expected(clocks.0, clocks.1, vdso), "{task} by {}", file.display());
            assert_eq!(ended, Status::Exited(0), "{task} by {}", file.display());
        }
        let (log, ended, clocks) = run(&machine, file, "handle");
        assert_eq!(log, expected(clocks.0, clocks.1, vdso) + "handled\n");
        assert_eq!(ended, Status::Exited(7));
        let (log, ended, _) = run(&machine, file, "fault");
        assert_eq!((log.as_str(), ended), ("", Status::Signaled(libc::SIGSEGV)));
    }
    let waits: Vec<_> = (0..3).map(|_| run(&machine, &direct, "wait")).collect();
    let asked: u64 = waits[0].0.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!(asked > 100_000 && waits.iter().all(|run| *run == waits[0]), "{waits:?}");
    println!("clocks: ok");
    ExitCode::SUCCESS
}

/// A file with the profile of a program.
fn profile(folder: &Path, name: &str, program: &Path) -> PathBuf {
    let file = folder.join(format!("{name}.toml"));
    let text = format!(
        "path = {:?}\nlike = \"redis-6\"\nname = \"clocks\"\nversion = \"6.0.0\"\nargs = []\n",
        program.display().to_string()
    );
    fs::write(&file, text).expect("a new file");
    file
}

/// Log, end, and where the clocks stood.
fn run(machine: &Machine, file: &Path, task: &str) -> (String, Status, (u64, u64)) {
    let (profile, binary) = Profile::of(file).expect("a good profile");
    let mut world = Supervised::new(machine, profile, &binary).expect("a machine");
    let now = world.kernel().now();
    world.kernel().advance_to(now + Duration::from_millis(123_450));
    let task = Directive { name: TASK[2..].to_string(), value: task.to_string() };
    world.start(&[task]).expect("it runs");
    let clocks = {
        let kernel = world.kernel();
        (kernel.clock.monotonic(), kernel.clock.realtime())
    };
    while let Some(next) = world.next_deadline().filter(|_| world.status() == Status::Running) {
        world.kernel().advance_to(next);
        world.settle().expect("it runs");
    }
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    let ended = world.status();
    world.finish().expect("it was all modelled");
    (log, ended, clocks)
}
