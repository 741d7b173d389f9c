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
