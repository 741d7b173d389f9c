//! Tables over data roots, odd and broken ones included.

mod buildkit;
mod immutable;
mod integrity;
mod kind;

use super::listing::{Diff, Folder, ImageConfig, Layer, Listing, Mount, Overlay2, Text};

pub(crate) const LAYERS: &str = "/store/layers";

pub(crate) fn text(text: &str) -> Text {
    Text::Bytes(text.as_bytes().to_vec())
}

/// A chain id made of one hex digit.
pub(crate) fn chain(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// The short id that [`Sample`] gives to a folder.
pub(crate) fn short(folder: &str) -> String {
    let mut id: String = folder.chars().filter(char::is_ascii_alphanumeric).collect();
    id.push_str("SHORT");
    id.to_ascii_uppercase()
}

/// Builds listings as a reader would find them, sound unless a case breaks them.
#[derive(Clone, Default)]
pub(crate) struct Sample(pub(crate) Overlay2);

impl Sample {
    /// Adds a folder that stands on `below`, nearest first.
    pub(crate) fn folder(mut self, name: &str, below: &[&str]) -> Self {
        let lower: Vec<String> = below.iter().map(|b| format!("l/{}", short(b))).collect();
        self.0.folders.insert(
            name.into(),
            Folder {
                diff: Diff::Directory,
                link: text(&short(name)),
                lower: if below.is_empty() {
                    Text::Missing
                } else {
                    text(&lower.join(":"))
                },
            },
        );
        self.0.short_links.insert(
            short(name).into_bytes(),
            Some(format!("../{name}/diff").into_bytes()),
        );
        self
    }

    /// Registers a folder under a chain id.
    pub(crate) fn registered(mut self, digit: char, folder: &str, parent: Option<char>) -> Self {
        self.0.layers.insert(
            chain(digit).into_bytes(),
            Layer {
                cache_id: text(folder),
                parent: parent.map_or(Text::Missing, |p| text(&format!("sha256:{}", chain(p)))),
            },
        );
        self
    }

    /// Gives two folders to a container.
    pub(crate) fn container(mut self, name: &str, on: &[&str]) -> Self {
        let init = format!("{name}-init");
        self = self.folder(&init, on);
        let below: Vec<&str> = std::iter::once(init.as_str())
            .chain(on.iter().copied())
            .collect();
        self = self.folder(name, &below);
        self.0.mounts.insert(
            format!("container-{name}").into_bytes(),
            Mount {
                mount_id: text(name),
                init_id: text(&init),
            },
        );
        self
    }

    /// Turns a folder's `diff` into a symlink.
    pub(crate) fn linked(mut self, name: &str, target: &str) -> Self {
        self.0.folders.get_mut(name.as_bytes()).unwrap().diff = Diff::Symlink(target.into());
        self
    }

    /// Adds an image.
    pub(crate) fn image(mut self, name: &str, config: ImageConfig) -> Self {
        self.0.images.insert(name.into(), config);
        self
    }

    /// The listing of a whole data root.
    pub(crate) fn listing(self) -> Listing {
        Listing {
            top: [
                "buildkit",
                "containers",
                "image",
                "network",
                "overlay2",
                "volumes",
            ]
            .map(Vec::from)
            .to_vec(),
            image_drivers: vec![b"overlay2".to_vec()],
            overlay2: Some(self.0),
            ..Listing::default()
        }
    }
}
