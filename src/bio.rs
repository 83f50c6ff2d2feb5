//! The background threads: work that would make the event loop wait, one thread for each type of it
//! (Redis: `bio.c`).
//!
//! A job is pending from the moment it is handed over until it is *done*; the AOF looks at that
//! count to see whether an fsync is still in progress. Results are dropped, as 6.0 drops them: a
//! failed fsync in the background is noticed by nobody. Jobs of one type are done in the order in
//! which they came.
//!
//! The queue's mutex is never held across a system call, so threads may as well be coroutines of
//! one operating-system thread. Must not know: what is in the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::os::{Errno, Fd, OFlag, Os};

/// What the background does. One thread each, started in this order.
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

/// One piece of background work.
pub enum Job {
    /// close(2): may be the last reference to an unlinked file, and then takes long.
    CloseFile(Fd),
    /// fdatasync(2), which is what Redis means by `redis_fsync` on Linux.
    AofFsync(Fd),
    /// Whatever frees the memory.
    LazyFree(Box<dyn FnOnce() + Send>),
}

impl Job {
    fn job_type(&self) -> JobType {
        match self {
            Job::CloseFile(_) => JobType::CloseFile,
            Job::AofFsync(_) => JobType::AofFsync,
            Job::LazyFree(_) => JobType::LazyFree,
        }
    }

    fn process(self, os: &mut dyn Os) {
        match self {
            Job::CloseFile(fd) => drop(os.close(fd)),
            Job::AofFsync(fd) => drop(os.fdatasync(fd)),
            Job::LazyFree(free) => free(),
        }
    }
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Those waiting, and the one that is being done.
    pending: u64,
}

/// The queue of one thread.
#[derive(Clone, Default)]
struct Queue {
    jobs: Arc<Mutex<Jobs>>,
    /// How many jobs were ever handed over, modulo 2^32: what the idle thread sleeps on.
    handed_over: Arc<AtomicU32>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a background thread; it never ends (Redis: `bioProcessBackgroundJobs`).
    fn serve(&self, os: &mut dyn Os) {
        loop {
            // Read before looking, so that a job handed over in between keeps futex_wait from
            // sleeping.
            let seen = self.handed_over.load(Ordering::Acquire);
            let job = self.lock().waiting.pop_front();
            match job {
                Some(job) => {
                    job.process(os);
                    self.lock().pending -= 1;
                }
                None => os.futex_wait(&self.handed_over, seen),
            }
        }
    }
}

/// The handle through which the server hands work to its background threads.
#[derive(Clone, Default)]
pub struct Bio {
    queues: [Queue; JobType::ALL.len()],
}

impl Bio {
    /// Queues without threads: jobs wait until [`Bio::init`].
    pub fn new() -> Self {
        Bio::default()
    }

    /// Starts the threads (Redis: `bioInit`).
    pub fn init(&self, os: &mut dyn Os) -> Result<(), Errno> {
        for job_type in JobType::ALL {
            let queue = self.queue(job_type).clone();
            let word = queue.handed_over.clone();
            let serve = Box::new(move |os: &mut dyn Os| queue.serve(os));
            os.spawn_asleep(job_type.thread_name(), word, serve)?;
        }
        Ok(())
    }

    /// Hands over a job and returns at once; costs one futex wake (Redis:
    /// `bioCreateBackgroundJob`).
    pub fn create_background_job(&self, os: &mut dyn Os, job: Job) {
        let queue = self.queue(job.job_type());
        let mut jobs = queue.lock();
        jobs.waiting.push_back(job);
        jobs.pending += 1;
        drop(jobs);
        queue.handed_over.fetch_add(1, Ordering::Release);
        os.futex_wake(&queue.handed_over, 1);
    }

    /// unlink(2) without what a file's last reference costs: a descriptor is opened first, and
    /// closed in the background. What cannot be opened is unlinked all the same (Redis:
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

    /// How many jobs of this type are waiting or being done (Redis: `bioPendingJobsOfType`).
    pub fn pending_jobs_of_type(&self, job_type: JobType) -> u64 {
        self.queue(job_type).lock().pending
    }

    fn queue(&self, job_type: JobType) -> &Queue {
        &self.queues[job_type as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Bio, Job, JobType};
    use crate::os::Os;
    use crate::os::linux::LinuxOs;

    #[test]
    fn a_job_is_pending_until_it_is_done() {
        let (os, bio) = (&mut LinuxOs::new(), Bio::new());
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
