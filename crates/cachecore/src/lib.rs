//! Decisions of warm Docker sessions as pure functions: data in, plans out.
//!
//! Nothing in this crate reads a file, the environment, a clock or a socket; its own `clippy.toml`
//! forbids it. Other crates gather facts, hand them in, and carry out what comes back.
//!
//! | module | decides |
//! |---|---|
//! | [`id`] | which names are allowed |
//! | [`image`] | how a store gets a btrfs of its own |
//! | [`layout`] | where each thing lies in the golden store |
//! | [`argv`] | what a command line of docker, buildx or compose means |
//! | [`classify`] | what kind of command a command line is |
//! | [`rewrite`] | what is run instead of a command line |
//! | [`binds`], [`pathmap`] | where a daemon has what its client mounts |
//! | [`bake`] | what becomes of several images that are built at once |
//! | [`bolt`] | what a bolt database says, whoever wrote it |
//! | [`collection`] | what a collection removes, and what it keeps although it is over a limit |
//! | [`dataroot`] | what a Docker data root is: its layers, and which of them are immutable |
//! | [`build`], [`builder`] | which builder a build goes to, and what becomes of the result
//! | [`cache`] | which builds use the cache that sessions share, under which key, and what is kept of it |
//! | [`compose`] | how one run builds the services of a compose project
//! | [`load`] | what of an image a daemon lacks, and the archive that brings it
//! | [`dockerconfig`] | what is changed of docker's own `config.json` |
//! | [`doctor`] | what of the shim works where it is, and why not the rest |
//! | `environment` | what an environment image is made of, and what is left for a start (feature `environment`) |
//! | [`exit`] | with which code the programs end |
//! | [`install`] | how the shim gets its places, and leaves them |
//! | [`mountinfo`] | what a mount table says |
//! | [`promotion`] | what a promotion links, drops and keeps |
//! | [`size`] | how many bytes `200G` is |
//! | [`space`] | whether a clone fits, and what stays free |
//! | [`strategy`] | how a golden is cloned, and why not better |
//! | [`trigger`] | whether a request for a golden is built, waits, or is needed at all |
//! | [`changes`] | what is new in a generation |
//! | [`record`] | what the store writes down, and which formats it accepts |
//! | [`tarsplit`] | what a layer's folder must hold, by the archive that it came from |
//!
//! ```
//! use cachecore::dataroot::{Kind, Listing, survey};
//!
//! let root = survey(&Listing::default(), "/var/lib/cachecore/layers".into());
//! assert_eq!(root.kind, Kind::Empty);
//! ```
#![forbid(unsafe_code)]

pub mod argv;
pub mod bake;
pub mod binds;
pub mod bolt;
pub mod build;
pub mod builder;
pub mod cache;
pub mod changes;
pub mod classify;
pub mod collection;
pub mod compose;
pub mod dataroot;
pub mod dockerconfig;
pub mod doctor;
#[cfg(feature = "environment")]
pub mod environment;
pub mod exit;
pub mod id;
pub mod image;
pub mod install;
pub mod layout;
pub mod load;
pub mod mountinfo;
pub mod pathmap;
pub mod promotion;
pub mod record;
pub mod rewrite;
pub mod size;
pub mod space;
pub mod strategy;
pub mod tarsplit;
pub mod trigger;
