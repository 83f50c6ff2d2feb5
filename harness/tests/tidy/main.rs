//! The rules of the house as tests: who may use whom, sizes, words, and pairs of case and snapshot.
//!
//! Each check is a function from text to complaints, and is itself tested on a small bad example.

mod circles;
mod generations;
mod layers;
mod licences;
mod mentions;
mod pairs;
mod paths;
mod shape;
mod soundness;
mod sources;
mod words;

/// Fails with every complaint, one per line.
fn assert_tidy(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
