//! Why there is nothing to run.

use std::io;

use engine::images::ImagesError;

use crate::state::StateError;
use crate::{daemon, exit};

/// Why nothing was ensured.
#[derive(Debug, thiserror::Error)]
pub enum EnsureError {
    /// The daemon cannot be asked, or refuses.
    #[error(transparent)]
    Daemon(#[from] ImagesError),
    /// docker cannot be run.
    #[error("cannot run docker")]
    NoDocker {
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The base image cannot be had.
    #[error("there is no base image {image}: {said}")]
    NoBase {
        /// Its name.
        image: String,
        /// Why, in docker's words.
        said: String,
    },
    /// The base image is made for other machines.
    #[error("the base image {image} is for {is}, not for {wanted}")]
    Platform {
        /// Its name.
        image: String,
        /// What it is for.
        is: String,
        /// What the spec wants.
        wanted: String,
    },
    /// An image went away while another was built on it.
    #[error("the image {image} was removed while another was to be built on it")]
    Gone {
        /// Its name.
        image: String,
    },
    /// Nothing can be remembered.
    #[error(transparent)]
    State(#[from] StateError),
    /// It was told to stop.
    #[error("interrupted: no image was changed, and what was being built has ended")]
    Interrupted,
}

impl EnsureError {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoBase { .. } => exit::NOT_FOUND,
            Self::Platform { .. } => exit::USAGE,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Daemon(_) | Self::NoDocker { .. } | Self::Gone { .. } | Self::State(_) => {
                exit::FAILED
            }
        }
    }

    /// What to do next, if that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Daemon(error) => daemon::help(error),
            Self::NoDocker { .. } => Some("install the docker CLI, or put it into PATH".to_owned()),
            Self::NoBase { image, .. } => Some(format!(
                "`docker pull {image}` says more; an image that is only on this machine needs no registry"
            )),
            Self::Platform { .. } => Some(
                "name an image for that platform, or leave `platform` out of the spec".to_owned(),
            ),
            Self::Gone { .. } => Some("try again".to_owned()),
            Self::State(error) => Some(error.help()),
            Self::Interrupted => None,
        }
    }
}
