//! Commands that fetch files.

use super::files::option;
use super::reader::Reader;
use super::value::Value;
use super::{Confidence, Why};
use crate::construct::Context;

impl Reader<'_> {
    /// `curl` and `wget`.
    pub(super) fn fetch(
        &mut self,
        name: &str,
        arguments: &[Value],
        words: &[&str],
        context: &Context,
    ) {
        self.uses(context);
        let secret = |word: &&str| {
            let lower = word.to_ascii_lowercase();
            matches!(
                *word,
                "-u" | "--user"
                    | "-n"
                    | "--netrc"
                    | "--http-password"
                    | "-T"
                    | "-d"
                    | "--data"
                    | "-X"
                    | "--cert"
            ) || lower.contains("authorization")
                || lower.contains("token")
                || lower.contains("api-key")
                || lower.contains("cookie:")
        };
        if words.iter().any(secret) {
            self.facts.acts = true;
            self.facts
                .has_to_run("it identifies itself or sends something", Confidence::High);
        }
        if words
            .iter()
            .any(|word| word.contains("://") && word.contains('@'))
        {
            self.facts
                .has_to_run("its address may hold a credential", Confidence::High);
        }
        let outputs = words.iter().filter(|word| writes_to(name, word)).count();
        if outputs > 1 || !words.iter().all(|word| known_option(name, word)) {
            return self.facts.not_understood(name);
        }
        for word in words {
            if let Some(path) = word.strip_prefix("file://") {
                self.read(&Value::Known(path.to_owned()));
            }
        }
        let curl = name == "curl";
        let output = if curl {
            option(arguments, &["-o", "--output"])
        } else {
            option(arguments, &["-O", "--output-document"])
        };
        // Short options may be joined: -fsSLo.
        let joined = |letter: char| {
            words.iter().position(|word| {
                word.len() > 2
                    && word.starts_with('-')
                    && !word.starts_with("--")
                    && word.ends_with(letter)
            })
        };
        let letter = if curl { 'o' } else { 'O' };
        let output = match joined(letter) {
            Some(at) => arguments.get(at + 1).cloned(),
            None => output,
        };
        let folder = if curl {
            option(arguments, &["--output-dir"])
        } else {
            option(arguments, &["-P", "--directory-prefix"])
        };
        match (output, folder) {
            (Some(output), _) if output.known() == Some("-") => {}
            (Some(target), _) | (None, Some(target)) => {
                self.write(&target);
                if self.facts.run.is_none() {
                    self.facts.cached = Some(Why::new(
                        "it downloads into a system folder",
                        Confidence::Medium,
                    ));
                }
            }
            (None, None) => {
                let to_file = !curl
                    || joined('O').is_some()
                    || words
                        .iter()
                        .any(|word| matches!(*word, "-O" | "--remote-name"));
                if to_file {
                    self.write(&Value::Known(".".to_owned()));
                } else if !context.fed && !context.subshell && !context.masked {
                    self.facts.acts = true;
                    self.facts
                        .has_to_run("what the network says is not kept", Confidence::Medium);
                }
            }
        }
    }
}

/// Whether an option of a program that fetches files names one that it writes.
fn writes_to(name: &str, word: &str) -> bool {
    let short = word.starts_with('-') && !word.starts_with("--");
    let letters: &[char] = if name == "curl" {
        &['o', 'O']
    } else {
        &['O', 'P']
    };
    short && word.contains(letters)
        || word.starts_with("--output")
        || word.starts_with("--remote-name")
        || word.starts_with("--directory-prefix")
}

/// Whether an option of a program that fetches files changes nothing but how.
fn known_option(name: &str, word: &str) -> bool {
    if !word.starts_with('-') || word == "-" {
        return true;
    }
    let long = [
        "--fail",
        "--silent",
        "--show-error",
        "--location",
        "--output",
        "--output-dir",
        "--proto",
        "--tlsv1.2",
        "--tlsv1.3",
        "--retry",
        "--retry-delay",
        "--retry-connrefused",
        "--retry-all-errors",
        "--connect-timeout",
        "--max-time",
        "--create-dirs",
        "--progress-bar",
        "--compressed",
        "--http1.1",
        "--remote-name",
        "--insecure",
        "--quiet",
        "--no-verbose",
        "--output-document",
        "--directory-prefix",
        "--show-progress",
        "--no-check-certificate",
        "--https-only",
        "--tries",
        "--timeout",
        "--progress",
        "--header",
        "--proto-redir",
        "--ssl-reqd",
        "--ipv4",
        "--user-agent",
        "--fail-with-body",
    ];
    if word.starts_with("--") {
        return long.contains(&word.split('=').next().unwrap_or_default());
    }
    let letters = if name == "curl" {
        "fsSLoOkg#46mHA"
    } else {
        "qOPnvcS-46"
    };
    word[1..].chars().all(|letter| letters.contains(letter))
}
