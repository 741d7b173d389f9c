//! Which image of a daemon's list is meant by a base image's name.

use serde::Serialize;

/// An image as a spec names it, in the spelling in which daemons list their images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// By its id: `sha256:` and 64 digits.
    Id(String),
    /// By name and digest, without a tag.
    Digest(String),
    /// By name and tag.
    Tag(String),
}

impl Wanted {
    /// Reads a name as docker does.
    ///
    /// ```
    /// use cachecore::environment::wanted::Wanted;
    ///
    /// assert_eq!(Wanted::read("docker.io/library/debian"), Wanted::Tag("debian:latest".into()));
    /// ```
    pub fn read(name: &str) -> Self {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Self::Id(format!("sha256:{digits}"));
        }
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        let name = shortened(name);
        // The last colon belongs to a registry's port if a path follows.
        let (bare, tag) = match name.rsplit_once(':') {
            Some((bare, tag)) if !tag.contains('/') => (bare, Some(tag)),
            _ => (name, None),
        };
        match (digest, tag) {
            (Some(digest), _) => Self::Digest(format!("{bare}@{digest}")),
            (None, Some(tag)) => Self::Tag(format!("{bare}:{tag}")),
            (None, None) => Self::Tag(format!("{bare}:latest")),
        }
    }

    /// Whether an image with this id and these names is meant.
    pub fn is(&self, id: &str, tags: &[String], digests: &[String]) -> bool {
        match self {
            Self::Id(wanted) => wanted == id,
            Self::Digest(wanted) => digests.contains(wanted),
            Self::Tag(wanted) => tags.contains(wanted),
        }
    }
}

/// The name without what every docker adds by itself.
fn shortened(name: &str) -> &str {
    let hub = ["docker.io/", "index.docker.io/"];
    let at_hub = hub.iter().find_map(|registry| name.strip_prefix(registry));
    match at_hub {
        Some(name) => name.strip_prefix("library/").unwrap_or(name),
        None => match name.strip_prefix("library/") {
            Some(rest) if !rest.contains('/') => rest,
            _ => name,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_daemon_s_list() {
        let id = format!("sha256:{}", "ab".repeat(32));
        let tag = |name: &str| Wanted::Tag(name.to_owned());
        let digest = |name: &str| Wanted::Digest(name.to_owned());
        for (name, wanted) in [
            ("debian", tag("debian:latest")),
            ("debian:12", tag("debian:12")),
            ("library/debian:12", tag("debian:12")),
            ("index.docker.io/library/debian", tag("debian:latest")),
            ("docker.io/team/app:1", tag("team/app:1")),
            ("host:5000/app", tag("host:5000/app:latest")),
            ("host:5000/library/app:1", tag("host:5000/library/app:1")),
            ("debian:12@sha256:1", digest("debian@sha256:1")),
            ("host:5000/a@sha256:1", digest("host:5000/a@sha256:1")),
            (&id, Wanted::Id(id.clone())),
            (&id[7..], Wanted::Id(id.clone())),
        ] {
            assert_eq!(Wanted::read(name), wanted, "{name}");
        }
        let has = ["a:1".to_owned()];
        assert!(tag("a:1").is("sha256:1", &has, &[]));
        assert!(!tag("a:2").is("sha256:1", &has, &[]));
        assert!(!digest("a:1").is("sha256:1", &has, &[]));
    }
}
