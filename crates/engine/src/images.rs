//! The images of a Docker daemon, asked for and changed at its own interface.

mod containers;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;

pub use containers::{ImageDefaults, ListedContainer};

use crate::api::{self, Answer, Body};
use crate::endpoint::Endpoint;

/// The images of a daemon.
#[derive(Debug, Clone)]
pub struct Images {
    endpoint: Endpoint,
    patience: Option<Duration>,
}

/// Why a daemon does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// It cannot be asked, or breaks off.
    #[error("cannot ask the daemon at {endpoint}: {asked}")]
    Unreachable {
        /// Where it is.
        endpoint: String,
        /// Method and path.
        asked: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// It refuses.
    #[error("the daemon at {endpoint} refuses {asked}: {said}")]
    Refused {
        /// Where it is.
        endpoint: String,
        /// Method and path.
        asked: String,
        /// HTTP's status.
        status: u16,
        /// Its own words.
        said: String,
    },
}

/// An image that a daemon has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// Its id.
    pub id: String,
    /// The diff ids of its layers, lowest first.
    pub layers: Vec<String>,
    /// What it is labelled with.
    pub labels: BTreeMap<String, String>,
    /// What it runs on: `linux/amd64`.
    pub platform: String,
    /// As whom its containers run; empty for root.
    pub user: String,
}

/// An image in a daemon's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedImage {
    /// Its id.
    pub id: String,
    /// Its names with tags, as the daemon shortens them.
    pub tags: Vec<String>,
    /// Its names with digests.
    pub digests: Vec<String>,
    /// What it is labelled with.
    pub labels: BTreeMap<String, String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its size in bytes, with what it shares.
    pub size: u64,
}

/// A daemon's list has half a kilobyte for each image.
const LONGEST_LIST: usize = 64 << 20;

impl Images {
    /// Those of the daemon there.
    pub fn of(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            patience: None,
        }
    }

    /// The same, where a daemon that says nothing for so long is not waited for any longer.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..self
        }
    }

    /// Where the daemon is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether they are in containerd's image store.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer.
    pub fn are_in_containerd(&self) -> Result<bool, ImagesError> {
        let answer = self.ask("GET", "/info", None)?;
        let info: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let status = info["DriverStatus"].as_array().into_iter().flatten();
        let mut kinds = status.filter(|pair| pair[0] == "driver-type");
        Ok(kinds.any(|pair| pair[1] == "io.containerd.snapshotter.v1"))
    }

    /// The image that a name stands for; `None` if there is none.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer.
    pub fn find(&self, name: &str) -> Result<Option<LocalImage>, ImagesError> {
        let asked = format!("/images/{}/json", encoded(name));
        match self.ask("GET", &asked, None) {
            Ok(answer) => Ok(image(&answer.body)),
            Err(ImagesError::Refused { status: 404, .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The ids of all images.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer.
    pub fn ids(&self) -> Result<Vec<String>, ImagesError> {
        let answer = self.ask("GET", "/images/json?all=1", None)?;
        let all: Vec<Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
        let ids = all.iter().filter_map(|image| image["Id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// All images that have a name; only those with one of these names, if there are any. A name stands for
    /// all its tags, or has one.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer, or not with a list.
    pub fn list(&self, names: &[&str]) -> Result<Vec<ListedImage>, ImagesError> {
        let filters = match names {
            [] => serde_json::json!({}),
            names => serde_json::json!({ "reference": names }),
        };
        self.filtered(&filters)
    }

    /// The images with this label that have no name any more.
    ///
    /// # Errors
    /// As [`Images::list`].
    pub fn nameless(&self, label: &str) -> Result<Vec<ListedImage>, ImagesError> {
        self.filtered(&serde_json::json!({ "dangling": ["true"], "label": [label] }))
    }

    fn filtered(&self, filters: &Value) -> Result<Vec<ListedImage>, ImagesError> {
        let asked = format!("/images/json?filters={}", encoded(&filters.to_string()));
        let answer = self.ask_for_at_most("GET", &asked, None, LONGEST_LIST)?;
        let all: Vec<Value> = serde_json::from_slice(&answer.body).map_err(|cause| {
            let endpoint = self.endpoint.to_string();
            ImagesError::Unreachable {
                endpoint,
                asked: format!("GET {asked}"),
                cause: cause.into(),
            }
        })?;
        Ok(all.iter().filter_map(listed).collect())
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon refuses.
    pub fn tag(&self, id: &str, repository: &str, tag: &str) -> Result<(), ImagesError> {
        let (id, repository, tag) = (encoded(id), encoded(repository), encoded(tag));
        let asked = format!("/images/{id}/tag?repo={repository}&tag={tag}");
        self.ask("POST", &asked, None).map(drop)
    }

    /// Takes a name from an image, which stays if it has another.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon refuses.
    pub fn untag(&self, name: &str) -> Result<(), ImagesError> {
        let asked = format!("/images/{}?noprune=1", encoded(name));
        self.ask("DELETE", &asked, None).map(drop)
    }

    /// Loads an archive, which is written while the daemon reads it.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon refuses it, or if the archive cannot be written.
    pub fn load(
        &self,
        mut archive: impl FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), ImagesError> {
        let asked = "/images/load?quiet=1";
        let answer = self.ask("POST", asked, Some(&mut archive))?;
        // It has answered 200 before it has read to the end; what went wrong then stands in the last line.
        let text = String::from_utf8_lossy(&answer.body);
        let failure = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|line| line["error"].as_str().map(str::to_owned));
        match failure {
            None => Ok(()),
            Some(said) => Err(self.refused(format!("POST {asked}"), answer.status, said)),
        }
    }

    fn ask(&self, method: &str, path: &str, body: Option<Body<'_>>) -> Result<Answer, ImagesError> {
        self.ask_for_at_most(method, path, body, api::MOST)
    }

    fn ask_for_at_most(
        &self,
        method: &str,
        path: &str,
        body: Option<Body<'_>>,
        most: usize,
    ) -> Result<Answer, ImagesError> {
        // What is asked besides is long, and for no people.
        let asked = || format!("{method} {}", path.split('?').next().unwrap_or(path));
        let answered = api::ask(&self.endpoint, self.patience, method, path, body, most);
        let answer = answered.map_err(|cause| ImagesError::Unreachable {
            endpoint: self.endpoint.to_string(),
            asked: asked(),
            cause,
        })?;
        if answer.status < 400 {
            return Ok(answer);
        }
        let said = serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .and_then(|value| value["message"].as_str().map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
        Err(self.refused(asked(), answer.status, said))
    }

    fn refused(&self, asked: String, status: u16, said: String) -> ImagesError {
        ImagesError::Refused {
            endpoint: self.endpoint.to_string(),
            asked,
            status,
            said,
        }
    }
}

fn image(answer: &[u8]) -> Option<LocalImage> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let layers = value["RootFS"]["Layers"].as_array();
    let layers = layers.into_iter().flatten().filter_map(Value::as_str);
    Some(LocalImage {
        id: value["Id"].as_str()?.to_owned(),
        layers: layers.map(str::to_owned).collect(),
        labels: labels(&value["Config"]["Labels"]),
        platform: platform(&value),
        user: value["Config"]["User"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// As BuildKit writes it, with a variant if there is one.
fn platform(image: &Value) -> String {
    let parts = ["Os", "Architecture", "Variant"];
    let parts = parts.map(|part| image[part].as_str().unwrap_or_default());
    let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    named.join("/")
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn listed(image: &Value) -> Option<ListedImage> {
    let names = |field: &str| {
        let names = image[field].as_array().into_iter().flatten();
        let names = names.filter_map(Value::as_str);
        // What stands for no name at all, in older daemons.
        let named = names.filter(|name| !name.starts_with("<none>"));
        named.map(str::to_owned).collect()
    };
    Some(ListedImage {
        id: image["Id"].as_str()?.to_owned(),
        tags: names("RepoTags"),
        digests: names("RepoDigests"),
        labels: labels(&image["Labels"]),
        created: image["Created"].as_i64().unwrap_or_default(),
        size: image["Size"].as_u64().unwrap_or_default(),
    })
}

/// For a path or a query: what could end it there is written as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b':'
            | b'@' => {
                out.push(byte.into());
            }
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(encoded("a/b:c@sha256:1"), "a/b:c@sha256:1");
        assert_eq!(encoded("a?b&c#d e\r\n%"), "a%3Fb%26c%23d%20e%0D%0A%25");
    }

    #[test]
    fn what_a_daemon_leaves_out_of_its_list_is_empty() {
        let bare =
            serde_json::json!({"Id": "sha256:1", "RepoTags": ["<none>:<none>"], "Labels": null});
        let image = listed(&bare).unwrap();
        assert_eq!((image.id.as_str(), image.tags.len()), ("sha256:1", 0));
        assert!(image.digests.is_empty() && image.labels.is_empty());
        let named = serde_json::json!({
            "Id": "sha256:2", "RepoTags": ["a:1"], "RepoDigests": null, "Labels": {"k": "v"},
            "Created": 7, "Size": 9
        });
        let image = listed(&named).unwrap();
        assert_eq!((image.created, image.size), (7, 9));
        assert_eq!(image.labels["k"], "v");
    }
}
