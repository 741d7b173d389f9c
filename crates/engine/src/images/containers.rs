//! Which images a daemon's containers are of, and what an image's containers do by themselves.

use serde_json::Value;

use super::{Images, ImagesError, LONGEST_LIST, encoded};

/// A container, running or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image, as it was named when the container was made.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// What of the daemon's machine is mounted into it.
    pub sources: Vec<String>,
}

/// What an image says of its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDefaults {
    /// What is put before each command.
    pub entrypoint: Vec<String>,
    /// What is run where no command is given.
    pub command: Vec<String>,
    /// As whom; empty for root.
    pub user: String,
}

impl Images {
    /// All containers, also those that have ended.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer, or not with a list.
    pub fn containers(&self) -> Result<Vec<ListedContainer>, ImagesError> {
        let asked = "/containers/json?all=1";
        let answer = self.ask_for_at_most("GET", asked, None, LONGEST_LIST)?;
        let all: Vec<Value> =
            serde_json::from_slice(&answer.body).map_err(|cause| ImagesError::Unreachable {
                endpoint: self.endpoint().to_string(),
                asked: format!("GET {asked}"),
                cause: cause.into(),
            })?;
        Ok(all.iter().map(container).collect())
    }

    /// What an image says of its containers; `None` if there is no such image.
    ///
    /// # Errors
    /// [`ImagesError`] if the daemon does not answer.
    pub fn defaults(&self, name: &str) -> Result<Option<ImageDefaults>, ImagesError> {
        let asked = format!("/images/{}/json", encoded(name));
        match self.ask("GET", &asked, None) {
            Ok(answer) => {
                let image: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                Ok(Some(defaults(&image["Config"])))
            }
            Err(ImagesError::Refused { status: 404, .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn container(value: &Value) -> ListedContainer {
    let names = texts(&value["Names"]);
    let mounts = value["Mounts"].as_array().into_iter().flatten();
    ListedContainer {
        id: text(&value["Id"]),
        name: names
            .first()
            .map_or("", |name| name.trim_start_matches('/'))
            .to_owned(),
        image: text(&value["Image"]),
        image_id: text(&value["ImageID"]),
        sources: mounts.map(|mount| text(&mount["Source"])).collect(),
    }
}

fn defaults(config: &Value) -> ImageDefaults {
    ImageDefaults {
        entrypoint: texts(&config["Entrypoint"]),
        command: texts(&config["Cmd"]),
        user: text(&config["User"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_daemon_leaves_out_is_empty() {
        assert_eq!(
            defaults(&json!({"Entrypoint": null})),
            ImageDefaults::default()
        );
        let config = json!({"Entrypoint": ["/e"], "Cmd": ["a", "b"], "User": "dev"});
        let expected = ImageDefaults {
            entrypoint: vec!["/e".to_owned()],
            command: vec!["a".to_owned(), "b".to_owned()],
            user: "dev".to_owned(),
        };
        assert_eq!(defaults(&config), expected);
        let listed = container(&json!({
            "Id": "1", "Names": ["/task"], "Image": "a:1", "ImageID": "sha256:2",
            "Mounts": [{"Type": "bind", "Source": "/src"}, {"Type": "tmpfs"}]
        }));
        assert_eq!(listed.name, "task");
        assert_eq!(listed.sources, ["/src", ""]);
        assert_eq!(container(&json!({})).sources, [""; 0]);
    }
}
