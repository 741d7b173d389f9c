//! Brings images from a builder into the daemon: nothing if they are there, else the layers that are missing.

mod archive;
mod registry;
mod way;

use std::collections::BTreeSet;
use std::fmt;

use cachecore::load::{self, Built, Image, Name, Source, Store, chain_ids};
use engine::buildkit::{BuilderError, Connection};
use engine::endpoint::Endpoint;
use engine::images::{Images, ImagesError, LocalImage};

use archive::small;
pub(crate) use registry::Registry;
pub(crate) use way::{Between, images, loader};

/// The digest of no bytes, which a builder may have or not.
const NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// How an image came into the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// It was there, by all its names.
    Unchanged,
    /// It was there, and has got names.
    Named,
    /// So many of its layers were brought, of so many.
    Layers(usize, usize),
    /// It was pulled from a registry.
    Pulled,
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged, not loaded again"),
            Self::Named => f.write_str("there already, named anew"),
            Self::Pulled => f.write_str("pulled by its digest"),
            Self::Layers(some, all) => write!(f, "{some} of {all} layers loaded"),
        }
    }
}

/// Why an image could not be brought this way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotLoaded {
    #[error(transparent)]
    Described(#[from] load::LoadError),
    #[error(transparent)]
    Builder(#[from] BuilderError),
    #[error(transparent)]
    Daemon(#[from] ImagesError),
    #[error("the builder's {0} is too large, or cannot be read")]
    Blob(String),
    #[error("the daemon has lost {0} meanwhile")]
    Lost(String),
    #[error("the builder cannot push to {0}")]
    NotPushed(String),
    #[error("{0} cannot be pulled")]
    NotPulled(String),
    #[error("the content of a builder with several nodes is nowhere as a whole")]
    Scattered,
}

impl NotLoaded {
    /// In one line, with all its causes.
    pub(crate) fn whole(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line += &format!(": {error}");
            cause = error.source();
        }
        line
    }
}

/// Brings images from one builder into one daemon. Each is connected to once, and only when it must be.
#[derive(Debug)]
pub(crate) struct Loader {
    daemon: Images,
    builder: Option<Endpoint>,
    store: Option<Store>,
    connection: Option<Connection>,
}

/// What of an image is in the daemon already: chain ids or digests of blobs, as its store has them.
#[derive(Debug, Default)]
struct Known {
    all: BTreeSet<String>,
    /// Where blobs were found.
    content: Option<Connection>,
}

impl Loader {
    fn new(daemon: Images, builder: Option<Endpoint>) -> Self {
        Self {
            daemon,
            builder,
            store: None,
            connection: None,
        }
    }

    /// Whether both answer. Worth asking before a build that cannot be run again.
    ///
    /// # Errors
    /// [`NotLoaded`] says which does not.
    pub(crate) fn check(&mut self) -> Result<(), NotLoaded> {
        self.store()?;
        let builder = connected(&mut self.connection, self.builder.as_ref())?;
        // Whatever it says: it serves its content.
        builder.has(NOTHING)?;
        Ok(())
    }

    /// Brings an image, described by a builder's report, under these names. Without a name it is there by its
    /// id.
    ///
    /// # Errors
    /// [`NotLoaded`]. Then it is not there by any of the names, or was before.
    pub(crate) fn load(&mut self, report: &[u8], names: &[String]) -> Result<Loaded, NotLoaded> {
        let built = load::built(report)?;
        let names: Vec<Name> = names
            .iter()
            .map(|name| Name::parse(name))
            .collect::<Result<_, _>>()?;
        // With their tags: a name without one is also looked for among the beginnings of ids.
        let named: Vec<Option<LocalImage>> = names
            .iter()
            .map(|name| self.daemon.find(&name.familiar()))
            .collect::<Result<_, _>>()?;
        let is_it = |image: &LocalImage| image.id == built.config || image.id == built.manifest;
        let all_named = named.iter().all(|image| image.as_ref().is_some_and(is_it));
        if all_named && !names.is_empty() {
            return Ok(Loaded::Unchanged);
        }
        let store = self.store()?;
        if self.name(&built, &names)? {
            return Ok(if names.is_empty() {
                Loaded::Unchanged
            } else {
                Loaded::Named
            });
        }
        let builder = connected(&mut self.connection, self.builder.as_ref())?;
        let manifest = small(builder, &built.manifest)?;
        let config = small(builder, &built.config)?;
        let image = load::image(&built, &manifest, &config)?;
        let named = named.into_iter().flatten();
        let mut known = match store {
            Store::Classic => chains(&self.daemon, &image, named)?,
            Store::Containerd => blobs(&self.daemon, &image),
        };
        let entries = match store {
            Store::Classic => load::thin(&image, &config, &names, &known.all),
            Store::Containerd => load::layout(&image, &manifest, &config, &names, &known.all),
        };
        self.daemon
            .load(|to| archive::write(to, &entries, builder))?;
        still_there(&image, &mut known)?;
        let is_brought = |entry: &&load::Entry| matches!(entry.source, Source::Blob(_));
        let brought = entries.iter().filter(is_brought).count();
        Ok(Loaded::Layers(brought, image.layers.len()))
    }

    /// Names an image that is there; whether it is.
    fn name(&mut self, built: &Built, names: &[Name]) -> Result<bool, NotLoaded> {
        let store = self.store()?;
        let Some(image) = self.daemon.find(built.id(store))? else {
            return Ok(false);
        };
        for name in names {
            self.daemon.tag(&image.id, &name.repository, &name.tag)?;
        }
        Ok(true)
    }

    /// What the daemon stores images in. It says so slowly, so that it is asked only if it matters.
    fn store(&mut self) -> Result<Store, ImagesError> {
        if let Some(store) = self.store {
            return Ok(store);
        }
        let store = if self.daemon.are_in_containerd()? {
            Store::Containerd
        } else {
            Store::Classic
        };
        Ok(*self.store.insert(store))
    }
}

fn connected<'c>(
    connection: &'c mut Option<Connection>,
    endpoint: Option<&Endpoint>,
) -> Result<&'c mut Connection, NotLoaded> {
    Ok(match connection.take() {
        Some(kept) => connection.insert(kept),
        None => connection.insert(Connection::to(endpoint.ok_or(NotLoaded::Scattered)?)?),
    })
}

/// The chain ids that the daemon has, as far as they matter: first those of what had the names, which
/// usually are all.
fn chains(
    daemon: &Images,
    image: &Image,
    named: impl Iterator<Item = LocalImage>,
) -> Result<Known, ImagesError> {
    let mut known: BTreeSet<String> = named.flat_map(|image| chain_ids(&image.layers)).collect();
    let all_but_last = image.layers.split_last().map(|(_, below)| below);
    let is_enough = |known: &BTreeSet<String>| {
        all_but_last.is_none_or(|below| below.iter().all(|layer| known.contains(&layer.chain_id)))
    };
    if !is_enough(&known) {
        for id in daemon.ids()? {
            if let Some(other) = daemon.find(&id)? {
                known.extend(chain_ids(&other.layers));
            }
            if is_enough(&known) {
                break;
            }
        }
    }
    Ok(Known {
        all: known,
        content: None,
    })
}

/// The digests of the blobs that the daemon has. One that does not say gets all.
fn blobs(daemon: &Images, image: &Image) -> Known {
    let Ok(mut content) = Connection::to_daemon(daemon.endpoint()) else {
        return Known::default();
    };
    let digests = image.layers.iter().map(|layer| &layer.digest);
    let all = digests
        .filter(|digest| content.has(digest).unwrap_or(false))
        .cloned()
        .collect();
    Known {
        all,
        content: Some(content),
    }
}

/// Makes sure that the daemon has not removed blobs before the new image needed them: it would run, and could
/// not be pushed or saved.
fn still_there(image: &Image, known: &mut Known) -> Result<(), NotLoaded> {
    let Some(content) = &mut known.content else {
        return Ok(());
    };
    for layer in &image.layers {
        if known.all.contains(&layer.digest) && !content.has(&layer.digest)? {
            return Err(NotLoaded::Lost(layer.digest.clone()));
        }
    }
    Ok(())
}
