//! Lines without secrets.

/// What a secret looks like in a log.
const MASK: &str = "***";
/// What is shorter is found in words that are no secret.
const SHORTEST: usize = 4;

/// The values that nobody may read in a log. Not printable.
pub(crate) struct Masked(Vec<String>);

impl Masked {
    /// Hides these values, each line of them by itself.
    pub(crate) fn new(values: Vec<String>) -> Self {
        let lines = values.iter().flat_map(|value| value.lines());
        let mut lines: Vec<String> = lines
            .map(|line| line.trim().to_owned())
            .filter(|line| line.len() >= SHORTEST)
            .collect();
        // One may be a part of another.
        lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
        Self(lines)
    }

    /// The line, with the mask for each value.
    pub(crate) fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for value in &self.0 {
            if line.contains(value) {
                line = line.replace(value, MASK);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_secret_is_hidden() {
        let masked = Masked::new(vec!["key\n  line-one\nline-one-more\n".to_owned()]);
        assert_eq!(masked.line("a line-one-more line-one b"), "a *** *** b");
        assert_eq!(masked.line("key"), "key");
    }
}
