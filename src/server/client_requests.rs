//! Requests about clients and latency: AUTH, HELLO, CLIENT, LATENCY (Redis: acl.c, networking.c,
//! latency.c).
//!
//! Must not know: how the commands are spelled.

use super::Server;
use crate::clock::time;
use crate::command::{
    Credentials, Failure, KillFilter, LatencyRequest, ReplyMode, Session, greeting,
};
use crate::config::AppendFsync;
use crate::latency::TimeSeries;
use crate::latency::doctor::{DoctorInputs, report};
use crate::os::{Fd, Os};
use crate::resp::Reply;
use crate::text::atoi;

impl Server {
    /// Authenticates the client if the credentials are right. Without a password any are (Redis:
    /// `ACLAuthenticateUser`).
    fn authenticate(&mut self, fd: Fd, credentials: &Credentials) -> Result<(), Failure> {
        let password = self.config.requirepass.as_bytes();
        let right = password.is_empty() || credentials.password == password;
        if credentials.user != b"default" || !right {
            return Err(Failure::coded("WRONGPASS invalid username-password pair"));
        }
        self.clients.expect_mut(fd).session.authenticated = true;
        Ok(())
    }

    pub(super) fn auth(&mut self, fd: Fd, credentials: &Credentials, named: bool) -> Reply {
        if !named && self.config.requirepass.is_empty() {
            return Failure::new(
                "AUTH <password> called without any password configured for the default user. Are \
                 you sure your configuration is correct?",
            )
            .into();
        }
        self.authenticate(fd, credentials).map_or_else(Reply::from, |()| Reply::OK)
    }

    pub(super) fn hello(&mut self, fd: Fd, credentials: Option<&Credentials>) -> Reply {
        if let Some(credentials) = credentials
            && let Err(failure) = self.authenticate(fd, credentials)
        {
            return failure.into();
        }
        let session = &self.clients.expect(fd).session;
        if !session.authenticated {
            return Failure::coded(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                 HELLO AUTH <user> <pass> option can be used to authenticate the client and select \
                 the RESP protocol version at the same time",
            )
            .into();
        }
        greeting(self.config.generation.version, session.id)
    }

    /// RESET: the connection is as a new one (Redis: `clearClientConnectionState`).
    pub(super) fn reset_connection(&mut self, fd: Fd) -> Reply {
        let authenticated = self.config.requirepass.is_empty();
        let session = &mut self.clients.expect_mut(fd).session;
        self.keyspace.interest.unwatch_all_keys(session.id);
        // The reply to this very command may still be one to skip.
        let replies = match session.replies {
            ReplyMode::Skip => ReplyMode::Skip,
            _ => ReplyMode::On,
        };
        *session = Session { id: session.id, authenticated, replies, ..Session::default() };
        Reply::status("RESET")
    }

    /// Closes the selected clients. The one that asked is closed after the reply.
    pub(super) fn client_kill(&mut self, os: &mut dyn Os, fd: Fd, filter: &KillFilter) -> Reply {
        let selected = self.clients.matching(filter, fd);
        for &killed in &selected {
            if killed == fd {
                self.clients.close_after_reply(fd);
            } else {
                self.free_client(os, killed);
            }
        }
        match (filter.old_form, selected.len()) {
            (false, killed) => Reply::count(killed),
            (true, 0) => Failure::new("No such client").into(),
            (true, _) => Reply::OK,
        }
    }

    pub(super) fn latency_request(&mut self, os: &mut dyn Os, request: &LatencyRequest) -> Reply {
        match request {
            LatencyRequest::Doctor => Reply::bulk(self.latency_doctor(os)),
            LatencyRequest::History(event) => {
                self.latency.events().get(event.as_str()).map_or(Reply::EMPTY_ARRAY, history)
            }
            LatencyRequest::Latest => {
                let events = self.latency.events().iter();
                Reply::Array(events.map(|(name, series)| latest(name, series)).collect())
            }
            LatencyRequest::Reset(events) if events.is_empty() => {
                Reply::count(self.latency.reset(None))
            }
            LatencyRequest::Reset(events) => {
                Reply::count(events.iter().map(|event| self.latency.reset(Some(event))).sum())
            }
        }
    }
}

impl Server {
    fn latency_doctor(&self, os: &mut dyn Os) -> String {
        let slower_than = self.config.matching(b"slowlog-log-slower-than");
        let inputs = DoctorInputs {
            now: time(os),
            slowlog_log_slower_than: slower_than
                .first()
                .map_or(0, |(_, value)| atoi(value.as_bytes())),
            appendfsync_always: self.config.appendfsync == AppendFsync::Always,
            hz: self.hz,
            fork_rate: self.children.stat_fork_rate,
            documentation: self.config.generation.words.documentation(),
        };
        report(&self.latency, &inputs)
    }
}

fn history(series: &TimeSeries) -> Reply {
    let sample = |sample: &crate::latency::Sample| {
        Reply::Array(vec![Reply::Integer(sample.time), Reply::Integer(sample.latency)])
    };
    Reply::Array(series.samples.iter().map(sample).collect())
}

/// Event, time and latency of its last sample, and the worst ever.
fn latest(name: &str, series: &TimeSeries) -> Reply {
    let last = series.samples.back().copied();
    let (time, latency) = last.map_or((0, 0), |sample| (sample.time, sample.latency));
    Reply::Array(vec![
        Reply::bulk(name),
        Reply::Integer(time),
        Reply::Integer(latency),
        Reply::Integer(series.max),
    ])
}
