//! Brings an image from a builder into the daemon: nothing if it is there, else the layers that are missing.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write};

use cachecore::builder::Builder;
use cachecore::load::{self, END, Entry, Source, header, padding};
use engine::buildkit::{BuilderError, Connection, Endpoint};
use engine::images::{Images, ImagesError};

use crate::Environment;
use crate::builder::read;

/// The largest manifest or configuration that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// How an image came into the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// It was there, by all its names.
    Unchanged,
    /// It was there, and has got names.
    Named,
    /// So many of its layers were brought, of so many.
    Layers(usize, usize),
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => f.write_str("unchanged, not loaded again"),
            Self::Named => f.write_str("there already, named anew"),
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
    #[error("the address of builder {0} is not one that is spoken to here")]
    Address(String),
    #[error("the builder's {0} is too large, or cannot be read")]
    Blob(String),
    #[error("{0:?} has no tag, or is no name")]
    Name(String),
}

/// The daemon of a command, if it is one behind a unix socket.
pub(crate) fn daemon(
    environment: &Environment,
    command: &cachecore::argv::Command,
) -> Option<Images> {
    let elsewhere = [
        "context",
        "tls",
        "tlsverify",
        "tlscacert",
        "tlscert",
        "tlskey",
        "config",
    ];
    if elsewhere.iter().any(|flag| command.has(flag)) {
        return None;
    }
    let flag = command.value("host").map(ToOwned::to_owned);
    let host = flag
        .or_else(|| environment.chosen_host.clone())
        .or_else(|| environment.docker_host.clone());
    if host.is_none() && (environment.chosen_context.is_some() || has_context(environment)) {
        return None;
    }
    let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".into());
    let socket = host.to_str()?.strip_prefix("unix://")?;
    Some(Images::of(socket.into()))
}

/// Whether `docker context use` has chosen another daemon than the usual one.
fn has_context(environment: &Environment) -> bool {
    let config = environment
        .config_dir()
        .and_then(|dir| read(&dir.join("config.json")))
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let name = config
        .as_ref()
        .and_then(|config| config["currentContext"].as_str());
    name.is_some_and(|name| !name.is_empty() && name != "default")
}

/// Brings an image, described by a builder's report, into the daemon under these names.
pub(crate) fn load(
    daemon: &Images,
    builder: &Builder,
    report: &[u8],
    names: &[String],
) -> Result<Loaded, NotLoaded> {
    let built = load::built(report)?;
    let named: Vec<Option<_>> = names
        .iter()
        .map(|name| daemon.find(name))
        .collect::<Result<_, _>>()?;
    let is_it = |id: &str| id == built.config || id == built.manifest;
    if named
        .iter()
        .all(|image| image.as_ref().is_some_and(|image| is_it(&image.id)))
    {
        return Ok(Loaded::Unchanged);
    }
    if let Some(image) = daemon.find(&built.config)? {
        for name in names {
            let (repository, tag) = split(name)?;
            daemon.tag(&image.id, repository, tag)?;
        }
        return Ok(Loaded::Named);
    }
    let address = builder.endpoint.as_deref().filter(|_| builder.plain);
    let endpoint = address.and_then(Endpoint::parse);
    let endpoint = endpoint.ok_or_else(|| NotLoaded::Address(builder.name.clone()))?;
    let mut builder = Connection::to(&endpoint)?;
    let manifest = small(&mut builder, &built.manifest)?;
    let config = small(&mut builder, &built.config)?;
    let image = load::image(&built, &manifest, &config)?;
    let known = known(daemon, &image, named.into_iter().flatten())?;
    let full: Vec<String> = names
        .iter()
        .map(|name| split(name).map(|(repository, tag)| format!("{repository}:{tag}")))
        .collect::<Result<_, _>>()?;
    let entries = load::thin(&image, &config, &full, &known);
    let brought = entries
        .iter()
        .filter(|entry| matches!(entry.source, Source::Blob(_)))
        .count();
    daemon.load(|to| write(to, &entries, &mut builder))?;
    Ok(Loaded::Layers(brought, image.layers.len()))
}

/// The chain ids that the daemon has, as far as they matter: first those of what had the names, which
/// usually are all.
fn known(
    daemon: &Images,
    image: &load::Image,
    named: impl Iterator<Item = engine::images::LocalImage>,
) -> Result<BTreeSet<String>, ImagesError> {
    let mut known: BTreeSet<String> = named
        .flat_map(|image| load::chain_ids(&image.layers))
        .collect();
    let all_but_last = image.layers.split_last().map(|(_, below)| below);
    let is_enough = |known: &BTreeSet<String>| {
        all_but_last.is_none_or(|below| below.iter().all(|layer| known.contains(&layer.chain_id)))
    };
    if is_enough(&known) {
        return Ok(known);
    }
    for id in daemon.ids()? {
        if let Some(other) = daemon.find(&id)? {
            known.extend(load::chain_ids(&other.layers));
        }
        if is_enough(&known) {
            break;
        }
    }
    Ok(known)
}

fn small(builder: &mut Connection, digest: &str) -> Result<Vec<u8>, NotLoaded> {
    let mut bytes = Vec::new();
    let read = builder
        .blob(digest)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > LARGEST {
        return Err(NotLoaded::Blob(digest.to_owned()));
    }
    Ok(bytes)
}

/// Writes an archive, with the layers as they come from the builder.
fn write(to: &mut dyn Write, entries: &[Entry], builder: &mut Connection) -> io::Result<()> {
    for entry in entries {
        to.write_all(&header(&entry.name, entry.size))?;
        match &entry.source {
            Source::Bytes(bytes) => to.write_all(bytes)?,
            Source::Blob(digest) => {
                let mut blob = builder.blob(digest).map_err(io::Error::other)?;
                let count = io::copy(&mut (&mut blob).take(entry.size), to)?;
                if count != entry.size {
                    let problem =
                        format!("{digest} has {count} bytes, and should have {}", entry.size);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
                }
            }
        }
        to.write_all(padding(entry.size))?;
    }
    to.write_all(&END)
}

/// A name's repository and tag.
fn split(name: &str) -> Result<(&str, &str), NotLoaded> {
    if name.contains('@') || name.is_empty() {
        return Err(NotLoaded::Name(name.to_owned()));
    }
    let last = name.rfind('/').map_or(0, |at| at + 1);
    match name[last..].find(':') {
        Some(at) => Ok((&name[..last + at], &name[last + at + 1..])),
        None => Ok((name, "latest")),
    }
}
