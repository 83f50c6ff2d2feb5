//! sabot: finds out what a Redis-style server does with your data when the operating system lets it
//! down.
//!
//! One simulated kernel, two doors: [`kernel`] holds clock, tasks, disk, fault plan and trace;
//! [`world`] runs a server on it, either our own core in process (`sim`) or any server binary under
//! seccomp user notification (`supervised`). [`case`](mod@case) is the language, [`contract`] the
//! judgement, [`sweep`] finds the points by itself, [`report`] has the words.

pub mod case;
pub mod cli;
pub mod contract;
pub mod kernel;
pub mod observation;
pub mod profile;
pub mod report;
pub mod sweep;
pub mod world;
