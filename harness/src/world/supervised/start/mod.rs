//! Starting a server process: namespaces, filter, template, linking.
//!
//! Must not know: what becomes of the calls of a running server.

mod assemble;
mod beginning;
pub mod exec;
pub mod filter;
mod inherited;
mod linking;
pub mod machine;
mod mounts;
pub mod namespace;
mod network;
pub mod privileges;
pub mod remote_calls;
pub mod rules;
mod set_up;
pub mod spawn;
pub mod stack;
pub mod start_key;
pub mod template;
pub mod template_cache;
pub mod time_page;
mod tree;
pub mod tsc;
mod vdso;
pub mod view;
mod watched;
