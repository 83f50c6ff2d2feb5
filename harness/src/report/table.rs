//! The table at the end of a run: cases down, worlds across, one word per cell.
//!
//! Cases are grouped by their folder, in the order in which they are given.
//! Must not know: what the words mean, and how they came to be.

/// Rows of words under headings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns after the first.
    pub worlds: Vec<String>,
    /// The name of the case, `folder/name`, and one word per world.
    pub rows: Vec<(String, Vec<String>)>,
}

impl Table {
    /// The table as text, each line ended.
    pub fn render(&self) -> String {
        let names = self.rows.iter().map(|(name, _)| split(name).1.len() + 2);
        let folders = self.rows.iter().map(|(name, _)| split(name).0.len());
        let first = names.chain(folders).chain([4]).max().unwrap_or(4);
        let widths: Vec<usize> = (0..self.worlds.len()).map(|column| self.width(column)).collect();
        let mut text = line(first, "case", &widths, &self.worlds);
        let mut folder = "";
        for (name, words) in &self.rows {
            let (its_folder, name) = split(name);
            if its_folder != folder {
                folder = its_folder;
                if !folder.is_empty() {
                    text.push_str(&format!("{folder}\n"));
                }
            }
            let indent = if its_folder.is_empty() { "" } else { "  " };
            text.push_str(&line(first, &format!("{indent}{name}"), &widths, words));
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let words = self.rows.iter().filter_map(|(_, words)| words.get(column));
        words.chain(self.worlds.get(column)).map(|word| word.chars().count()).max().unwrap_or(0)
    }
}

/// The folder with its slash, and the rest; a path of the user's own stays whole.
fn split(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((folder, rest)) if !folder.is_empty() && !rest.contains('/') => {
            (&name[..=folder.len()], rest)
        }
        _ => ("", name),
    }
}

fn line(first: usize, name: &str, widths: &[usize], words: &[String]) -> String {
    let mut text = format!("{name:first$}");
    for (word, width) in words.iter().zip(widths) {
        text.push_str(&format!("  {word:width$}"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A name of a server for a table or a heading: of a path the last two names.
pub fn short(label: &str) -> String {
    match label.rmatch_indices('/').nth(1) {
        Some((at, _)) if at > 0 => format!("…{}", &label[at..]),
        _ => label.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_grouped_by_folder_and_columns_line_up() {
        let row = |name: &str, words: [&str; 2]| (name.into(), words.map(String::from).to_vec());
        let table = Table {
            worlds: vec!["sim".into(), "redis".into()],
            rows: vec![
                row("flush/short", ["kept", "kept"]),
                row("flush/long", ["lost-allowed", "skipped"]),
                row("own", ["kept", "differs"]),
            ],
        };
        let expected = "\
case     sim           redis
flush/
  short  kept          kept
  long   lost-allowed  skipped
own      kept          differs
";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn a_path_is_short_and_a_name_is_whole() {
        for (label, expected) in [
            ("/opt/servers/redis-7.0.15/redis-server", "…/redis-7.0.15/redis-server"),
            ("/usr/redis-server", "/usr/redis-server"),
            ("sim", "sim"),
        ] {
            assert_eq!(short(label), expected);
        }
    }
}
