//! The three pipes between the parent and its rewrite child, as the parent uses them.
//!
//! ```text
//! data           parent -> child    commands that were executed since the fork; neither end blocks
//! ack to parent  child  -> parent   one '!': stop sending, I am about to finish
//! ack to child   parent -> child    one '!': nothing more will come
//! ```
//!
//! Both processes keep all six ends open, so neither ever reads an end of file: a child whose
//! parent has died waits until it times out (see [`super::rewrite_child`]).
//!
//! Once the parent has answered the '!', it keeps the rest in the rewrite buffer and appends that
//! to the finished file itself. Must not know: what the child writes.

use super::rewrite_buffer::RewriteBuffer;
use crate::env::Env;
use crate::os::{Errno, Fd, Interest, strerror};

/// Both ends of the three pipes, and which of them the parent polls.
#[derive(Debug)]
pub(super) struct Pipes {
    ends: Ends,
    stop_sending_diff: bool,
    /// Polling for the child's '!'.
    ack_watched: bool,
    /// Polling for room in the data pipe.
    data_watched: bool,
}

/// The descriptors, under Redis' names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) write_data_to_child: Fd,
    pub(super) read_data_from_parent: Fd,
    pub(super) write_ack_to_parent: Fd,
    pub(super) read_ack_from_child: Fd,
    pub(super) write_ack_to_child: Fd,
    pub(super) read_ack_from_parent: Fd,
}

impl Pipes {
    /// Creates the three pipes and starts polling for the child's '!' (Redis: `aofCreatePipes`). On
    /// an error logs it and closes every descriptor.
    pub(super) fn create(env: &mut Env<'_>) -> Option<Pipes> {
        let mut fds = [-1; 6];
        match Pipes::set_up(env, &mut fds) {
            Ok(pipes) => Some(pipes),
            Err(errno) => {
                let reason = strerror(errno);
                env.warning(&format!("Error opening /setting AOF rewrite IPC pipes: {reason}"));
                for fd in fds.into_iter().filter(|&fd| fd != -1) {
                    let _ = env.os.close(fd);
                }
                None
            }
        }
    }

    fn set_up(env: &mut Env<'_>, fds: &mut [Fd; 6]) -> Result<Pipes, Errno> {
        (fds[0], fds[1]) = env.os.pipe()?;
        (fds[2], fds[3]) = env.os.pipe()?;
        (fds[4], fds[5]) = env.os.pipe()?;
        env.os.set_nonblocking(fds[0])?;
        env.os.set_nonblocking(fds[1])?;
        env.os.epoll_ctl(env.epoll, fds[2], Interest::READABLE)?;
        let ends = Ends {
            write_data_to_child: fds[1],
            read_data_from_parent: fds[0],
            write_ack_to_parent: fds[3],
            read_ack_from_child: fds[2],
            write_ack_to_child: fds[5],
            read_ack_from_parent: fds[4],
        };
        Ok(Pipes { ends, stop_sending_diff: false, ack_watched: true, data_watched: false })
    }

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }

    /// Stops polling and closes all six ends (Redis: `aofClosePipes`).
    pub(super) fn close(mut self, env: &mut Env<'_>) {
        self.unwatch_ack(env);
        self.unwatch_data(env);
        let ends = self.ends;
        let in_order = [
            ends.write_data_to_child,
            ends.read_data_from_parent,
            ends.write_ack_to_parent,
            ends.read_ack_from_child,
            ends.write_ack_to_child,
            ends.read_ack_from_parent,
        ];
        for fd in in_order {
            let _ = env.os.close(fd);
        }
    }

    /// Whether this descriptor is being polled.
    pub(super) fn watches(&self, fd: Fd) -> bool {
        (self.ack_watched && fd == self.ends.read_ack_from_child)
            || (self.data_watched && fd == self.ends.write_data_to_child)
    }

    pub(super) fn on_event(
        &mut self,
        env: &mut Env<'_>,
        buffer: &mut RewriteBuffer,
        fd: Fd,
        ready: Interest,
    ) {
        if self.ack_watched && fd == self.ends.read_ack_from_child && ready.readable {
            self.child_pipe_readable(env);
        }
        if self.data_watched && fd == self.ends.write_data_to_child && ready.writable {
            self.child_write_diff_data(env, buffer);
        }
    }

    /// Puts a command into the buffer, to be sent when the pipe has room (Redis:
    /// `aofRewriteBufferAppend`).
    pub(super) fn feed(&mut self, env: &mut Env<'_>, buffer: &mut RewriteBuffer, bytes: &[u8]) {
        buffer.append(bytes, &mut |level, size| {
            let megabytes = size / (1024 * 1024);
            let line = format!("Background AOF buffer size: {megabytes} MB");
            env.log.line(env.os, level, &line);
        });
        if !self.data_watched {
            let fd = self.ends.write_data_to_child;
            self.data_watched = env.os.epoll_ctl(env.epoll, fd, Interest::WRITABLE).is_ok();
        }
    }

    /// Sends as much as the pipe takes. Errors are ignored; the next event retries (Redis:
    /// `aofChildWriteDiffData`).
    fn child_write_diff_data(&mut self, env: &mut Env<'_>, buffer: &mut RewriteBuffer) {
        while !self.stop_sending_diff
            && let Some(block) = buffer.first()
        {
            match env.os.write(self.ends.write_data_to_child, block) {
                Ok(0) | Err(_) => return,
                Ok(sent) => buffer.consume(sent),
            }
        }
        self.unwatch_data(env);
    }

    /// The child has sent its '!', which happens once per rewrite (Redis: `aofChildPipeReadable`).
    /// If the answer cannot be sent there is no retry: the child times out.
    fn child_pipe_readable(&mut self, env: &mut Env<'_>) {
        let mut byte = [0];
        let read = env.os.read(self.ends.read_ack_from_child, &mut byte);
        if read == Ok(1) && byte == *b"!" {
            env.notice("AOF rewrite child asks to stop sending diffs.");
            self.stop_sending_diff = true;
            let sent = env.os.write(self.ends.write_ack_to_child, b"!");
            if sent != Ok(1) {
                let reason = strerror(sent.err().unwrap_or(Errno::from_raw(0)));
                env.warning(&format!("Can't send ACK to AOF child: {reason}"));
            }
        }
        self.unwatch_ack(env);
    }

    fn unwatch_ack(&mut self, env: &mut Env<'_>) {
        if std::mem::take(&mut self.ack_watched) {
            let fd = self.ends.read_ack_from_child;
            let _ = env.os.epoll_ctl(env.epoll, fd, Interest::default());
        }
    }

    fn unwatch_data(&mut self, env: &mut Env<'_>) {
        if std::mem::take(&mut self.data_watched) {
            let fd = self.ends.write_data_to_child;
            let _ = env.os.epoll_ctl(env.epoll, fd, Interest::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::super::super::test_env::Fixture;
    use super::{Fd, Interest, Pipes, RewriteBuffer};
    use crate::os::linux::LinuxOs;
    use crate::os::{ForkChild, Os, Wait, WaitStatus};

    /// Pipes, a buffer with one byte for the child, and the child's answer in the pipe.
    fn after_an_answer(answer: &[u8]) -> (Fixture, Pipes, RewriteBuffer) {
        let mut fixture = Fixture::new();
        let mut env = fixture.env();
        let (mut pipes, mut buffer) =
            (Pipes::create(&mut env).expect("six descriptors"), RewriteBuffer::default());
        assert_eq!(watched(&pipes), [true, false, false]);
        pipes.feed(&mut env, &mut buffer, b"x");
        env.os.write(pipes.ends.write_ack_to_parent, answer).expect("there is room");
        assert_eq!(watched(&pipes), [true, true, false]);
        (fixture, pipes, buffer)
    }

    /// Whether the child's answer, room for data, and one of the child's ends are polled.
    fn watched(pipes: &Pipes) -> [bool; 3] {
        let ends = pipes.ends;
        [ends.read_ack_from_child, ends.write_data_to_child, ends.read_data_from_parent]
            .map(|fd| pipes.watches(fd))
    }

    #[test]
    fn an_event_is_seen_to_once() {
        let (mut fixture, mut pipes, mut buffer) = after_an_answer(b"!");
        let (env, ends) = (&mut fixture.env(), pipes.ends);
        pipes.on_event(env, &mut buffer, ends.write_data_to_child, Interest::WRITABLE);
        assert_eq!((watched(&pipes), buffer.size()), ([true, false, false], 0));
        pipes.on_event(env, &mut buffer, ends.read_ack_from_child, Interest::READABLE);
        assert_eq!((watched(&pipes), pipes.stop_sending_diff), ([false; 3], true));
        pipes.close(env);
    }

    #[test]
    fn other_events_are_nothing() {
        let (mut fixture, mut pipes, mut buffer) = after_an_answer(b"!");
        let (env, ends) = (&mut fixture.env(), pipes.ends);
        for (fd, ready) in [
            (ends.read_ack_from_child, Interest::WRITABLE),
            (ends.write_data_to_child, Interest::READABLE),
            (ends.read_data_from_parent, Interest::BOTH),
        ] {
            pipes.on_event(env, &mut buffer, fd, ready);
            assert_eq!((watched(&pipes), buffer.size()), ([true, true, false], 1));
        }
        pipes.close(env);
    }

    #[test]
    fn another_answer_stops_nothing() {
        let (mut fixture, mut pipes, mut buffer) = after_an_answer(b"?");
        let (env, ends) = (&mut fixture.env(), pipes.ends);
        pipes.on_event(env, &mut buffer, ends.read_ack_from_child, Interest::READABLE);
        assert_eq!((watched(&pipes), pipes.stop_sending_diff), ([false, true, false], false));
        pipes.close(env);
    }

    #[test]
    fn the_log_tells_how_much_waits() {
        let (mut fixture, mut pipes, mut buffer) = after_an_answer(b"!");
        pipes.feed(&mut fixture.env(), &mut buffer, &vec![0; 81 * 1024 * 1024]);
        let log = fixture.log();
        assert!(log.ends_with("* Background AOF buffer size: 80 MB\n"), "{log}");
        assert_eq!(log.lines().count(), 1);
        pipes.close(&mut fixture.env());
    }

    /// A process whose descriptor limit is reached by the third pipe.
    struct Poor;

    impl ForkChild for Poor {
        fn copy(&self) -> Box<dyn ForkChild> {
            unreachable!("Linux copies")
        }

        fn run(&self, os: &mut dyn Os) -> i32 {
            let mut fixture = Fixture::new();
            let open = |os: &mut dyn Os| -> Vec<Fd> {
                (0..1024).filter(|&fd| os.fstat(fd).is_ok()).collect()
            };
            let before = open(os);
            let fifth = (0..1024).filter(|fd| !before.contains(fd)).nth(4).expect("a free one");
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
            setrlimit(Resource::RLIMIT_NOFILE, fifth as u64 + 1, hard).expect("it is lower");
            let pipes = Pipes::create(&mut fixture.env());
            i32::from(pipes.is_some() || open(os) != before)
        }
    }

    #[test]
    fn pipes_that_are_too_few_are_closed_again() {
        let os = &mut LinuxOs::new();
        let pid = os.fork(&Poor).expect("a process");
        let ended = os.wait3(Wait::Block);
        assert_eq!(ended, Ok(Some((pid, WaitStatus::Exited(0)))));
    }
}
