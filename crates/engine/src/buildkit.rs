//! A builder's own interface: gRPC over HTTP/2, on the endpoint that its clients build at.
//!
//! - [`Connection`]: a connection to it
//! - [`Blob`]: a blob of its content store, read as it comes and checked against its digest
//!
//! BuildKit serves containerd's content store there (`containerd.services.content.v1.Content`), so that what
//! a build has made can be had without a registry, and layer by layer.

mod blob;
mod connection;
mod message;

pub use blob::Blob;
pub use connection::Connection;

/// Why something could not be had of a builder.
#[derive(Debug, thiserror::Error)]
pub enum BuilderError {
    /// It cannot be reached.
    #[error("cannot reach the builder at {endpoint}")]
    Unreachable {
        /// Where it should be.
        endpoint: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// What it says is not HTTP/2, or it broke off.
    #[error("the builder at {endpoint} broke off")]
    Broken {
        /// Where it is.
        endpoint: String,
        /// What is wrong.
        #[source]
        cause: h2::Error,
    },
    /// It answers that it cannot.
    #[error("the builder at {endpoint} refuses {asked}: {said} (gRPC status {status})")]
    Refused {
        /// Where it is.
        endpoint: String,
        /// What it was asked for.
        asked: String,
        /// A number of grpc/status.h; 5 is "not found", 12 "not implemented".
        status: u32,
        /// Its own words.
        said: String,
    },
    /// What it gives is not what its name says.
    #[error("the builder at {endpoint} gives {digest} as something else: it is damaged there")]
    Damaged {
        /// Where it is.
        endpoint: String,
        /// The digest of what it was asked for.
        digest: String,
    },
    /// Its answer is not what it was asked for.
    #[error("the builder at {endpoint} answers {asked} with what cannot be read")]
    Malformed {
        /// Where it is.
        endpoint: String,
        /// What it was asked for.
        asked: String,
    },
}

#[cfg(test)]
mod tests;
