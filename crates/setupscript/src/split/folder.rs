//! Where the shell stands.

use super::place::ANYWHERE;
use super::reader::Reader;
use super::value::Value;
use crate::construct::Context;

/// The folder of the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// Where the script is started: the task's folder, and no system folder.
    Start,
    /// This one.
    Known(String),
    /// Told at a start only; it may be any.
    Unknown,
}

/// The folder, and the ones to which `cd -` and `popd` go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folders {
    pub(super) now: Folder,
    pub(super) previous: Folder,
    pub(super) stack: Vec<Folder>,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            now: Folder::Start,
            previous: Folder::Unknown,
            stack: Vec::new(),
        }
    }
}

impl Folders {
    /// Nothing is known of it any more.
    pub(super) fn lost() -> Self {
        Self {
            now: Folder::Unknown,
            previous: Folder::Unknown,
            stack: Vec::new(),
        }
    }

    /// As it is known in the other half, which does not do this change.
    pub(super) fn at_start_only(&self) -> Self {
        let seen = |folder: &Folder| match folder {
            Folder::Start => Folder::Start,
            Folder::Known(_) | Folder::Unknown => Folder::Unknown,
        };
        Self {
            now: seen(&self.now),
            previous: seen(&self.previous),
            stack: self.stack.iter().map(seen).collect(),
        }
    }

    fn enter(&mut self, to: Folder) {
        self.previous = std::mem::replace(&mut self.now, to);
    }
}

impl Reader<'_> {
    /// `cd`, `pushd` and `popd`.
    pub(super) fn change_folder(&mut self, name: &str, arguments: &[Value], context: &Context) {
        let mut words = arguments
            .iter()
            .skip_while(|value| matches!(value.known(), Some("--" | "-P" | "-L" | "-e" | "-@")));
        let to = words.next().cloned();
        let known = to.as_ref().and_then(Value::known).unwrap_or_default();
        let strange = words.next().is_some()
            || known.starts_with('+')
            || known.starts_with('-') && known != "-";
        let mut folders = self.folders.clone();
        let target = |reader: &mut Self, value: &Value| {
            reader.needs(value);
            let place = reader.place(value);
            match value {
                Value::Known(_) if place.starts_with(['/', '~']) => Folder::Known(place),
                // A folder in the task's own is as good as that.
                Value::Known(_) if reader.folders.now == Folder::Start && place != ANYWHERE => {
                    Folder::Start
                }
                _ => Folder::Unknown,
            }
        };
        match (name, &to) {
            _ if strange => folders = Folders::lost(),
            ("popd", None) => {
                let to = folders.stack.pop().unwrap_or(Folder::Unknown);
                folders.enter(to);
            }
            ("cd", Some(_)) if known == "-" => {
                let to = folders.previous.clone();
                folders.enter(to);
            }
            ("pushd", Some(value)) if known != "-" => {
                folders.stack.push(folders.now.clone());
                let to = target(self, value);
                folders.enter(to);
            }
            ("cd", _) => {
                let home = Value::Known("~".to_owned());
                let to = target(self, to.as_ref().unwrap_or(&home));
                folders.enter(to);
            }
            _ => folders = Folders::lost(),
        }
        if context.conditional {
            folders = Folders::lost();
        }
        if context.subshell {
            if let Folder::Known(place) = &folders.now {
                self.facts.reads.push(place.clone());
            }
            // What stands behind it may be in another process.
            self.folders = if self.alone && !context.nested {
                folders
            } else {
                Folders::lost()
            };
            return;
        }
        match &folders.now {
            Folder::Known(place) => self.facts.reads.push(place.clone()),
            Folder::Start | Folder::Unknown => {
                let reason = "the folder is known at a start only";
                self.facts.has_to_run(reason, super::Confidence::High);
            }
        }
        self.facts.folders = Some(folders.clone());
        self.folders = folders;
    }
}
