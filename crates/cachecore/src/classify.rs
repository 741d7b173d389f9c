//! What kind of command a command line is, for whoever wants to do something about it.

use serde::Serialize;

use crate::argv::Command;

/// What a command does, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Builds one image: `build` of docker or buildx, `image build`, `builder build`.
    Build,
    /// Builds what a file defines: `bake`.
    Bake,
    /// Makes a container, perhaps with mounts: `run` and `create`.
    Container,
    /// Builds the services of a project: `compose build`.
    ComposeBuild,
    /// Makes containers of a project, and builds what is missing or asked for: `compose up`, `create`,
    /// `run`, `scale` and `watch`.
    ComposeStart,
    /// Another command of compose.
    Compose,
    /// Anything else.
    Other,
}

/// Says what kind a command is.
///
/// ```
/// use cachecore::argv::{Program, parse};
/// use cachecore::classify::{Kind, classify};
///
/// let kind = |words: &[&str]| {
///     let words: Vec<_> = words.iter().map(Into::into).collect();
///     parse(Program::Docker, &words).map(|command| classify(&command))
/// };
/// assert_eq!(kind(&["image", "build", "."]), Ok(Kind::Build));
/// assert_eq!(kind(&["compose", "exec", "api", "make", "build"]), Ok(Kind::Compose));
/// ```
pub fn classify(command: &Command) -> Kind {
    let compose = command.is_compose;
    match (command.path.last().copied(), compose) {
        (Some("build"), true) => Kind::ComposeBuild,
        (Some("up" | "create" | "run" | "scale" | "watch"), true) => Kind::ComposeStart,
        (_, true) => Kind::Compose,
        (Some("build"), false) => Kind::Build,
        (Some("bake"), false) => Kind::Bake,
        (Some("run" | "create"), false) => Kind::Container,
        (_, false) => Kind::Other,
    }
}
