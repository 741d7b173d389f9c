//! The properties of a `devcontainer.json` that have no place in a spec: why, and what to do instead.

/// Why a property has no place, and what to do instead. `None` for one that is not known.
pub(super) fn left(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    const EDITOR: &str = "it is for an editor";
    const HOST: &str = "it is about the machine, not the image";
    const RUN: &str = "it is said to a container when it starts";
    Some(match name {
        "$schema"
        | "customizations"
        | "extensions"
        | "settings"
        | "devPort"
        | "portsAttributes"
        | "otherPortsAttributes"
        | "userEnvProbe"
        | "waitFor"
        | "shutdownAction" => (EDITOR, None),
        "features" => (
            "a feature is an install script of a registry that another program brings",
            Some("install the same in a cached script, before the others"),
        ),
        "overrideFeatureInstallOrder" => ("features have no place", None),
        "forwardPorts" | "appPort" => (
            "a task publishes no ports",
            Some("reach the container by its address, or through a network"),
        ),
        "mounts" | "workspaceMount" => (RUN, Some("give each to `envimage run` with --mount")),
        "hostRequirements" => (
            "it is the least that a machine has, and a spec's limits are the most that a task gets",
            Some("set `limits` if a task needs them"),
        ),
        "runArgs" => (
            "they are flags of `docker run`",
            Some("use --mount and --env of `envimage run`, and `limits` and `network` of the spec"),
        ),
        "privileged" | "capAdd" | "securityOpt" | "init" | "gpu" => (
            "a task container gets no more rights than a container has",
            Some("run the image that `envimage ensure` prints with `docker run` and this flag"),
        ),
        "overrideCommand" => ("a task runs the command that it is given", None),
        "updateRemoteUserUID" => (HOST, None),
        "secrets" => (
            "they are recommended, not given",
            Some("name those that a cached script needs under `secrets`, others with --env"),
        ),
        "initializeCommand" => (
            "it runs on the host, before there is a container; a build never runs it",
            Some("run it yourself before `envimage ensure`, if images need what it makes"),
        ),
        "runServices" => (
            "a task is one container",
            Some("start the services beside it, on a network that both are in"),
        ),
        "service" | "dockerComposeFile" | "build" | "dockerFile" | "context" => {
            return None;
        }
        _ => return None,
    })
}
