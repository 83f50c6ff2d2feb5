//! The background threads: work that would block the event loop, one thread per type (Redis:
//! bio.c).
//!
//! A job is pending from when it is queued until it is *done*; the AOF uses the count to see
//! whether an fsync is still in progress. Results are dropped, as in 6.0: a failed background fsync
//! goes unnoticed. Jobs of one type run in order.
//!
//! The queue's mutex is never held across a system call, so the threads may be coroutines on one
//! operating-system thread. Must not know: what is in the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::os::{Errno, Fd, OFlag, Os};

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
    /// fdatasync(2): Redis' `redis_fsync` on Linux.
    AofFsync(Fd),
    /// A closure that frees the memory.
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
    fn serve(&self, os: &mut dyn Os) {
        loop {
            // Read before the queue is checked, so that a job queued in between keeps futex_wait
            // from sleeping.
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

/// The handle by which the server queues work for its background threads.
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
