//! From a `devcontainer.json` to a spec.
//!
//! | of the file | of the spec |
//! |---|---|
//! | `onCreateCommand`, `updateContentCommand` | a stage each |
//! | `postCreateCommand`, `postStartCommand`, `postAttachCommand` | the run script, in this order |
//! | `initializeCommand` | nothing: it is the host's |
//! | `image` | the base image |
//! | `build`, `dockerComposeFile` | a name for the image, and the command that makes it |
//! | `containerEnv`, `remoteEnv` | the environment, and the arguments of the stages |
//! | `remoteUser`, else `containerUser` | the user |
//!
//! Everything else is listed with the reason. The format: <https://containers.dev/implementors/json_reference/>.

mod base;
mod command;
mod document;
mod error;
mod properties;
mod setting;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;

use super::shell_word::spelled;
use command::Command;
use document::Node;
pub use error::DevcontainerError;
use variables::Known;

use super::conversion::{Conversion, Kept, Warning, project};
use super::spec::{Limits, Network, Run, Script, Spec, Stage, StageName, VERSION};

/// Largest file that is read, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// The commands that become stages, with the stages' names.
const CACHED: [(&str, &str); 2] = [
    ("onCreateCommand", "on-create"),
    ("updateContentCommand", "update-content"),
];
/// The commands that become the run script.
const RUN: [&str; 3] = ["postCreateCommand", "postStartCommand", "postAttachCommand"];

/// What is known about a file beside its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The name of the folder that it configures.
    pub folder: Option<&'a str>,
    /// The image to use, whatever the file says.
    pub image: Option<&'a str>,
}

/// Makes a spec of the text of a `devcontainer.json`.
///
/// # Errors
/// [`DevcontainerError`] says where it is none.
pub fn convert(text: &str, place: Place<'_>) -> Result<Conversion, DevcontainerError> {
    if text.len() > MAX_FILE {
        let length = text.len();
        return Err(DevcontainerError::TooLong { length });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = document::read(text)?;
    Reading::new(text, &root, place)?.convert()
}

/// A file on its way to a spec.
struct Reading<'a> {
    text: &'a str,
    root: &'a Node,
    place: Place<'a>,
    known: Known,
    warnings: Vec<Warning>,
    kept: Vec<Kept>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, root: &'a Node, place: Place<'a>) -> Result<Self, DevcontainerError> {
        let mut known = Known {
            workspace: None,
            folder: place.folder.map(str::to_owned),
        };
        let of_folder = place.folder.map(|folder| format!("/workspaces/{folder}"));
        let reading = |known| Self {
            text,
            root,
            place,
            known,
            warnings: Vec::new(),
            kept: Vec::new(),
        };
        let given = reading(known.clone()).string("workspaceFolder")?;
        known.workspace = match given {
            Some(path) => variables::substitute(&path, &known).literal(),
            // A service's container has its own idea of where its files are.
            None if root.get("dockerComposeFile").is_some() => None,
            None => of_folder,
        };
        Ok(reading(known))
    }

    fn convert(mut self) -> Result<Conversion, DevcontainerError> {
        let name = self.string("name")?;
        let names = name.as_deref().into_iter().chain(self.place.folder);
        let name = names.chain(["environment"]).find_map(project);
        let name = name.ok_or(DevcontainerError::Empty)?;
        let image = self.image(name.as_str())?;
        let setting = self.setting()?;
        let user = self.user()?;
        let stages = self.stages(&setting)?;
        let run = self.run(&setting)?;
        self.list_others();
        let args = if stages.is_empty() {
            BTreeMap::new()
        } else {
            setting.values.clone()
        };
        let spec = Spec {
            version: VERSION,
            name,
            image,
            platform: None,
            user,
            network: Network::Default,
            args,
            secrets: BTreeMap::new(),
            stages,
            run,
            environment: setting.values,
            limits: Limits::default(),
        };
        Conversion::new(spec, self.warnings, self.kept).map_err(DevcontainerError::Unusable)
    }

    /// A property that is a string, or nothing.
    fn string(&self, field: &str) -> Result<Option<String>, DevcontainerError> {
        let Some(node) = self.root.get(field) else {
            return Ok(None);
        };
        match (&node.value, node.text()) {
            (document::Shape::Null, _) => Ok(None),
            (_, Some(text)) if text.trim().is_empty() => Ok(None),
            (_, Some(text)) => Ok(Some(text.to_owned())),
            _ => Err(DevcontainerError::wrong(self.text, field, node, "a string")),
        }
    }

    fn user(&mut self) -> Result<Option<String>, DevcontainerError> {
        let container = self.string("containerUser")?;
        let remote = self.string("remoteUser")?;
        match (remote, container) {
            (Some(remote), Some(container)) => {
                if remote != container {
                    self.keep(
                        "containerUser",
                        "a spec has one user, and commands run as `remoteUser`",
                        None,
                    );
                }
                Ok(Some(remote))
            }
            (remote, container) => Ok(remote.or(container)),
        }
    }

    fn stages(&mut self, setting: &setting::Setting) -> Result<Vec<Stage>, DevcontainerError> {
        let mut stages = Vec::new();
        for (field, name) in CACHED {
            let Some(command) = self.command(field)? else {
                continue;
            };
            if let Some(why) = workspace_needed(field, &command) {
                self.warn(
                    field,
                    format!("{why}; the workspace is not there while an image is built"),
                    "leave in the stage what needs no workspace and move the rest to the run \
                     script, or set `cache: false` on the stage; files of the workspace that a \
                     script runs can be named under its `sources`",
                );
            }
            let text = program(&[(field, &command)], setting, None);
            let Ok(name) = StageName::new(name) else {
                continue;
            };
            stages.push(Stage {
                name,
                script: Script::Inline(text),
                sources: Vec::new(),
                user: None,
                args: BTreeMap::new(),
                secrets: Vec::new(),
                network: None,
                cached: true,
            });
        }
        Ok(stages)
    }

    fn run(&mut self, setting: &setting::Setting) -> Result<Option<Run>, DevcontainerError> {
        let mut commands = Vec::new();
        for field in RUN {
            if let Some(command) = self.command(field)? {
                commands.push((field, command));
            }
        }
        if commands.is_empty() && setting.exports.is_empty() {
            return Ok(None);
        }
        let workspace = self.known.workspace.clone();
        if let (false, Some(workspace)) = (commands.is_empty(), &workspace) {
            self.warn(
                "workspaceFolder",
                format!("the run script works in {workspace} if that is there"),
                "mount the workspace there: `envimage run --mount`",
            );
        }
        let commands: Vec<_> = commands.iter().map(|(f, c)| (*f, c)).collect();
        let text = program(&commands, setting, workspace.as_deref());
        Ok(Some(Run {
            script: Script::Inline(text),
            sources: Vec::new(),
        }))
    }

    fn command(&mut self, field: &'static str) -> Result<Option<Command>, DevcontainerError> {
        let Some(node) = self.root.get(field) else {
            return Ok(None);
        };
        let command = Command::read(field, node, &self.known, self.text)?;
        let texts = command.iter().flat_map(Command::texts);
        let unknown: Vec<_> = texts.flat_map(|text| text.unknown.clone()).collect();
        for variable in unknown {
            self.warn(
                field,
                format!("only the host knows {variable}; its default, or nothing, stands there"),
                "write the value into the script, or give it to a task with `envimage run --env`",
            );
        }
        Ok(command)
    }

    /// Lists what has no place in a spec.
    fn list_others(&mut self) {
        let document::Shape::Object(fields) = &self.root.value else {
            return;
        };
        for (name, node) in fields {
            let listed = self.kept.iter().any(|kept| kept.field == *name);
            if listed || taken(name) || matches!(node.value, document::Shape::Null) {
                continue;
            }
            let (why, instead) =
                properties::left(name).unwrap_or(("it is not a property that is known here", None));
            self.keep(name, why, instead);
        }
    }

    fn keep(&mut self, field: &str, why: &str, instead: Option<&str>) {
        let value = self.root.get(field).map(Node::json).unwrap_or_default();
        self.kept.push(Kept {
            field: field.to_owned(),
            value,
            why: why.to_owned(),
            instead: instead.map(str::to_owned),
        });
    }

    fn warn(&mut self, field: &str, text: String, fix: &str) {
        let warning = Warning {
            field: field.to_owned(),
            text,
            fix: fix.to_owned(),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// Whether a property went into the spec.
fn taken(name: &str) -> bool {
    CACHED.iter().any(|(field, _)| *field == name)
        || RUN.contains(&name)
        || [
            "name",
            "image",
            "containerEnv",
            "remoteEnv",
            "containerUser",
            "remoteUser",
            "workspaceFolder",
        ]
        .contains(&name)
}

/// A script that runs the commands in order, and ends with the first that fails.
fn program(
    commands: &[(&str, &Command)],
    setting: &setting::Setting,
    folder: Option<&str>,
) -> String {
    let mut text = "#!/bin/sh\n".to_owned();
    for line in &setting.exports {
        text.push_str(line);
        text.push('\n');
    }
    if let (Some(folder), false) = (folder, commands.is_empty()) {
        let folder = spelled(folder);
        text.push_str(&format!("[ ! -d {folder} ] || cd {folder} || exit\n"));
    }
    for (field, command) in commands {
        text.push_str(&format!("\n# {field}\n"));
        text.push_str(&command.lines());
    }
    text
}

/// Why a command needs the workspace, if it seems so.
fn workspace_needed(field: &str, command: &Command) -> Option<&'static str> {
    const OF_A_PROJECT: &[&str] = &[
        "npm ci",
        "npm install",
        "npm run",
        "pnpm install",
        "pnpm i",
        "yarn",
        "pip install -r",
        "pip install -e",
        "pip install .",
        "pip3 install -r",
        "poetry install",
        "uv sync",
        "bundle install",
        "cargo build",
        "cargo fetch",
        "go mod",
        "composer install",
        "dotnet restore",
        "make",
        "mvn",
        "gradle",
        "./",
        ".devcontainer/",
        "git ",
    ];
    let texts = command.texts();
    if texts.iter().any(|text| text.workspace) {
        return Some("it names the workspace");
    }
    let whole: Vec<String> = texts.iter().map(|text| text.shell()).collect();
    let whole = whole.join(" ");
    let found = |needle: &&str| {
        whole.match_indices(*needle).any(|(at, _)| {
            let before = whole[..at].chars().next_back();
            let after = whole[at + needle.len()..].chars().next();
            let open = needle.ends_with([' ', '/']);
            let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-');
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '/' | '.'))
                && (open || free(after))
                && !global(&whole[at..])
        })
    };
    if OF_A_PROJECT.iter().any(found) {
        return Some("it seems to work on files of the workspace");
    }
    (field == "updateContentCommand").then_some("it is meant for the content of the workspace")
}

/// Whether an installation is for everybody, such as `npm install --global`.
fn global(rest: &str) -> bool {
    let command = rest.split(['\n', ';', '&', '|']).next().unwrap_or(rest);
    (command.starts_with("npm ") || command.starts_with("pnpm ") || command.starts_with("yarn "))
        && command
            .split_whitespace()
            .any(|word| matches!(word, "-g" | "--global" | "global"))
}
