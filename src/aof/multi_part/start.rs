//! What happens to the parts at a start, besides loading: an older single file is taken over, and
//! what is missing is created and opened (Redis: `aofUpgradePrepare`,
//! `aofOpenIfNeededOnServerStart`, aof.c). Whatever fails ends the process, and the next start
//! tries again.
//!
//! Must not know: what is in the files.

use super::super::state::{Core, State};
use super::base::{BaseOptions, write_base};
use super::manifest_file::{create_dir, dir_exists, file_exists, path, persist};
use super::state::{MultiPart, size_of};
use crate::clock;
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::{OFlag, strerror};

impl MultiPart {
    /// Takes a file of an older layout over, if there is one and no part yet, or only itself,
    /// because taking it over was interrupted.
    pub(super) fn upgrade_if_needed(&mut self, env: &mut Env<'_>) {
        let name = &env.config.appendfilename;
        if !file_exists(env.os, name) {
            return;
        }
        let manifest = &self.manifest;
        let interrupted = manifest.increments.is_empty()
            && manifest.base.as_ref().is_some_and(|base| base.name == *name);
        let upgrades = !dir_exists(env)
            || manifest.is_empty()
            || (interrupted && !file_exists(env.os, &path(env.config, name)));
        if upgrades {
            self.upgrade(env);
        }
    }

    fn upgrade(&mut self, env: &mut Env<'_>) {
        let (name, dir) = (&env.config.appendfilename, &env.config.appenddirname);
        // A file that is there twice is nobody's upgrade.
        if file_exists(env.os, &path(env.config, name)) {
            env.log.server_panic(
                env.os,
                env.config.generation,
                "!aofFileExist(server.aof_filename)",
            );
        }
        if create_dir(env).is_err() {
            env.os.exit(1);
        }
        self.manifest.adopt(name);
        if persist(env, &mut self.manifest).is_err() {
            env.os.exit(1);
        }
        if let Err(errno) = env.os.rename(name, &path(env.config, name)) {
            let reason = strerror(errno);
            env.warning(&format!(
                "Error trying to move the old AOF file {name} into dir {dir}: {reason}"
            ));
            env.os.exit(1);
        }
        env.notice(&format!(
            "Successfully migrated an old-style AOF file ({name}) into the AOF directory ({dir})."
        ));
    }

    /// Opens the last increment for appending, and creates it and a base if there is none.
    pub(super) fn open_on_start(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) {
        if core.state != State::On {
            return;
        }
        if create_dir(env).is_err() {
            env.os.exit(1);
        }
        let had_increments = !self.manifest.increments.is_empty();
        if self.manifest.is_empty() {
            self.create_base(env, keyspace);
        }
        let name = self.manifest.last_increment(&env.config.appendfilename);
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
        match env.os.open(&path(env.config, &name), flags, 0o644) {
            Ok(fd) => core.fd = Some(fd),
            Err(errno) => {
                let reason = strerror(errno);
                env.warning(&format!("Can't open the append-only file {name}: {reason}"));
                env.os.exit(1);
            }
        }
        if persist(env, &mut self.manifest).is_err() {
            env.os.exit(1);
        }
        core.file_size = size_of(env, &name).unwrap_or(0);
        core.fsync_offset = core.file_size;
        let doing = if had_increments { "Opening" } else { "Creating" };
        env.notice(&format!("{doing} AOF incr file {name} on server start"));
    }

    fn create_base(&mut self, env: &mut Env<'_>, keyspace: &Keyspace) {
        let config = env.config;
        let name = self.manifest.new_base(&config.appendfilename, config.aof_use_rdb_preamble);
        let options = BaseOptions::new(config);
        let target = path(config, &name);
        let mut nothing = |_: &mut dyn crate::os::Os, _| {};
        if write_base(env.os, env.log, keyspace, &options, &target, &mut nothing).is_err() {
            env.os.exit(1);
        }
        if options.annotates() {
            // The base has it, so what is appended in this second needs none.
            self.cur_timestamp = clock::time(env.os);
        }
        env.notice(&format!("Creating AOF base file {name} on server start"));
    }
}
