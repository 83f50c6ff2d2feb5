//! The table: what was left, and what was predicted.
//!
//! Must not know: how either was found out.

use std::collections::BTreeSet;

use sabot::kernel::Cut;

/// What became of one story.
#[derive(Debug)]
pub struct Row {
    pub server: String,
    pub fs: &'static str,
    pub story: &'static str,
    pub writeback: &'static str,
    /// Files with their lengths.
    pub found: String,
    /// Whether the model allows that.
    pub allowed: bool,
    /// The cut that leaves it, if it is among the states that are tried.
    pub tried: Option<Cut>,
    /// What the real server made of it.
    pub outcome: String,
    /// What the supervised server makes of it.
    pub supervised: String,
    /// What it makes of the states that are tried.
    pub predicted: BTreeSet<String>,
    /// What was found, byte by byte, in the model's words.
    pub details: String,
}

impl Row {
    pub fn is_predicted(&self) -> bool {
        self.allowed && self.outcome == self.supervised && self.predicted.contains(&self.outcome)
    }
}

/// The rows as Markdown.
pub fn text(rows: &[Row]) -> String {
    let mut lines = vec![
        "| server | file system | case | writeback | found | allowed | tried as | outcome | of \
         the states tried | |"
            .to_string(),
        "|---|---|---|---|---|---|---|---|---|---|".to_string(),
    ];
    for row in rows {
        let tried = row.tried.map_or("–".to_string(), |cut| cut.to_string());
        let case = row.story.rsplit('/').next().unwrap_or(row.story);
        let mut outcome = row.outcome.clone();
        if row.supervised != row.outcome {
            outcome = format!("{outcome}; supervised: {}", row.supervised);
        }
        let predicted = row.predicted.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
        lines.push(format!(
            "| {} | {} | {case} | {} | {} | {} | {tried} | {outcome} | {predicted} | {} |",
            row.server,
            row.fs,
            row.writeback,
            row.found,
            if row.allowed { "yes" } else { "NO" },
            if row.is_predicted() { "predicted" } else { "NO" },
        ));
    }
    let unforeseen = rows.iter().filter(|row| !row.is_predicted());
    lines.extend(unforeseen.map(|row| {
        let Row { server, fs, story, writeback, details, .. } = row;
        format!("\n{server}, {fs}, {story}, {writeback}: {details}")
    }));
    lines.push(String::new());
    lines.join("\n")
}
