//! Programs that read files and print, and little programs for them.

use crate::split::reader::Reader;
use crate::split::value::Value;

impl Reader<'_> {
    /// A program that reads files and prints.
    pub(super) fn filter(&mut self, name: &str, arguments: &[Value]) {
        let with_value: &[&str] = match name {
            "cut" => &["-d", "-f", "-c", "-b"],
            "head" | "tail" => &["-n", "-c"],
            "sort" => &["-k", "-t"],
            "awk" | "mawk" => &["-F", "-v"],
            "grep" | "egrep" | "fgrep" => &["-m", "-A", "-B", "-C", "-e"],
            "sed" => &["-e"],
            _ => &[],
        };
        let mut program = matches!(name, "grep" | "egrep" | "fgrep" | "sed" | "awk" | "mawk");
        let no_files = matches!(name, "tr" | "basename" | "dirname" | "seq" | "expr");
        let (mut in_place, mut recursive, mut files) = (false, false, Vec::new());
        let mut option = None;
        for argument in arguments {
            let text = argument.known().unwrap_or_default();
            if let Some(option) = option.take() {
                if option == "-e" && name == "sed" && !plain_sed(text) {
                    self.facts
                        .not_understood("a sed program that is not simple");
                }
                continue;
            }
            if text.starts_with('-') && text.len() > 1 {
                let short = !text.starts_with("--");
                in_place |= name == "sed"
                    && (text.starts_with("--in-place") || short && text.contains('i'));
                recursive |= name.ends_with("grep")
                    && (text == "--recursive" || short && text.contains(['r', 'R']));
                let own = text.contains("file") || short && text.contains('f');
                if own && matches!(name, "sed" | "awk" | "mawk" | "grep" | "egrep" | "fgrep")
                    || name == "sort"
                        && (short && text.contains(['o', 'R'])
                            || text.starts_with("--output")
                            || text.starts_with("--random"))
                    || name.ends_with("awk") && text.starts_with(['-']) && text.contains("-i")
                    || name.starts_with("tail") && text.contains('f')
                {
                    self.facts.not_understood("a filter with files of its own");
                }
                if with_value.contains(&text) {
                    program &= text != "-e";
                    option = Some(text);
                }
                continue;
            }
            if std::mem::take(&mut program) {
                let simple = match name {
                    "sed" => argument.known().is_some_and(plain_sed),
                    "awk" | "mawk" => argument.known().is_some_and(plain_awk),
                    _ => true,
                };
                if !simple {
                    self.facts.not_understood("a program that is not simple");
                }
            } else if !no_files && text != "-" {
                files.push(argument.clone());
            }
        }
        if name == "uniq" && files.len() > 1 {
            self.facts.not_understood("uniq with a file that it writes");
        }
        if recursive && files.is_empty() {
            files.push(Value::Known(".".to_owned()));
        }
        for file in &files {
            self.read(file);
            if in_place {
                self.write(file);
            }
        }
    }
}

/// Whether a sed program only changes what goes through it: one substitution, deletion or insertion.
fn plain_sed(program: &str) -> bool {
    let mut rest = program.trim();
    if let Some(pattern) = rest.strip_prefix('/') {
        rest = pattern.split_once('/').map_or("", |(_, rest)| rest);
    }
    rest = rest.trim_start_matches(|character: char| {
        character.is_ascii_digit() || matches!(character, '$' | ',' | '!' | ' ')
    });
    if rest.contains('\n') {
        return false;
    }
    let mut characters = rest.chars();
    match characters.next() {
        Some('s') => {
            let Some(delimiter) = characters.next() else {
                return false;
            };
            let parts: Vec<&str> = rest[1..].split(delimiter).collect();
            let flags = parts.last().copied().unwrap_or_default();
            parts.len() >= 4
                // Another command may stand behind it: what is left of its flags goes before the next `s`.
                && parts[1..].chunks(3).all(|chunk| match chunk {
                    [_, _, behind] => behind
                        .chars()
                        .all(|flag| matches!(flag, 'g' | 'I' | 'i' | 'p' | '0'..='9' | ';' | ' ' | 's')),
                    _ => true,
                })
                && flags
                    .chars()
                    .all(|flag| matches!(flag, 'g' | 'I' | 'i' | 'p' | '0'..='9'))
        }
        Some('d' | 'p' | 'q') => rest.len() == 1,
        Some('a' | 'i' | 'c') => true,
        _ => false,
    }
}

/// Whether an awk program only prints what it reads.
fn plain_awk(program: &str) -> bool {
    let more = [
        "system", "getline", "rand", "time", "ENVIRON", "PROCINFO", "close", ">", "|", "@",
    ];
    !more.iter().any(|word| program.contains(word))
}

#[cfg(test)]
mod tests {
    use super::{plain_awk, plain_sed};

    #[test]
    fn only_simple_programs_are_plain() {
        for program in [
            "s/a/b/",
            "s|a|b|g",
            "s/a/b/;s/c/d/g",
            "/x/s/a/b/",
            "1,3d",
            "$d",
            "/^#/d",
            "1i text",
            "s/^/# /",
        ] {
            assert!(plain_sed(program), "{program}");
        }
        for program in [
            "w /x",
            "1e date",
            "s/a/b/w /x",
            "s/a/b/e",
            "s/a/b/;w x",
            "s/a/date/e;s/x/y/",
            "s/a/b/;w /x/",
            "e",
            "",
            "r /x",
            "d;w /x",
        ] {
            assert!(!plain_sed(program), "{program}");
        }
        assert!(plain_awk("{ print $1 }"));
        assert!(!plain_awk("BEGIN { print ENVIRON[\"X\"] }"));
    }
}
