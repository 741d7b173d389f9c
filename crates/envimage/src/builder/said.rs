//! What a line of a build's plain progress is.

/// The text that a step printed; `None` if the line is BuildKit's own: `#5 1.234 text` is a step's.
pub(super) fn by_step(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
    let (seconds, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let (whole, part) = seconds.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(number) && digits(whole) && digits(part)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_prints_is_told_from_what_buildkit_says() {
        for (line, text) in [
            ("#5 0.722 hello there", Some("hello there")),
            ("#12 10.3 ", Some("")),
            ("#12 10.3", Some("")),
            ("#5 [1/2] RUN x", None),
            ("#5 DONE 0.8s", None),
            ("#5 sha256:ab", None),
            ("#7 exporting layers 0.1s done", None),
            ("ERROR: failed to solve", None),
            ("# 0.1 x", None),
            ("", None),
        ] {
            assert_eq!(by_step(line), text, "{line}");
        }
    }
}
