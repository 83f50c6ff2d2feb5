//! Starting a server process: namespaces, filter, template, linking.
//!
//! Must not know: what becomes of the calls of a running server.

pub mod filter;
mod linking;
pub mod machine;
pub mod namespace;
pub mod remote_calls;
pub mod spawn;
pub mod start_key;
pub mod template;
pub mod template_cache;
