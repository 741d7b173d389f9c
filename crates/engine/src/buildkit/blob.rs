use std::io;
use std::ops::Range;

use h2::RecvStream;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{BuilderError, Connection, message};

/// A blob of a builder's content store, read from its beginning to its end. Nothing of it is kept. Only the
/// end says whether it was what its digest says: reading it gives 0 bytes, or an error. An error in reading
/// has a [`BuilderError`] inside.
#[derive(Debug)]
pub struct Blob<'c> {
    connection: &'c Connection,
    digest: String,
    headers: HeaderMap,
    body: RecvStream,
    /// What was received and is no whole message yet.
    received: Vec<u8>,
    /// The message that is being read, and what of its data is left.
    message: Vec<u8>,
    left: Range<usize>,
    /// How many bytes of the blob have been received.
    offset: u64,
    hash: Sha256,
    ended: bool,
}

impl<'c> Blob<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        digest: String,
        response: http::Response<RecvStream>,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self {
            connection,
            digest,
            headers: head.headers,
            body,
            received: Vec::new(),
            message: Vec::new(),
            left: 0..0,
            offset: 0,
            hash: Sha256::new(),
            ended: false,
        }
    }

    /// Makes sure that there is data left, unless the blob has ended.
    fn fill(&mut self) -> Result<(), BuilderError> {
        while self.left.is_empty() && !self.ended {
            let Some(message) = self.next_message()? else {
                return self.judge_content();
            };
            let (offset, data) = message::content(&message).map_err(|_| self.malformed())?;
            // A piece that is missing would make another blob.
            if offset != self.offset {
                return Err(self.malformed());
            }
            self.offset += data.len() as u64;
            self.hash.update(&message[data.clone()]);
            self.message = message;
            self.left = data;
        }
        Ok(())
    }

    /// Reads an answer that is no content to its end, where it says whether it is one.
    pub(super) fn drain(mut self) -> Result<(), BuilderError> {
        while self.next_message()?.is_some() {}
        Ok(())
    }

    fn judge_content(&self) -> Result<(), BuilderError> {
        let hash = self.hash.clone().finalize();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.digest.strip_prefix("sha256:") == Some(&hex) {
            return Ok(());
        }
        Err(BuilderError::Damaged {
            endpoint: self.connection.endpoint(),
            digest: self.digest.clone(),
        })
    }

    fn next_message(&mut self) -> Result<Option<Vec<u8>>, BuilderError> {
        loop {
            let whole = message::take(&mut self.received);
            if let Some(message) = whole.map_err(|_| self.malformed())? {
                return Ok(Some(message));
            }
            let body = &mut self.body;
            let more = self.connection.wait(async {
                let Some(data) = body.data().await.transpose()? else {
                    return Ok(None);
                };
                body.flow_control().release_capacity(data.len())?;
                Ok(Some(data))
            })?;
            match more {
                Some(data) => self.received.extend_from_slice(&data),
                None => {
                    self.ended = true;
                    self.judge_end()?;
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the builder says that this was all. An answer without content has its trailers for
    /// headers.
    fn judge_end(&mut self) -> Result<(), BuilderError> {
        let body = &mut self.body;
        let trailers = self.connection.wait(async { body.trailers().await })?;
        let trailers = trailers.as_ref().unwrap_or(&self.headers);
        let text = |name| trailers.get(name).and_then(|value| value.to_str().ok());
        let status = text("grpc-status").and_then(|status| status.parse().ok());
        match status {
            Some(0) if self.received.is_empty() => Ok(()),
            Some(0) | None => Err(self.malformed()),
            Some(status) => Err(BuilderError::Refused {
                endpoint: self.connection.endpoint(),
                asked: self.digest.clone(),
                status,
                said: text("grpc-message").unwrap_or("no reason").to_owned(),
            }),
        }
    }

    fn malformed(&self) -> BuilderError {
        BuilderError::Malformed {
            endpoint: self.connection.endpoint(),
            asked: self.digest.clone(),
        }
    }
}

impl io::Read for Blob<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        self.fill().map_err(io::Error::other)?;
        let left = &self.message[self.left.clone()];
        let count = left.len().min(to.len());
        to[..count].copy_from_slice(&left[..count]);
        self.left.start += count;
        Ok(count)
    }
}
