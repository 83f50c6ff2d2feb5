//! The runner: a script, and by owner what a run of it deals with. The session talks to the
//! machine, the record holds what was observed, the judgements what came of that.
//!
//! Must not know: what a step does, and how anything is observed or judged.

use super::judgements::Judgements;
use super::oracle::Oracle;
use super::power_cuts::point::RepresentedRun;
use super::record::{Keep, Record};
use super::session::{Session, SessionState};
use crate::case::script::Script;
use crate::profile::Profile;
use crate::world::{Broken, World};

/// Why a run ends before its script does.
#[derive(Debug)]
pub enum EarlyEnd {
    Broken(Broken),
    /// What is wrong is one of the failures.
    BadCase,
    NotApplicable(String),
}

impl From<Broken> for EarlyEnd {
    fn from(broken: Broken) -> EarlyEnd {
        EarlyEnd::Broken(broken)
    }
}

/// One run of a script.
pub struct Runner<'a> {
    pub script: &'a Script,
    /// That of the world's own server.
    pub profile: &'a Profile,
    /// That of the server which the case has put into its place.
    pub current: Option<Profile>,
    /// None: nothing is judged, because the run is about what INFO shows at some point.
    pub oracle: Option<&'a mut dyn Oracle>,
    /// The run that this one stands for, where its power cut is another than the script's.
    pub represented: Option<RepresentedRun<'a>>,
    pub session: Session<'a>,
    pub record: Record,
    pub judgements: Judgements,
}

/// Where a run is, as plain data: on a machine in the same state another runner can go on from
/// here.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub session: SessionState,
    pub record: Record,
    pub judgements: Judgements,
}

impl<'a> Runner<'a> {
    /// At the beginning of its script.
    pub fn new(
        script: &'a Script,
        world: &'a mut dyn World,
        profile: &'a Profile,
        oracle: Option<&'a mut dyn Oracle>,
        keep: Keep,
    ) -> Self {
        let keep = if keep == Keep::Facts && script.reads_log { Keep::Log } else { keep };
        let record = Record::new(profile, keep);
        Runner::at(State { record, ..State::default() }, script, world, profile, oracle)
    }

    /// At some point of it.
    pub fn at(
        state: State,
        script: &'a Script,
        world: &'a mut dyn World,
        profile: &'a Profile,
        oracle: Option<&'a mut dyn Oracle>,
    ) -> Self {
        let State { session, record, judgements } = state;
        let mut session = Session::new(world, session);
        session.world.kernel().watch(script.watched());
        let server = session.server().cloned();
        let current = server.and_then(|server| session.use_server(&server).ok());
        let represented = None;
        Runner { script, profile, current, oracle, represented, session, record, judgements }
    }

    /// What is known of the server that runs, or runs next.
    pub fn server(&self) -> &Profile {
        self.current.as_ref().unwrap_or(self.profile)
    }

    pub fn into_state(self) -> State {
        let Runner { session, record, judgements, .. } = self;
        State { session: session.into_state(), record, judgements }
    }
}
