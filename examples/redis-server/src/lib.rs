//! Nothing: in a project of yours, this is yours. See `tests/persistence.rs`.
