//! Environment images: what a spec says, which images that are, and what is left to do at each start.
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | what a spec says, read from YAML or JSON |
//! | [`materials`] | what is read for a spec: its files, its base image |
//! | [`key`] | which inputs an image has, and the key that they make |
//! | [`template`] | what a stage is built by |
//! | [`plan`] | which stages are there, which are built, and what runs at each start |
//! | [`wanted`] | which image of a daemon's list a base image is |

mod document;
pub mod key;
pub mod materials;
mod nearest;
pub mod plan;
pub mod spec;
pub mod template;
pub mod wanted;
