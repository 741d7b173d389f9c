//! A name that an image gets: host, repository and tag (distribution's `reference`, "familiar" and
//! normalized names).

use serde::Serialize;

use super::LoadError;

/// The host of names without one.
const HUB: &str = "docker.io";

/// A name for an image, with a tag and without a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// As people write it, without the tag.
    pub repository: String,
    /// Its tag; `latest` if it has none.
    pub tag: String,
}

impl Name {
    /// Reads a name as `-t` takes it.
    ///
    /// # Errors
    /// [`LoadError::Name`] if an image cannot get it.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let wrong = || LoadError::Name(text.to_owned());
        let last = text.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match text[last..].find(':') {
            Some(at) => (&text[..last + at], &text[last + at + 1..]),
            None => (text, "latest"),
        };
        let is_plain = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        if !is_plain(repository, b"._-/:[]") || !is_plain(tag, b"._-") || last == repository.len() {
            return Err(wrong());
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// As `docker save` writes it.
    pub fn familiar(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// With its host, as containerd writes it.
    pub fn whole(&self) -> String {
        let repository = self.repository.as_str();
        let (host, path) = match repository.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (HUB, repository),
        };
        let host = if host == "index.docker.io" { HUB } else { host };
        let library = if host == HUB && !path.contains('/') {
            "library/"
        } else {
            ""
        };
        format!("{host}/{library}{path}:{}", self.tag)
    }
}

/// Whether a name's first component is a host.
fn is_host(component: &str) -> bool {
    component == "localhost"
        || component.contains(['.', ':'])
        || component.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_docker_reads_them() {
        for (text, familiar, whole) in [
            ("app", "app:latest", "docker.io/library/app:latest"),
            ("app:1", "app:1", "docker.io/library/app:1"),
            ("me/app", "me/app:latest", "docker.io/me/app:latest"),
            (
                "docker.io/app",
                "docker.io/app:latest",
                "docker.io/library/app:latest",
            ),
            (
                "index.docker.io/a/b:c",
                "index.docker.io/a/b:c",
                "docker.io/a/b:c",
            ),
            (
                "host:5000/app",
                "host:5000/app:latest",
                "host:5000/app:latest",
            ),
            ("localhost/app:x", "localhost/app:x", "localhost/app:x"),
            ("r.io/a/b-c_d.e:F", "r.io/a/b-c_d.e:F", "r.io/a/b-c_d.e:F"),
            ("[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000/a:b"),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(
                (name.familiar().as_str(), name.whole().as_str()),
                (familiar, whole)
            );
        }
        for text in [
            "",
            ":x",
            "app:",
            "a@sha256:b",
            "a b",
            "host/",
            "a:b:c",
            "a\nb",
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
