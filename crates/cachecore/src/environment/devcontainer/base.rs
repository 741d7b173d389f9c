//! The image that a file starts from: one that is named, or one that has to be built first.

use super::document::{Node, Shape};
use super::variables::substitute;
use super::{DevcontainerError, Reading};
use crate::environment::shell_word::spelled;

impl Reading<'_> {
    /// The base image. One that has to be built first gets a name and a warning with the command.
    pub(super) fn image(&mut self, project: &str) -> Result<String, DevcontainerError> {
        let named = self.string("image")?;
        let dockerfile = self.dockerfile()?;
        let compose = self.root.get("dockerComposeFile").is_some();
        if dockerfile.is_some() {
            for field in ["build", "dockerFile", "context"] {
                if self.root.get(field).is_some() {
                    self.keep(field, "a spec builds on an image that is there", None);
                }
            }
        }
        if compose {
            for field in ["dockerComposeFile", "service"] {
                if self.root.get(field).is_some() {
                    let instead = "start the other services beside a task, on a network of both";
                    self.keep(field, "a task is one container", Some(instead));
                }
            }
        }
        if let Some(image) = self.place.image {
            return Ok(image.to_owned());
        }
        let own = format!("devcontainer-{}", component(project));
        if let Some(image) = named {
            let image_of = substitute(&image, &self.known);
            return Ok(match image_of.literal() {
                Some(name) if image_of.unknown.is_empty() => name,
                _ => {
                    self.warn(
                        "image",
                        format!("only the host knows what `{image}` is"),
                        "write the image's name into `image`",
                    );
                    own
                }
            });
        }
        if let Some(dockerfile) = dockerfile {
            let command = self.build(&own, &dockerfile);
            self.warn(
                "build",
                format!("the base image is called `{own}` here, and has to be built first"),
                &format!("in the folder of the file: {command}"),
            );
            return Ok(own);
        }
        if compose {
            let command = self.composed();
            self.warn(
                "dockerComposeFile",
                format!("the base image is called `{own}` here, but compose gives it a name"),
                &format!(
                    "in the folder of the file: {command}; then write the name that \
                     `docker compose images` shows into `image`"
                ),
            );
            return Ok(own);
        }
        Err(DevcontainerError::NoImage)
    }

    /// The Dockerfile, by its two names.
    fn dockerfile(&self) -> Result<Option<String>, DevcontainerError> {
        if let Some(build) = self.root.get("build")
            && let Some(node) = build.get("dockerfile")
        {
            return node
                .text()
                .map(|text| Some(text.to_owned()))
                .ok_or_else(|| {
                    DevcontainerError::wrong(self.text, "build.dockerfile", node, "a string")
                });
        }
        self.string("dockerFile")
    }

    fn build(&self, image: &str, dockerfile: &str) -> String {
        let build = self.root.get("build");
        let of_build = |name: &str| build.and_then(|build| build.get(name));
        let mut words = vec![
            "docker".to_owned(),
            "build".to_owned(),
            "--tag".to_owned(),
            image.to_owned(),
            "--file".to_owned(),
            spelled(dockerfile),
        ];
        if let Some(target) = of_build("target").and_then(Node::text) {
            words.extend(["--target".to_owned(), spelled(target)]);
        }
        if let Some(Shape::Object(args)) = of_build("args").map(|args| &args.value) {
            for (name, value) in args {
                let value = value.text().map(str::to_owned);
                let value = value.map(|text| substitute(&text, &self.known).shell());
                let arg = format!("{name}={}", value.unwrap_or_default());
                words.extend(["--build-arg".to_owned(), spelled(&arg)]);
            }
        }
        if let Some(Shape::List(options)) = of_build("options").map(|options| &options.value) {
            words.extend(options.iter().filter_map(Node::text).map(spelled));
        }
        let context = of_build("context").and_then(Node::text);
        let older = self.root.get("context").and_then(Node::text);
        words.push(spelled(context.or(older).unwrap_or(".")));
        words.join(" ")
    }

    fn composed(&self) -> String {
        let files: Vec<&str> = match self.root.get("dockerComposeFile").map(|n| &n.value) {
            Some(Shape::Text(file)) => vec![file],
            Some(Shape::List(files)) => files.iter().filter_map(Node::text).collect(),
            _ => Vec::new(),
        };
        let mut words = vec!["docker".to_owned(), "compose".to_owned()];
        for file in files {
            words.extend(["--file".to_owned(), spelled(file)]);
        }
        words.push("build".to_owned());
        words.extend(self.root.get("service").and_then(Node::text).map(spelled));
        words.join(" ")
    }
}

/// A name as a component of an image's name.
fn component(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    name.join("-")
}
