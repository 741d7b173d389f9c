use std::future::Future;
use std::io::{self, Read, Write};
use std::time::Duration;

use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;

use super::{Blob, BuilderError, message};
use crate::endpoint::{Dialing, Endpoint, Socket, Stream};

/// How long a builder may be silent while it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What moby wants to be asked before it speaks as a builder does, on its own socket.
const UPGRADE: &[u8] =
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// gRPC's status of what is not there.
const NOT_FOUND: u32 = 5;

/// More than the headers of its answer have.
const LONGEST_HEAD: usize = 4096;

/// How much a builder may send before it waits for its client: HTTP/2's own 64 KiB cost a local builder
/// most of its speed.
const WINDOW: u32 = 4 << 20;

/// A connection to a builder. Nothing goes on while nobody reads.
#[derive(Debug)]
pub struct Connection {
    runtime: Runtime,
    requests: SendRequest<bytes::Bytes>,
    endpoint: String,
    _dialing: Option<Dialing>,
}

impl Connection {
    /// Connects to a builder.
    ///
    /// # Errors
    /// [`BuilderError`] if nobody is there.
    pub fn to(endpoint: &Endpoint) -> Result<Self, BuilderError> {
        Self::over(endpoint, endpoint.connect())
    }

    /// Connects to the builder inside a daemon, by the daemon's own address. With containerd's image store
    /// its content is that of the daemon's images.
    ///
    /// # Errors
    /// [`BuilderError`] if nobody is there, or it is a daemon without.
    pub fn to_daemon(endpoint: &Endpoint) -> Result<Self, BuilderError> {
        let stream = endpoint.connect().and_then(|stream| {
            upgrade(&stream)?;
            Ok(stream)
        });
        Self::over(endpoint, stream)
    }

    fn over(endpoint: &Endpoint, stream: io::Result<Stream>) -> Result<Self, BuilderError> {
        let name = endpoint.to_string();
        let unreachable = |cause| BuilderError::Unreachable {
            endpoint: name.clone(),
            cause,
        };
        let Stream { socket, dialing } = stream.map_err(unreachable)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(unreachable)?;
        let connecting = async {
            match socket {
                Socket::Unix(socket) => {
                    socket.set_nonblocking(true).map_err(unreachable)?;
                    let socket = UnixStream::from_std(socket).map_err(unreachable)?;
                    shake_hands(socket, &name).await
                }
                Socket::Tcp(socket) => {
                    socket.set_nonblocking(true).map_err(unreachable)?;
                    let socket = TcpStream::from_std(socket).map_err(unreachable)?;
                    shake_hands(socket, &name).await
                }
            }
        };
        let requests = runtime.block_on(connecting)?;
        Ok(Self {
            runtime,
            requests,
            endpoint: name,
            _dialing: dialing,
        })
    }

    /// Begins to read a blob of the builder's content store.
    ///
    /// # Errors
    /// [`BuilderError`] if it does not answer. Whether it has the blob turns out at the first reading.
    pub fn blob(&mut self, digest: &str) -> Result<Blob<'_>, BuilderError> {
        let response = self.call("Read", message::read_content(digest))?;
        Ok(Blob::new(self, digest.to_owned(), response))
    }

    /// Whether a blob is in the builder's content store, and whole.
    ///
    /// # Errors
    /// [`BuilderError`] if it does not say.
    pub fn has(&mut self, digest: &str) -> Result<bool, BuilderError> {
        let response = self.call("Info", message::content_info(digest))?;
        match Blob::new(self, digest.to_owned(), response).drain() {
            Ok(()) => Ok(true),
            Err(BuilderError::Refused {
                status: NOT_FOUND, ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn call(
        &self,
        method: &str,
        body: Vec<u8>,
    ) -> Result<http::Response<h2::RecvStream>, BuilderError> {
        let mut requests = self.requests.clone();
        let path = format!("/containerd.services.content.v1.Content/{method}");
        self.wait(async {
            std::future::poll_fn(|context| requests.poll_ready(context)).await?;
            let (response, mut to) = requests.send_request(request(&path), false)?;
            to.send_data(body.into(), true)?;
            response.await
        })
    }

    /// Where it leads.
    pub(super) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(super) fn wait<T>(
        &self,
        what: impl Future<Output = Result<T, h2::Error>>,
    ) -> Result<T, BuilderError> {
        let patient = async { tokio::time::timeout(PATIENCE, what).await };
        let answer = self.runtime.block_on(patient);
        let Ok(answer) = answer else {
            return Err(BuilderError::Unreachable {
                endpoint: self.endpoint(),
                cause: io::ErrorKind::TimedOut.into(),
            });
        };
        answer.map_err(|cause| BuilderError::Broken {
            endpoint: self.endpoint(),
            cause,
        })
    }
}

/// Asks a daemon to speak as a builder on this stream from now on.
fn upgrade(mut stream: &Stream) -> io::Result<()> {
    stream.write_all(UPGRADE)?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    // By the byte: what comes after the head is not ours to read.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        Ok(())
    } else {
        Err(io::ErrorKind::Unsupported.into())
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
