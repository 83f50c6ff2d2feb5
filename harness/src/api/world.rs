//! A server, found on this machine, and the workers that run it.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use crate::engine::pool::{Pool, Settings};
use crate::engine::worlds;
use crate::suite::redis_conf::{Conf, starts_under};

/// Real time that one supervised run may take, unless the user says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server under a kernel that sabot controls.
///
/// Clones share their worker processes, of which there is at most one for each core; the last clone
/// that is dropped ends them. So keep one world for all tests of a file (in a `LazyLock`, say)
/// rather than one for each. It may be used by several threads at once.
///
/// Workers are this very program, executed once more: see *Limits* in the crate's documentation.
#[derive(Clone)]
pub struct World {
    pub(super) inner: worlds::World,
    pub(super) pool: Arc<Pool>,
    /// Lines before each case.
    pub(super) opening: Arc<str>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("name", &self.name()).field("family", &self.family()).finish()
    }
}

impl World {
    /// The world `sim`: sabot's own server core in this process. Every machine has it.
    ///
    /// ```
    /// assert_eq!(sabot::World::sim()?.name(), "sim");
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn sim() -> Result<World, Error> {
        World::find("sim")
    }

    /// A world by its name. `name` is one of
    ///
    /// - `sim`, `server`: sabot's own core in this process, or as a supervised one;
    /// - `redis`: the `redis-server` on PATH;
    /// - a program on PATH whose name ends in `-server`: `redis-server`, `valkey-server`;
    /// - a path with a `/` in it: a program, or a profile (`.toml`) that describes one;
    /// - a name in the folder that the environment variable `SABOT_SERVERS` says, or else in
    ///   `target/servers`.
    ///
    /// ```
    /// use sabot::{Error, World};
    ///
    /// match World::find("redis-server") {
    ///     Ok(redis) => assert!(redis.family().starts_with("redis-")),
    ///     Err(Error::Missing { reason, .. }) => println!("skipped: {reason}"),
    ///     Err(other) => return Err(other),
    /// }
    /// assert!(matches!(World::find("radis"), Err(Error::NoSuchWorld(_))));
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Missing`] when this machine cannot have the world, [`Error::NoSuchWorld`] when
    /// there is none of that name, [`Error::BadProfile`] when its profile makes no sense.
    pub fn find(name: &str) -> Result<World, Error> {
        World::find_with_deadline(name, DEADLINE)
    }

    /// As [`World::find`] for a test that may be skipped: None where this machine cannot have the
    /// world. A line on standard error says so, past what the test harness captures. Where the
    /// environment variable `SABOT_REQUIRE` names the world (a list with commas; `redis` also
    /// stands for `redis-server`), it must be there.
    ///
    /// ```
    /// use sabot::World;
    ///
    /// # fn main() -> Result<(), sabot::Error> {
    /// let Some(redis) = World::find_or_skip("nonexistent-server")? else { return Ok(()) };
    /// panic!("{redis:?}");
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`World::find`]; [`Error::Missing`] only where the world is required.
    pub fn find_or_skip(name: &str) -> Result<Option<World>, Error> {
        match World::find(name) {
            Err(missing @ Error::Missing { .. }) if !worlds::is_required(name) => {
                // `eprintln!` would be captured with the output of the test.
                let _ = writeln!(std::io::stderr(), "skipped: {missing}");
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// As [`World::find`]; a supervised run that takes longer than `deadline` of real time (60 s
    /// without this) is ended, and its verdict is `hung`.
    ///
    /// # Errors
    /// As [`World::find`].
    pub fn find_with_deadline(name: &str, deadline: Duration) -> Result<World, Error> {
        let inner = worlds::named(name)?;
        let broken =
            |why: std::io::Error| Error::HarnessBroken(format!("cannot start workers: {why}"));
        let settings = Settings::of_this_binary(deadline);
        let pool = Arc::new(Pool::new(&settings).map_err(broken)?);
        Ok(World { inner, pool, opening: Arc::default() })
    }

    /// The same server under a redis.conf: its directives, with those that it includes, come before
    /// the lines of every case, which win. What sabot decides itself (ports, paths, passwords) is
    /// left out. The workers are shared.
    ///
    /// ```
    /// use sabot::{Case, World};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let conf = folder.path().join("redis.conf");
    /// std::fs::write(&conf, "appendonly yes\nappendfsync always\nport 6379\n")?;
    /// let world = World::sim()?.with_config(&conf)?;
    /// let outcome = Case::parse("under", "> SET a 1\nkill all\nrestart\n")?.run(&world)?;
    /// assert!(outcome.transcript.starts_with("config appendonly yes\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BadConfig`], with file and line, also when the server does not start under it.
    pub fn with_config(&self, path: impl AsRef<Path>) -> Result<World, Error> {
        let bad = |why: String| Error::BadConfig(why);
        let conf = Conf::open(path.as_ref()).map_err(|why| bad(why.to_string()))?;
        let started = starts_under(&self.pool, &self.inner, &conf);
        started.map_err(|why| bad(why.to_string()))?;
        let (inner, pool) = (self.inner.clone(), Arc::clone(&self.pool));
        Ok(World { inner, pool, opening: conf.lines().into() })
    }

    /// The name that it was found by.
    pub fn name(&self) -> &str {
        &self.inner.label
    }

    /// Which servers share a transcript with this one: `sabot` for sabot's own core, else a kind
    /// and a version, `redis-7.0`. Good as a part of a snapshot's name.
    pub fn family(&self) -> &str {
        &self.inner.family
    }
}
