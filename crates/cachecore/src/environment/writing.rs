//! A spec as the text that is read as the same spec.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::spec::{Network, Run, Script, SecretSource, Spec, Stage};

/// How far a field lies below another, in spaces.
const STEP: usize = 2;

impl Spec {
    /// The spec as YAML. What is read from it is equal to this spec, every byte of a script included.
    ///
    /// ```
    /// use cachecore::environment::spec::Spec;
    ///
    /// let text = "version: 1\nname: shop\nimage: debian:12\nrun:\n  inline: |\n    make\n";
    /// let spec = Spec::parse(text, "shop.yaml").unwrap();
    /// assert_eq!(spec.to_yaml(), text);
    /// ```
    pub fn to_yaml(&self) -> String {
        let mut out = Text::default();
        out.line(0, "version", &self.version.to_string());
        out.text(0, "name", self.name.as_str());
        out.text(0, "image", &self.image);
        out.optional(0, "platform", self.platform.as_deref());
        out.optional(0, "user", self.user.as_deref());
        if self.network != Network::Default {
            out.text(0, "network", self.network.as_str());
        }
        out.map(0, "args", &self.args);
        out.secrets(&self.secrets);
        if !self.stages.is_empty() {
            out.open(0, "stages");
            for stage in &self.stages {
                out.stage(stage);
            }
        }
        if let Some(run) = &self.run {
            out.run(run);
        }
        out.map(0, "environment", &self.environment);
        if !self.limits.is_empty() {
            out.open(0, "limits");
            let limits = &self.limits;
            if let Some(cpus) = limits.cpus {
                out.line(STEP, "cpus", &cpus.to_string());
            }
            if let Some(memory) = limits.memory {
                out.line(STEP, "memory", &memory.to_string());
            }
            if let Some(pids) = limits.pids {
                out.line(STEP, "pids", &pids.to_string());
            }
        }
        out.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// A field whose value needs no quotes.
    fn line(&mut self, indent: usize, name: &str, value: &str) {
        let _ = writeln!(self.0, "{:indent$}{name}: {value}", "");
    }

    /// A field whose value follows below.
    fn open(&mut self, indent: usize, name: &str) {
        let _ = writeln!(self.0, "{:indent$}{name}:", "");
    }

    fn text(&mut self, indent: usize, name: &str, value: &str) {
        self.line(indent, name, &scalar(value));
    }

    fn optional(&mut self, indent: usize, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(indent, name, value);
        }
    }

    fn map(&mut self, indent: usize, name: &str, values: &BTreeMap<String, String>) {
        if values.is_empty() {
            return;
        }
        self.open(indent, name);
        for (name, value) in values {
            self.line(indent + STEP, &scalar(name), &quoted(value));
        }
    }

    fn list<'a>(&mut self, indent: usize, name: &str, values: impl Iterator<Item = &'a str>) {
        let values: Vec<String> = values.map(scalar).collect();
        if !values.is_empty() {
            self.line(indent, name, &format!("[{}]", values.join(", ")));
        }
    }

    fn secrets(&mut self, secrets: &BTreeMap<String, SecretSource>) {
        if secrets.is_empty() {
            return;
        }
        self.open(0, "secrets");
        for (id, source) in secrets {
            let (kind, value) = match source {
                SecretSource::File(path) => ("file", path.as_str()),
                SecretSource::Env(name) => ("env", name.as_str()),
            };
            self.line(STEP, &scalar(id), &format!("{{{kind}: {}}}", quoted(value)));
        }
    }

    fn stage(&mut self, stage: &Stage) {
        let _ = writeln!(
            self.0,
            "{:STEP$}- name: {}",
            "",
            scalar(stage.name.as_str())
        );
        let indent = 2 * STEP;
        if !stage.cached {
            self.line(indent, "cache", "false");
        }
        self.optional(indent, "user", stage.user.as_deref());
        if let Some(network) = stage.network {
            self.text(indent, "network", network.as_str());
        }
        self.map(indent, "args", &stage.args);
        self.list(indent, "secrets", stage.secrets.iter().map(String::as_str));
        self.list(indent, "sources", stage.sources.iter().map(|p| p.as_str()));
        self.script(indent, &stage.script);
    }

    fn run(&mut self, run: &Run) {
        self.open(0, "run");
        self.list(STEP, "sources", run.sources.iter().map(|p| p.as_str()));
        self.script(STEP, &run.script);
    }

    fn script(&mut self, indent: usize, script: &Script) {
        match script {
            Script::File(path) => self.text(indent, "script", path.as_str()),
            Script::Inline(text) => match chomping(text) {
                Some(chomping) => {
                    self.line(indent, "inline", chomping);
                    for line in text.split_terminator('\n') {
                        let indent = if line.is_empty() { 0 } else { indent + STEP };
                        let _ = writeln!(self.0, "{:indent$}{line}", "");
                    }
                }
                None => self.line(indent, "inline", &quoted(text)),
            },
        }
    }
}

/// How the block starts that holds a text as it is; `None` if only quotes can hold it.
fn chomping(text: &str) -> Option<&'static str> {
    let plain = |c: char| {
        matches!(c, '\n' | '\t' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || c >= '\u{10000}'
    };
    let breaks = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    // The first line says how far the block is indented; a line of blanks says nothing that is kept.
    let starts = text.starts_with([' ', '\t', '\n']) || text.is_empty();
    let blank = |line: &str| !line.is_empty() && line.trim_matches([' ', '\t']).is_empty();
    if starts || !text.chars().all(plain) || text.contains(breaks) || text.split('\n').any(blank) {
        return None;
    }
    match text.len() - text.trim_end_matches('\n').len() {
        0 => Some("|-"),
        1 => Some("|"),
        _ => Some("|+"),
    }
}

/// A text, in quotes where YAML could take it for something else.
fn scalar(text: &str) -> String {
    let word = |b: u8| b.is_ascii_alphanumeric() || b"_-./@:+".contains(&b);
    let first = text.bytes().next().unwrap_or(b' ');
    let meaning = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = (first.is_ascii_alphabetic() || first == b'/' || first == b'_')
        && text.bytes().all(word)
        && !text.ends_with(':')
        && !meaning.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(
                    c,
                    '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_spec() {
        let text = r#"
version: 1
name: web
image: "debian:12"
platform: linux/arm64
user: dev
network: none
args: {NODE: "22", YES: "yes", EMPTY: ""}
secrets: {npm: {file: ~/.npmrc}, token: {env: NPM_TOKEN}}
stages:
  - {name: "1", script: "a folder/s y s.sh", sources: [lib.sh, "sub/- a"], user: "0:0"}
  - {name: "true", inline: "a\r\nb", args: {A: "b: c # d"}, secrets: [npm], network: host}
  - {name: last, inline: "a\n\n\n", cache: false}
run: {inline: " starts with a blank\n", sources: []}
environment: {A: "ü\u2028\t\"\\"}
limits: {cpus: 1.5, memory: 4g, pids: 1000}
"#;
        let spec = Spec::parse(text, "web.yaml").unwrap();
        let written = spec.to_yaml();
        assert_eq!(
            Spec::parse(&written, "other.yaml").unwrap(),
            spec,
            "{written}"
        );
        assert_eq!(
            Spec::parse(&written, "other.yaml").unwrap().to_yaml(),
            written
        );
    }

    #[test]
    fn scripts_stay_readable_where_yaml_can_hold_them() {
        for (text, start) in [
            ("a\n", Some("|")),
            ("a", Some("|-")),
            ("a\n\n", Some("|+")),
            ("a\n\n  b\tc\n", Some("|")),
            ("ü ✨\n", Some("|")),
            ("a\r\n", None),
            (" a\n", None),
            ("a\n  \nb\n", None),
            ("a\u{1b}\n", None),
            ("\n", None),
            ("", None),
        ] {
            assert_eq!(chomping(text), start, "{text:?}");
        }
    }
}
