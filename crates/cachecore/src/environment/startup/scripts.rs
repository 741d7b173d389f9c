//! Which scripts run before a command, and as whom.

use std::collections::BTreeSet;

use super::super::launch::is_same_user;
use super::super::materials::{Base, Materials};
use super::super::spec::Spec;
use super::{Role, Step};

/// What runs before a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    /// The scripts, in their order.
    pub steps: Vec<Step>,
    /// As whom the container has to begin, if not as the image's own user.
    pub container_user: Option<String>,
    /// Whom the command has to become, if the container begins as somebody else.
    pub command_user: Option<String>,
    /// The secrets that the scripts read.
    pub secrets: BTreeSet<String>,
}

/// What runs before a command: the cached scripts of the stages that are in no image, by their places in the
/// spec, and then the run script. The command is `command_user`'s, else the spec's user's, else the image's.
pub fn scripts(
    spec: &Spec,
    materials: &Materials,
    base: &Base,
    at_start: impl IntoIterator<Item = usize>,
    command_user: Option<&str>,
) -> Scripts {
    let mut all = Scripts::default();
    let mut users = Vec::new();
    for at in at_start {
        let (Some(stage), Some(files)) = (spec.stages.get(at), materials.stages.get(at)) else {
            continue;
        };
        let args = spec.args_of(stage).into_iter();
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        users.push(spec.user_of(stage));
        all.secrets.extend(stage.secrets.iter().cloned());
        all.steps.push(Step {
            role: Role::Stage {
                name: stage.name.to_string(),
                args: args.map(own).collect(),
            },
            user: None,
            files: files.clone(),
        });
    }
    if let Some(files) = &materials.run {
        users.push(spec.user.as_deref());
        all.steps.push(Step {
            role: Role::Run,
            user: None,
            files: files.clone(),
        });
    }
    let command = command_user.or(spec.user.as_deref());
    let command = command.unwrap_or(&base.user);
    let whose = |user: &Option<&str>| user.unwrap_or(&base.user).to_owned();
    let users: Vec<String> = users.iter().map(whose).collect();
    if users.iter().all(|user| is_same_user(user, command)) {
        if !is_same_user(command, &base.user) {
            all.container_user = Some(command.to_owned());
        }
    } else {
        // Only root becomes anybody.
        all.container_user = Some("0".to_owned());
        let other = |user: &str| (!is_same_user(user, "")).then(|| user.to_owned());
        for (step, user) in all.steps.iter_mut().zip(&users) {
            step.user = other(user);
        }
        all.command_user = other(command);
        // The home of whoever exports is not the command's: so root becomes root.
        let exports = users.last().filter(|_| materials.run.is_some());
        if exports.is_some_and(|user| !is_same_user(user, command)) {
            all.command_user = all.command_user.or_else(|| Some("0".to_owned()));
        }
    }
    all
}
