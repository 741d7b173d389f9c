//! Which builder a build goes to, by buildx's rules and what it has written down.

use serde::{Deserialize, Serialize};

/// What runs a builder, as `docker buildx inspect` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The daemon's own BuildKit: what it builds is in the daemon.
    Docker,
    /// A container of a daemon's.
    DockerContainer,
    /// Somebody else: what is known is its address.
    Remote,
    /// Pods.
    Kubernetes,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// A builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Builder {
    /// Its name.
    pub name: String,
    /// What runs it.
    pub driver: Driver,
    /// How many machines or containers it builds on.
    pub nodes: usize,
    /// The address of its node, if it has a single one.
    pub endpoint: Option<String>,
    /// Whether its address is spoken to in plain text.
    pub plain: bool,
}

impl Builder {
    /// The one inside the daemon.
    pub fn of_daemon(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            driver: Driver::Docker,
            nodes: 1,
            endpoint: None,
            plain: true,
        }
    }

    /// How its content is reached; `None` if several nodes have a part of it, or if nothing is known of this
    /// kind.
    pub fn way(&self) -> Option<Way> {
        if self.nodes != 1 {
            return None;
        }
        let is_direct = |address: &String| {
            self.plain && (address.starts_with("unix://") || address.starts_with("tcp://"))
        };
        match self.driver {
            Driver::Remote => Some(match &self.endpoint {
                Some(address) if is_direct(address) => Way::Address(address.clone()),
                _ => Way::Dial,
            }),
            // Its address is that of the daemon whose container it is.
            Driver::DockerContainer => Some(Way::Dial),
            Driver::Docker | Driver::Kubernetes | Driver::Other => None,
        }
    }
}

/// How a builder is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// At this address, in plain text.
    Address(String),
    /// By buildx, which has its certificates, or gets into its container: `docker buildx dial-stdio`.
    Dial,
}

/// What decides which builder is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// `--builder`.
    pub flag: Option<&'a str>,
    /// `BUILDX_BUILDER`.
    pub variable: Option<&'a str>,
    /// What `buildx use` has chosen, which only its own commands look at: for `docker build` the
    /// CLI sets the variable to the context's name.
    pub current: Option<&'a str>,
}

impl<'a> Choice<'a> {
    /// The builder's name; `None` for the daemon's own.
    pub fn name(&self) -> Option<&'a str> {
        [self.flag, self.variable, self.current]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .filter(|name| *name != "default")
    }
}

/// Reads what buildx has written down of a builder, in `buildx/instances/<name>`; `None` if it is not
/// understood.
pub fn instance(bytes: &[u8]) -> Option<Builder> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Instance {
        name: String,
        driver: Driver,
        #[serde(default)]
        nodes: Vec<Node>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Node {
        #[serde(default)]
        endpoint: String,
        #[serde(default)]
        driver_opts: Option<std::collections::BTreeMap<String, String>>,
    }
    let instance: Instance = serde_json::from_slice(bytes).ok()?;
    let [node] = instance.nodes.as_slice() else {
        return Some(Builder {
            name: instance.name,
            driver: instance.driver,
            nodes: instance.nodes.len(),
            endpoint: None,
            plain: true,
        });
    };
    let options = node.driver_opts.as_ref();
    let secret = ["cacert", "cert", "key", "servername"];
    Some(Builder {
        name: instance.name,
        driver: instance.driver,
        nodes: 1,
        endpoint: Some(node.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
        plain: !options.is_some_and(|options| secret.iter().any(|key| options.contains_key(*key))),
    })
}

/// What `docker buildx use` has written into buildx's file `current`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Current {
    /// The daemon that it was chosen for: its address, or the name of its context.
    #[serde(default)]
    pub key: String,
    /// The builder.
    #[serde(default)]
    pub name: String,
    /// Whether it was chosen for all daemons.
    #[serde(default)]
    pub global: bool,
}

impl Current {
    /// Reads the file; `None` if it is not understood.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The builder that was chosen for a daemon. `None` if none was: then a file of that daemon's in
    /// `defaults/` may name one.
    pub fn name_for(self, key: &str) -> Option<String> {
        let counts = self.global || self.key == key;
        (counts && !self.name.is_empty()).then_some(self.name)
    }
}

/// Whether a name can be that of a file in buildx's folder (buildx `store.ValidateName`).
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && name.len() <= 255
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_counts_more_than_the_variable_and_that_more_than_the_file() {
        let choice = Choice {
            flag: Some("a"),
            variable: Some("b"),
            current: Some("c"),
        };
        assert_eq!(choice.name(), Some("a"));
        assert_eq!(
            Choice {
                flag: None,
                ..choice
            }
            .name(),
            Some("b")
        );
        let file = Choice {
            flag: None,
            variable: Some(""),
            ..choice
        };
        assert_eq!(file.name(), Some("c"));
        assert_eq!(Choice::default().name(), None);
        let default = Choice {
            flag: Some("default"),
            ..choice
        };
        assert_eq!(default.name(), None);
    }

    #[test]
    fn builders_are_read_as_buildx_writes_them() {
        let one = br#"{"Name":"x","Driver":"remote","Nodes":[{"Name":"x0","Endpoint":"tcp://h:1",
            "Platforms":null,"DriverOpts":{"cacert":"/a"},"Flags":null,"Files":null}],"Dynamic":false}"#;
        assert_eq!(
            instance(one),
            Some(Builder {
                name: "x".to_owned(),
                driver: Driver::Remote,
                nodes: 1,
                endpoint: Some("tcp://h:1".to_owned()),
                plain: false,
            })
        );
        let none = br#"{"Name":"x","Driver":"newer","Nodes":[]}"#;
        assert_eq!(
            instance(none).map(|builder| builder.driver),
            Some(Driver::Other)
        );
        assert_eq!(instance(b"{}"), None);
    }

    #[test]
    fn a_builder_is_chosen_for_one_daemon_or_for_all() {
        let name_for = |json: &str, key| Current::read(json.as_bytes()).unwrap().name_for(key);
        let one = r#"{"Key":"unix:///a","Name":"n","Global":false}"#;
        assert_eq!(name_for(one, "unix:///a").as_deref(), Some("n"));
        assert_eq!(name_for(one, "unix:///b"), None);
        let all = r#"{"Key":"unix:///a","Name":"n","Global":true}"#;
        assert_eq!(name_for(all, "unix:///b").as_deref(), Some("n"));
        assert_eq!(name_for(r#"{"Key":"k"}"#, "k"), None);
        assert_eq!(Current::read(b"x"), None);
    }

    #[test]
    fn a_builder_is_spoken_to_where_that_needs_no_secrets_and_else_through_buildx() {
        let of = |driver, endpoint: &str, plain, nodes| Builder {
            driver,
            nodes,
            endpoint: Some(endpoint.to_owned()),
            plain,
            ..Builder::of_daemon("b")
        };
        let address = |address: &str| Some(Way::Address(address.to_owned()));
        for (builder, way) in [
            (
                of(Driver::Remote, "unix:///s", true, 1),
                address("unix:///s"),
            ),
            (
                of(Driver::Remote, "tcp://h:1", true, 1),
                address("tcp://h:1"),
            ),
            (of(Driver::Remote, "tcp://h:1", false, 1), Some(Way::Dial)),
            (of(Driver::Remote, "ssh://h", true, 1), Some(Way::Dial)),
            (
                of(
                    Driver::DockerContainer,
                    "unix:///var/run/docker.sock",
                    true,
                    1,
                ),
                Some(Way::Dial),
            ),
            (of(Driver::DockerContainer, "unix:///s", true, 2), None),
            (of(Driver::Kubernetes, "unix:///s", true, 1), None),
            (of(Driver::Docker, "unix:///s", true, 1), None),
        ] {
            assert_eq!(builder.way(), way, "{builder:?}");
        }
    }

    #[test]
    fn names_stay_in_their_folder() {
        assert!(is_name("shared") && is_name("a.b_c-1"));
        for wrong in ["", "../x", ".x", "1x", "a/b", "a b"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
