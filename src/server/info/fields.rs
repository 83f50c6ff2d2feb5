//! Lines of INFO.
//!
//! Must not know: which there are.

/// Name and value of each line.
pub(super) type Fields = Vec<(String, String)>;

macro_rules! fields {
    ($($name:ident: $value:expr),* $(,)?) => {
        vec![$((stringify!($name).to_string(), $value.to_string())),*]
    };
}
