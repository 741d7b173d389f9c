//! The environment of a file's commands: `containerEnv`, and `remoteEnv` over it.

use std::collections::BTreeMap;

use super::document::{Node, Shape};
use super::variables::substitute;
use super::{DevcontainerError, Reading};
use crate::environment::conversion::Kept;
use crate::environment::spec::{is_value, is_variable};

/// The environment of the commands.
#[derive(Debug, Default)]
pub(super) struct Setting {
    /// What is known here.
    pub(super) values: BTreeMap<String, String>,
    /// Lines of a shell's program for what only the container knows.
    pub(super) exports: Vec<String>,
}

impl Reading<'_> {
    /// The environment that the file asks for.
    pub(super) fn setting(&mut self) -> Result<Setting, DevcontainerError> {
        let mut setting = Setting::default();
        for field in ["containerEnv", "remoteEnv"] {
            let Some(node) = self.root.get(field) else {
                continue;
            };
            match &node.value {
                Shape::Null => {}
                Shape::Object(variables) => {
                    for (name, value) in variables {
                        self.variable(&mut setting, field, name, value)?;
                    }
                }
                _ => {
                    return Err(DevcontainerError::wrong(
                        self.text,
                        field,
                        node,
                        "an object",
                    ));
                }
            }
        }
        Ok(setting)
    }

    fn variable(
        &mut self,
        setting: &mut Setting,
        of: &str,
        name: &str,
        node: &Node,
    ) -> Result<(), DevcontainerError> {
        let field = format!("{of}.{name}");
        let text = match &node.value {
            Shape::Text(text) => text.clone(),
            Shape::Bool(_) | Shape::Number(_) => node.json().to_string(),
            Shape::Null => {
                setting.values.remove(name);
                if is_variable(name) {
                    setting.exports.push(format!("unset {name}"));
                }
                return Ok(());
            }
            _ => {
                return Err(DevcontainerError::wrong(
                    self.text, &field, node, "a string",
                ));
            }
        };
        let mut keep = |why: &str, instead: &str| {
            self.kept.push(Kept {
                field: field.clone(),
                value: node.json(),
                why: why.to_owned(),
                instead: Some(instead.to_owned()),
            });
        };
        if !is_variable(name) || !is_value(&text) {
            keep(
                "a spec cannot have such a variable",
                "give it to a task with `envimage run --env`",
            );
            return Ok(());
        }
        let value = substitute(&text, &self.known);
        if let Some(variable) = value.unknown.first() {
            let why = format!("only the host knows {variable}");
            let instead = format!(
                "give it to a task with `envimage run --env {name}=...`; if a cached script needs \
                 it, name it under `secrets`"
            );
            keep(&why, &instead);
            return Ok(());
        }
        match value.literal() {
            Some(value) => {
                setting.values.insert(name.to_owned(), value);
            }
            None => setting
                .exports
                .push(format!("export {name}={}", value.word())),
        }
        Ok(())
    }
}
