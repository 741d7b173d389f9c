//! Builders that do not do what they should, by a server of their protocol.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;

use bytes::Bytes;
use camino::Utf8Path;
use sha2::{Digest, Sha256};

use super::{BuilderError, Connection};
use crate::endpoint::Endpoint;

/// What a builder does when it is asked for a blob.
#[derive(Clone, Copy)]
enum Does {
    /// Gives these pieces, and ends with this status.
    Give(&'static [&'static [u8]], u32),
    /// Gives a piece, and is gone.
    BreakOff,
    /// Says what is not gRPC.
    Babble,
}

const SAID: &[u8] = b"what was built";

fn digest() -> String {
    let hash = Sha256::digest(SAID);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A `ReadContentResponse` in its frame.
fn framed(offset: u64, data: &[u8]) -> Bytes {
    let mut message = vec![1 << 3];
    message.push(u8::try_from(offset).unwrap());
    message.extend([2 << 3 | 2, u8::try_from(data.len()).unwrap()]);
    message.extend_from_slice(data);
    let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    frame.extend(message);
    frame.into()
}

/// Serves one connection that asks once.
fn builder(listener: UnixListener, does: Does) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let stream = tokio::net::UnixStream::from_std(stream).unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
            let mut answer = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            match does {
                Does::Give(pieces, status) => {
                    let mut offset = 0;
                    for piece in pieces {
                        answer.send_data(framed(offset, piece), false).unwrap();
                        offset += piece.len() as u64;
                    }
                    let mut trailers = http::HeaderMap::new();
                    trailers.insert("grpc-status", status.to_string().parse().unwrap());
                    trailers.insert("grpc-message", "so it is".parse().unwrap());
                    answer.send_trailers(trailers).unwrap();
                }
                Does::BreakOff => {
                    answer.send_data(framed(0, b"what"), false).unwrap();
                    answer.send_reset(h2::Reason::INTERNAL_ERROR);
                }
                Does::Babble => answer.send_data("no frame at all".into(), true).unwrap(),
            }
            // Until the client has gone.
            while connection.accept().await.is_some() {}
        });
    })
}

/// What comes of reading a blob.
fn read(does: Does) -> Result<Vec<u8>, BuilderError> {
    let folder = tempfile::tempdir().unwrap();
    let socket = Utf8Path::from_path(folder.path()).unwrap().join("builder");
    let served = builder(UnixListener::bind(&socket).unwrap(), does);
    let mut connection = Connection::to(&Endpoint::Unix(socket)).unwrap();
    let mut bytes = Vec::new();
    let done = connection.blob(&digest()).and_then(|mut blob| {
        let read = blob.read_to_end(&mut bytes);
        read.map(drop)
            .map_err(|error| *error.into_inner().unwrap().downcast().unwrap())
    });
    drop(connection);
    served.join().unwrap();
    done.map(|()| bytes)
}

#[test]
fn a_blob_in_pieces_is_read_whole() {
    let pieces: &[&[u8]] = &[b"what ", b"was ", b"built"];
    assert_eq!(read(Does::Give(pieces, 0)).unwrap(), SAID);
}

#[test]
fn a_blob_that_is_another_is_damaged() {
    const OTHERS: [&[&[u8]]; 3] = [&[b"what was not built"], &[b"what was"], &[]];
    for pieces in OTHERS {
        let error = read(Does::Give(pieces, 0)).unwrap_err();
        assert!(matches!(error, BuilderError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_builder_that_ends_in_between_is_heard() {
    let pieces: &[&[u8]] = &[b"what "];
    let error = read(Does::Give(pieces, 14)).unwrap_err();
    let is_refused =
        matches!(&error, BuilderError::Refused { status: 14, said, .. } if said == "so it is");
    assert!(is_refused, "{error}");
    let error = read(Does::BreakOff).unwrap_err();
    assert!(matches!(error, BuilderError::Broken { .. }), "{error}");
    let error = read(Does::Babble).unwrap_err();
    assert!(matches!(error, BuilderError::Malformed { .. }), "{error}");
}

#[test]
fn what_a_builder_does_not_have_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let socket = Utf8Path::from_path(folder.path()).unwrap().join("builder");
    for (status, has) in [(0, Some(true)), (5, Some(false)), (12, None)] {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let served = builder(listener, Does::Give(&[], status));
        let mut connection = Connection::to(&Endpoint::Unix(socket.clone())).unwrap();
        assert_eq!(connection.has(&digest()).ok(), has, "{status}");
        drop(connection);
        served.join().unwrap();
    }
}
