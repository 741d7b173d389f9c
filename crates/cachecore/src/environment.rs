//! Environment images: what a spec says, which images that are, and what is left to do at each start.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | what a spec says, read from YAML or JSON |
//! | [`materials`] | what is read for a spec: its files, its base image |
//! | [`key`] | which inputs an image has, and the key that they make |
//! | [`explanation`] | why an image is another one than at the last build |
//! | [`template`] | what a stage is built by |
//! | [`conversion`], [`devcontainer`], [`migration`] | what files of other formats become |
//! | [`plan`] | which stages are there, which are built, and what runs at each start |
//! | [`wanted`] | which image of a daemon's list a base image is |
//! | [`startup`] | the scripts that run before a container's command |
//! | [`launch`] | the command line that starts a container |
//! | [`collection`] | until when images are fresh, and which of them are removed |

pub mod collection;
pub mod conversion;
pub mod devcontainer;
mod document;
pub mod explanation;
pub mod key;
pub mod launch;
pub mod materials;
pub mod migration;
mod nearest;
pub mod plan;
mod shell_word;
pub mod spec;
pub mod startup;
pub mod template;
pub mod wanted;
mod writing;
