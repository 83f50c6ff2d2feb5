//! Handles the requests of commands: INFO, CONFIG, rewrites, DEBUG, SHUTDOWN.
//!
//! Must not know: how the commands are spelled.

use super::Server;
use super::info::info_string;
use crate::aof::State;
use crate::command::{Failure, Request};
use crate::config::{Config, config_set};
use crate::generation::{ConfigRefused, ForksInTransactions};
use crate::keyspace::{Keyspace, Value};
use crate::os::{Fd, Os, strerror};
use crate::rdb::{create_dump_payload, create_functions_payload};
use crate::resp::Reply;

impl Server {
    /// Handles a request and returns the reply.
    pub(super) fn handle_request(&mut self, os: &mut dyn Os, fd: Fd, request: Request) -> Reply {
        match request {
            Request::Exec(transaction) => self.exec(os, fd, transaction),
            Request::ResetConnection => self.reset_connection(fd),
            Request::Info(section) => Reply::bulk(info_string(self, os, &section)),
            Request::Auth { credentials, named } => self.auth(fd, &credentials, named),
            Request::Hello(credentials) => self.hello(fd, credentials.as_ref()),
            Request::Block(blocked) => self.block_for_keys(fd, blocked),
            Request::ClientList { matches_none: true } => Reply::bulk(""),
            Request::ClientList { matches_none: false } => {
                Reply::bulk(self.clients.list(self.time.unixtime()))
            }
            Request::ClientKill(filter) => self.client_kill(os, fd, &filter),
            Request::ClientUnblock { id, error } => self.client_unblock(id, error),
            Request::Latency(request) => self.latency_request(os, &request),
            Request::Dump(value) => self.dump(Some(&value)),
            Request::DumpFunctions => self.dump(None),
            Request::ConfigGet(pattern) => self.config_get(os, &pattern),
            Request::ConfigSet(pairs) => {
                let set = self.config_set(os, &pairs);
                answer(set.map_err(|why| self.config.generation.words.config_refused(&why)))
            }
            Request::ConfigResetStat => {
                self.stats = super::Stats::default();
                self.clients.errors.clear();
                self.aof.delayed_fsync = 0;
                self.children.stat_fork_time = 0;
                Reply::OK
            }
            Request::ConfigRewrite => self.config_rewrite(os),
            Request::BgRewriteAof => self.bgrewriteaof(os),
            Request::Save => self.save(os),
            Request::BgSave { schedule } => self.bgsave(os, schedule),
            Request::LastSave => Reply::Integer(self.rdb.lastsave),
            Request::Reload(reload) => self.debug_reload(os, fd, reload),
            Request::DebugObject(key) => self.debug_object(fd, &key),
            Request::AbortShutdown => self.abort_shutdown(os),
            Request::Shutdown(how) => {
                self.shut_down(os, how);
                Failure::new("Errors trying to SHUTDOWN. Check logs.").into()
            }
            Request::LoadAof => self.debug_loadaof(os, fd),
            Request::Sleep(microseconds) => {
                os.nanosleep(microseconds.saturating_mul(1000));
                Reply::OK
            }
            Request::PauseCron(paused) => {
                self.pause_cron = paused;
                Reply::OK
            }
            Request::AofFlushSleep(microseconds) => {
                self.aof.flush_sleep = microseconds;
                Reply::OK
            }
            Request::SetActiveExpire(enabled) => {
                self.expire_cycle.enabled = enabled;
                Reply::OK
            }
            Request::Log(message) => {
                self.warning(os, &format!("DEBUG LOG: {message}"));
                Reply::OK
            }
        }
    }

    /// Whether a fork has to wait for the end of the transaction.
    pub(super) fn forks_later(&self) -> bool {
        match self.config.generation.forks_in_transactions {
            ForksInTransactions::AtOnce => false,
            ForksInTransactions::Scheduled => self.in_exec,
        }
    }

    /// Redis: `bgrewriteaofCommand`.
    fn bgrewriteaof(&mut self, os: &mut dyn Os) -> Reply {
        if self.children.aof.is_some() {
            let refused = "Background append only file rewriting already in progress";
            return Failure::new(refused).into();
        }
        if self.children.any() || self.forks_later() {
            self.aof.rewrite_scheduled = true;
            // Who asks does not wait for the end of a limit.
            self.aof.stat_rewrites_consecutive_failures = 0;
            return Reply::status("Background append only file rewriting scheduled");
        }
        if self.rewrite_append_only_file_background(os) {
            return Reply::status("Background append only file rewriting started");
        }
        Failure::new(
            "Can't execute an AOF background rewriting. Please check the server logs for more \
             information.",
        )
        .into()
    }

    fn config_get(&mut self, os: &mut dyn Os, pattern: &[u8]) -> Reply {
        let values = self.config.matching(pattern).into_iter().flat_map(|(name, value)| {
            let value = match name {
                "dir" => os.getcwd().unwrap_or_default(),
                _ => value,
            };
            [name.to_string(), value]
        });
        Reply::bulks(values)
    }

    /// The payload of a value; None: of all libraries of functions.
    fn dump(&self, value: Option<&Value>) -> Reply {
        let compression = self.config.rdbcompression;
        let version = self.config.generation.rdb.version;
        let Keyspace { limits, functions, .. } = &self.keyspace;
        Reply::Bulk(match value {
            Some(value) => create_dump_payload(value, version, limits, compression),
            None => create_functions_payload(functions.code(), version, compression),
        })
    }

    /// Sets directives and puts them into effect. On an error nothing is changed, except that the
    /// working directory may be.
    fn config_set(
        &mut self,
        os: &mut dyn Os,
        pairs: &[(String, String)],
    ) -> Result<(), ConfigRefused> {
        let mut changed = self.config.clone();
        let mut names = Vec::new();
        for (name, value) in pairs {
            let directive = config_set(&mut changed, name, value)?;
            if names.contains(&directive) {
                return Err(ConfigRefused::Duplicate { name: name.clone() });
            }
            names.push(directive);
            if directive == "dir" {
                let entered = os.chdir(value);
                entered.map_err(|errno| ConfigRefused::NoDirectory { reason: strerror(errno) })?;
            }
        }
        let previous = std::mem::replace(&mut self.config, changed);
        for (directive, (name, value)) in names.into_iter().zip(pairs) {
            if let Err(reason) = self.apply_config(os, directive, &previous) {
                if let Some(line) = self.config.generation.words.config_restored(directive) {
                    self.warning(os, &line);
                }
                self.config = previous;
                let (name, value) = (name.clone(), value.clone());
                return Err(ConfigRefused::NotApplied { name, value, reason: reason.to_string() });
            }
        }
        Ok(())
    }

    fn apply_config(
        &mut self,
        os: &mut dyn Os,
        directive: &str,
        previous: &Config,
    ) -> Result<(), &'static str> {
        match directive {
            "appendonly" if self.config.appendonly != previous.appendonly => {
                self.update_appendonly(os)?;
            }
            "appendonly" | "dir" => {}
            "aof-disable-auto-gc" => {
                let (aof, _, mut env) = self.persistence(os);
                aof.delete_history(&mut env);
            }
            "hz" => self.hz = self.config.hz,
            "loglevel" => self.log.level = self.config.loglevel,
            _ => {
                self.keyspace.limits = super::limits(&self.config);
                self.keyspace.access.settings = super::access_settings(&self.config);
                self.latency.threshold = self.config.latency_monitor_threshold;
            }
        }
        Ok(())
    }

    /// Redis: `updateAppendonly`.
    fn update_appendonly(&mut self, os: &mut dyn Os) -> Result<(), &'static str> {
        let wanted = self.config.appendonly;
        let (aof, keyspace, mut env) = self.persistence(os);
        match (wanted, aof.state) {
            (false, State::On | State::WaitRewrite) => aof.stop_append_only(&mut env),
            (true, State::Off) if aof.start_append_only(&mut env, keyspace).is_err() => {
                return Err("Unable to turn on AOF. Check server logs.");
            }
            _ => {}
        }
        Ok(())
    }
}

fn answer(result: Result<(), String>) -> Reply {
    match result {
        Ok(()) => Reply::OK,
        Err(reason) => Failure::new(reason).into(),
    }
}
