//! The background threads: work that would block the event loop, one thread per type (Redis:
//! bio.c).
//!
//! A job is pending from when it is queued until it is *done*; the AOF uses the count to see
//! whether an fsync is still in progress. Jobs of one type run in order. What becomes of a failed
//! fsync is up to the generation: nothing, or a log line and an error until one succeeds.
//!
//! The queue's mutex is never held across a system call, so the threads may be coroutines on one
//! operating-system thread. Must not know: what is in the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::generation::FailedSync;
use crate::log::{Level, Log};
use crate::os::{Errno, Fd, OFlag, Os, strerror};

/// The types of background work. One thread each, started in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobType {
    CloseFile,
    AofFsync,
    LazyFree,
}

impl JobType {
    const ALL: [JobType; 3] = [JobType::CloseFile, JobType::AofFsync, JobType::LazyFree];

    /// The name of the thread.
    fn thread_name(self) -> &'static str {
        match self {
            JobType::CloseFile => "bio_close_file",
            JobType::AofFsync => "bio_aof_fsync",
            JobType::LazyFree => "bio_lazy_free",
        }
    }
}

/// One background job.
pub enum Job {
    /// close(2), which is slow if it drops the last reference to an unlinked file.
    CloseFile(Fd),
    /// fdatasync(2) and close(2), of a file that is not appended to any more.
    SyncAndClose(Fd),
    /// fdatasync(2): Redis' `redis_fsync` on Linux.
    AofFsync(Fd),
    /// A closure that frees the memory.
    LazyFree(Box<dyn FnOnce() + Send>),
}

impl Job {
    fn job_type(&self) -> JobType {
        match self {
            Job::CloseFile(_) | Job::SyncAndClose(_) => JobType::CloseFile,
            Job::AofFsync(_) => JobType::AofFsync,
            Job::LazyFree(_) => JobType::LazyFree,
        }
    }

    fn process(self, os: &mut dyn Os, syncs: &SyncResults) {
        match self {
            Job::CloseFile(fd) => drop(os.close(fd)),
            Job::SyncAndClose(fd) => {
                let _ = os.fdatasync(fd);
                let _ = os.close(fd);
            }
            Job::AofFsync(fd) => {
                let result = os.fdatasync(fd);
                syncs.note(os, result);
            }
            Job::LazyFree(free) => free(),
        }
    }
}

/// The result of the last fsync in the background (Redis: `aof_bio_fsync_status`), where somebody
/// looks at it.
#[derive(Clone)]
struct SyncResults {
    error: Arc<AtomicI32>,
    log: Option<Log>,
}

/// No error.
const NONE: i32 = 0;

impl SyncResults {
    fn new(failed_sync: FailedSync, log: &Log) -> SyncResults {
        let log = match failed_sync {
            FailedSync::Unnoticed => None,
            FailedSync::Noticed => Some(log.clone()),
        };
        SyncResults { error: Arc::default(), log }
    }

    /// The first failure of a row is logged. A descriptor that was closed meanwhile is no failure
    /// of the file.
    fn note(&self, os: &mut dyn Os, result: Result<(), Errno>) {
        let Some(log) = &self.log else { return };
        match result {
            Ok(()) | Err(Errno::EBADF | Errno::EINVAL) => {
                self.error.store(NONE, Ordering::Release);
            }
            Err(errno) => {
                let last = self.error.swap(errno as i32, Ordering::AcqRel);
                if last == NONE {
                    let line = format!("Fail to fsync the AOF file: {}", strerror(errno));
                    log.line(os, Level::Warning, &line);
                }
            }
        }
    }
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// The waiting ones and the one in progress.
    pending: u64,
}

/// The queue of one thread.
#[derive(Clone, Default)]
struct Queue {
    jobs: Arc<Mutex<Jobs>>,
    /// Number of jobs ever queued, modulo 2^32; the futex that the idle thread sleeps on.
    handed_over: Arc<AtomicU32>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of a background thread; it never returns (Redis: `bioProcessBackgroundJobs`).
    fn serve(&self, os: &mut dyn Os, syncs: &SyncResults) {
        loop {
            // Read before the queue is checked, so that a job queued in between keeps futex_wait
            // from sleeping.
            let seen = self.handed_over.load(Ordering::Acquire);
            let job = self.lock().waiting.pop_front();
            match job {
                Some(job) => {
                    job.process(os, syncs);
                    self.lock().pending -= 1;
                }
                None => os.futex_wait(&self.handed_over, seen),
            }
        }
    }
}

/// The handle by which the server queues work for its background threads.
#[derive(Clone)]
pub struct Bio {
    queues: [Queue; JobType::ALL.len()],
    syncs: SyncResults,
}

impl Bio {
    /// Queues without threads: jobs wait until [`Bio::init`].
    pub fn new(failed_sync: FailedSync, log: &Log) -> Self {
        Bio { queues: Default::default(), syncs: SyncResults::new(failed_sync, log) }
    }

    /// Why the last fsync in the background failed, if it did and that is looked at.
    pub fn fsync_error(&self) -> Option<Errno> {
        match self.syncs.error.load(Ordering::Acquire) {
            NONE => None,
            errno => Some(Errno::from_raw(errno)),
        }
    }

    /// From now on there was no error.
    pub fn forget_fsync_error(&self) {
        self.syncs.error.store(NONE, Ordering::Release);
    }

    /// Starts the threads (Redis: `bioInit`).
    pub fn init(&self, os: &mut dyn Os) -> Result<(), Errno> {
        for job_type in JobType::ALL {
            let queue = self.queue(job_type).clone();
            let word = queue.handed_over.clone();
            let syncs = self.syncs.clone();
            let serve = Box::new(move |os: &mut dyn Os| queue.serve(os, &syncs));
            os.spawn_asleep(job_type.thread_name(), word, serve)?;
        }
        Ok(())
    }

    /// Queues a job and returns at once; costs one futex wake (Redis: `bioCreateBackgroundJob`).
    pub fn create_background_job(&self, os: &mut dyn Os, job: Job) {
        let queue = self.queue(job.job_type());
        let mut jobs = queue.lock();
        jobs.waiting.push_back(job);
        jobs.pending += 1;
        drop(jobs);
        queue.handed_over.fetch_add(1, Ordering::Release);
        os.futex_wake(&queue.handed_over, 1);
    }

    /// unlink(2) without blocking on freeing the file's blocks: a descriptor is opened first and
    /// closed in the background. A file that cannot be opened is unlinked directly (Redis:
    /// `bg_unlink`).
    pub fn bg_unlink(&self, os: &mut dyn Os, path: &str) {
        let opened = os.open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, 0);
        let unlinked = os.unlink(path);
        match (opened, unlinked) {
            (Ok(fd), Ok(())) => self.create_background_job(os, Job::CloseFile(fd)),
            (Ok(fd), Err(_)) => drop(os.close(fd)),
            (Err(_), _) => {}
        }
    }

    /// How many jobs of this type are waiting or in progress (Redis: `bioPendingJobsOfType`).
    pub fn pending_jobs_of_type(&self, job_type: JobType) -> u64 {
        self.queue(job_type).lock().pending
    }

    fn queue(&self, job_type: JobType) -> &Queue {
        &self.queues[job_type as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Bio, FailedSync, Job, JobType, Level, Log};
    use crate::os::Os;
    use crate::os::linux::LinuxOs;

    #[test]
    fn a_job_is_pending_until_it_is_done() {
        let log = Log { level: Level::Warning, file: "/dev/null".to_string(), role: 'M' };
        let (os, bio) = (&mut LinuxOs::new(), Bio::new(FailedSync::Unnoticed, &log));
        let (read, write) = os.pipe().expect("two descriptors");
        let (read_next, write_next) = os.pipe().expect("two descriptors");
        bio.create_background_job(os, Job::CloseFile(write));
        bio.create_background_job(os, Job::CloseFile(write_next));
        assert_eq!(bio.pending_jobs_of_type(JobType::CloseFile), 2);
        assert_eq!(bio.pending_jobs_of_type(JobType::AofFsync), 0);
        bio.init(os).expect("three threads");
        assert_eq!(os.read(read, &mut [0]), Ok(0));
        assert_eq!(os.read(read_next, &mut [0]), Ok(0));
        assert!(bio.pending_jobs_of_type(JobType::CloseFile) <= 1, "the first is done");
    }
}
