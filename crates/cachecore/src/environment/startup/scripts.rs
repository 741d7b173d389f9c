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
/// spec, and then the run script.
pub fn scripts(
    spec: &Spec,
    materials: &Materials,
    base: &Base,
    at_start: impl IntoIterator<Item = usize>,
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
    let is_other = |user: &Option<&str>| user.is_some_and(|user| !is_same_user(user, &base.user));
    if users.iter().any(is_other) {
        // Only root becomes anybody.
        all.container_user = Some("0".to_owned());
        let other = |user: &str| (!is_same_user(user, "")).then(|| user.to_owned());
        for (step, user) in all.steps.iter_mut().zip(users) {
            step.user = other(user.unwrap_or(&base.user));
        }
        all.command_user = other(&base.user);
    }
    all
}
