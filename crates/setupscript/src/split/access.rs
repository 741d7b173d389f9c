//! What reading and writing a file means for a construct.

use super::Confidence;
use super::folder::Folder;
use super::place::{ANYWHERE, Class, class, place};
use super::reader::Reader;
use super::value::Value;

/// Files that say what the image is; nothing changes them.
const IDENTITY: [&str; 6] = [
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/debian_version",
    "/etc/lsb-release",
    "/etc/alpine-release",
    "/etc/redhat-release",
];

impl Reader<'_> {
    /// The place that a word names.
    pub(super) fn place(&self, value: &Value) -> String {
        let (text, whole) = match value {
            Value::Known(text) => (text.as_str(), true),
            Value::Stable(text) => (text.as_str(), false),
            Value::Run(_) => return ANYWHERE.to_owned(),
        };
        if text.starts_with(['/', '~']) || text.is_empty() {
            return place(text, whole);
        }
        match &self.folders.now {
            Folder::Known(folder) => {
                place(&format!("{}/{text}", folder.trim_end_matches('/')), whole)
            }
            Folder::Start => place(text, whole),
            Folder::Unknown => ANYWHERE.to_owned(),
        }
    }

    /// It reads a file.
    pub(super) fn read(&mut self, value: &Value) {
        self.needs(value);
        let place = self.place(value);
        if IDENTITY.contains(&place.as_str()) {
            return;
        }
        let reason = match class(&place) {
            Class::Nothing => return,
            Class::System => None,
            Class::Home => Some("it reads from the home folder"),
            Class::Temporary => Some("it reads what is temporary"),
            Class::Relative => Some("it reads from the folder where it is started"),
            Class::Elsewhere => Some("it reads from a folder that may be mounted"),
            Class::Unknown => Some("what it reads is not known"),
        };
        if let Some(reason) = reason {
            self.facts.has_to_run(reason, Confidence::High);
        }
        self.facts.reads.push(place);
    }

    /// It writes a file.
    pub(super) fn write(&mut self, value: &Value) {
        self.needs(value);
        let place = self.place(value);
        let reason = match class(&place) {
            Class::Nothing => return,
            Class::System => None,
            Class::Home => Some("it writes to the home folder, which may be mounted"),
            Class::Temporary => Some("it works in a temporary folder"),
            Class::Relative => Some("it writes to the folder where it is started"),
            Class::Elsewhere => Some("it writes to a folder that may be mounted"),
            Class::Unknown => Some("where it writes is not known"),
        };
        self.facts.acts = true;
        match reason {
            Some(reason) => self.facts.has_to_run(reason, Confidence::High),
            None => {
                let reason = "it writes the same into a system folder each time";
                self.facts.can_be_cached(reason, Confidence::Medium);
            }
        }
        self.facts.writes.push(place);
    }
}
