use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;

use super::{Blob, BuilderError, message};

/// How long a builder may take to answer a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much a builder may send before it waits for its client: HTTP/2's own 64 KiB cost a local builder
/// most of its speed.
const WINDOW: u32 = 4 << 20;

/// Where a builder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(Utf8PathBuf),
    /// A host and a port, without encryption.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Endpoint {
    /// Reads an address as buildx writes it down: `unix:///path`, `tcp://host:port`. `None` for any other.
    pub fn parse(address: &str) -> Option<Self> {
        if let Some(path) = address.strip_prefix("unix://") {
            return path.starts_with('/').then(|| Self::Unix(path.into()));
        }
        let address = address.strip_prefix("tcp://")?;
        let (host, port) = address.rsplit_once(':')?;
        let is_whole = !host.is_empty() && port.parse::<u16>().is_ok();
        is_whole.then(|| Self::Tcp(address.to_owned()))
    }
}

/// A connection to a builder. Nothing goes on while nobody reads.
#[derive(Debug)]
pub struct Connection {
    runtime: Runtime,
    requests: SendRequest<bytes::Bytes>,
    endpoint: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`BuilderError`] if nobody answers there, within ten seconds.
    pub fn to(endpoint: &Endpoint) -> Result<Self, BuilderError> {
        let name = endpoint.to_string();
        let unreachable = |cause| BuilderError::Unreachable {
            endpoint: name.clone(),
            cause,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(unreachable)?;
        let connecting = async {
            match endpoint {
                Endpoint::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                    shake_hands(stream, &name).await
                }
                Endpoint::Tcp(address) => {
                    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                    stream.set_nodelay(true).map_err(unreachable)?;
                    shake_hands(stream, &name).await
                }
            }
        };
        let timely = async { tokio::time::timeout(PATIENCE, connecting).await };
        let requests = runtime
            .block_on(timely)
            .unwrap_or_else(|_| Err(unreachable(io::ErrorKind::TimedOut.into())))?;
        Ok(Self {
            runtime,
            requests,
            endpoint: name,
        })
    }

    /// Begins to read a blob of the builder's content store.
    ///
    /// # Errors
    /// [`BuilderError`] if it does not answer. Whether it has the blob turns out at the first reading.
    pub fn blob(&mut self, digest: &str) -> Result<Blob<'_>, BuilderError> {
        let path = "/containerd.services.content.v1.Content/Read";
        let body = message::read_content(digest);
        let mut requests = self.requests.clone();
        let response = self.wait(async {
            std::future::poll_fn(|context| requests.poll_ready(context)).await?;
            let (response, mut to) = requests.send_request(request(path), false)?;
            to.send_data(body.into(), true)?;
            response.await
        })?;
        Ok(Blob::new(self, digest.to_owned(), response))
    }

    /// Where it leads.
    pub(super) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(super) fn wait<T>(
        &self,
        what: impl Future<Output = Result<T, h2::Error>>,
    ) -> Result<T, BuilderError> {
        self.runtime
            .block_on(what)
            .map_err(|cause| BuilderError::Broken {
                endpoint: self.endpoint(),
                cause,
            })
    }
}

async fn shake_hands<S>(stream: S, name: &str) -> Result<SendRequest<bytes::Bytes>, BuilderError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .enable_push(false)
        .handshake(stream)
        .await
        .map_err(|cause| BuilderError::Broken {
            endpoint: name.to_owned(),
            cause,
        })?;
    tokio::spawn(async move {
        // Whoever waits for an answer learns of it.
        let _ = connection.await;
    });
    Ok(requests)
}

fn request(path: &str) -> http::Request<()> {
    let mut request = http::Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.version_mut() = http::Version::HTTP_2;
    if let Ok(uri) = format!("http://localhost{path}").parse() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_buildx_writes_them() {
        for (address, read) in [
            ("unix:///run/b.sock", Some("unix:///run/b.sock")),
            ("tcp://10.0.0.2:1234", Some("tcp://10.0.0.2:1234")),
            ("tcp://[::1]:1234", Some("tcp://[::1]:1234")),
            ("unix://relative", None),
            ("tcp://host", None),
            ("tcp://:1234", None),
            ("docker-container://x", None),
            ("", None),
        ] {
            let endpoint = Endpoint::parse(address).map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), read, "{address}");
        }
    }
}
