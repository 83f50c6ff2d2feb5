//! Empty: your own code would be here. The tests are in `tests/persistence.rs`.
