//! Requests to a Docker daemon: enough HTTP/1.1 for what has a short answer.

use std::io::{self, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use camino::Utf8Path;

use crate::endpoint::{Endpoint, Stream};

/// No answer that we ask for comes near this; a daemon that sends more is not read any further.
pub(crate) const MOST: usize = 1 << 20;

/// How long one read waits before it is asked again whether to give up.
const GLANCE: Duration = Duration::from_millis(20);

/// Writes the body of a request.
pub(crate) type Body<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// The status and the body of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Asks for `path`. While no answer comes, `give_up` is asked every few milliseconds; when it says
/// yes, the error is of kind `TimedOut`.
pub(crate) fn get(
    socket: &Utf8Path,
    path: &str,
    give_up: &mut dyn FnMut() -> bool,
) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    stream.set_read_timeout(Some(GLANCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return parse(&bytes),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if bytes.len() > MOST {
            return Err(malformed("the answer does not end"));
        }
        if give_up() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Asks for something with any method, waiting as long as it takes, or until nothing has come for so long. A body is sent in chunks, as it is
/// written. A daemon that has answered before it was all sent, because it refuses, is heard. An answer of more
/// than `most` bytes is an error.
pub(crate) fn ask(
    endpoint: &Endpoint,
    patience: Option<Duration>,
    method: &str,
    path: &str,
    body: Option<Body<'_>>,
    most: usize,
) -> io::Result<Answer> {
    let stream = endpoint.connect()?;
    stream.set_read_timeout(patience)?;
    let mut to = &stream;
    write!(
        to,
        "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
    )?;
    let sent = match body {
        None if method == "GET" => to.write_all(b"\r\n"),
        None => to.write_all(b"Content-Length: 0\r\n\r\n"),
        Some(write) => {
            to.write_all(b"Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let mut chunks = BufWriter::with_capacity(CHUNK, Chunks(&stream));
            write(&mut chunks)
                .and_then(|()| chunks.flush())
                .and_then(|()| to.write_all(b"0\r\n\r\n"))
        }
    };
    if let Err(error) = sent {
        if error.kind() != io::ErrorKind::BrokenPipe {
            return Err(error);
        }
        let refusal = answer(&stream, most).map_err(|_| error)?;
        return Ok(refusal);
    }
    answer(&stream, most)
}

fn answer(stream: &Stream, most: usize) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let read = stream.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| match error.kind() {
        // What the system says of a read that has waited long enough tells people nothing.
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        _ => error,
    })?;
    if bytes.len() > most {
        return Err(malformed("the answer does not end"));
    }
    parse(&bytes)
}

/// How much is sent as one chunk.
const CHUNK: usize = 256 << 10;

struct Chunks<'a>(&'a Stream);

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An empty chunk would be the end.
        if !bytes.is_empty() {
            write!(self.0, "{:x}\r\n", bytes.len())?;
            self.0.write_all(bytes)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Takes a whole answer apart, as it was when the server closed the connection.
fn parse(bytes: &[u8]) -> io::Result<Answer> {
    if bytes.is_empty() {
        return Err(malformed("it hung up without an answer"));
    }
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| malformed("the answer has no end of headers"))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed("headers are not text"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| malformed("the answer is not HTTP"))?;
    let (mut chunked, mut length) = (false, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.parse::<usize>().ok();
        }
    }
    let body = &bytes[end + 4..];
    let body = match (chunked, length) {
        (true, _) => unchunk(body)?,
        (false, Some(length)) if length > body.len() => {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (false, Some(length)) => body[..length].to_vec(),
        (false, None) => body.to_vec(),
    };
    Ok(Answer { status, body })
}

fn unchunk(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest
            .windows(2)
            .position(|window| window == b"\r\n")
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = std::str::from_utf8(&rest[..end])
            .ok()
            .and_then(|line| line.split(';').next())
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .ok_or_else(|| malformed("a chunk has no size"))?;
        if size == 0 {
            return Ok(body);
        }
        // Written so that a huge size cannot overflow.
        rest = &rest[end + 2..];
        if rest.len() < 2 || size > rest.len() - 2 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn body(answer: &str) -> io::Result<String> {
        parse(answer.as_bytes()).map(|answer| String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn reads_plain_and_chunked_answers() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
        assert_eq!(
            body(&format!("{head}Content-Length: 2\r\n\r\nOK")).unwrap(),
            "OK"
        );
        assert_eq!(body(&format!("{head}\r\nOK")).unwrap(), "OK");
        let chunks = "4\r\nwarm\r\n5;x=y\r\n data\r\n0\r\n\r\n";
        assert_eq!(
            body(&format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}")).unwrap(),
            "warm data"
        );
        assert_eq!(parse(b"HTTP/1.1 503 Oh\r\n\r\n").unwrap().status, 503);
    }

    #[test]
    fn who_hangs_up_is_told_from_who_answers_nonsense() {
        let why = |answer: &str| body(answer).unwrap_err().to_string();
        assert_eq!(why(""), "it hung up without an answer");
        assert_eq!(why("SSH-2.0\r\n"), "the answer has no end of headers");
    }

    #[test]
    fn refuses_what_is_cut_short_or_not_http() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for answer in [
            "",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK",
            &format!("{chunked}5\r\nwar"),
            &format!("{chunked}ffffffffffffffff\r\nwarm\r\n"),
            &format!("{chunked}nonsense\r\n"),
            &format!("{chunked}4\r\nwarm"),
        ] {
            assert!(body(answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for_longer_than_asked() {
        let dir = tempfile::tempdir().unwrap();
        let socket = Utf8Path::from_path(dir.path()).unwrap().join("s");
        let _silent = UnixListener::bind(&socket).unwrap();
        let patience = Some(Duration::from_millis(10));
        let error = ask(
            &Endpoint::Unix(socket),
            patience,
            "GET",
            "/info",
            None,
            MOST,
        )
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn gives_up_on_a_server_that_never_answers() {
        let dir = tempfile::tempdir().unwrap();
        let socket = Utf8Path::from_path(dir.path()).unwrap().join("s");
        let _silent = UnixListener::bind(&socket).unwrap();
        let mut asked = 0;
        let error = get(&socket, "/_ping", &mut || {
            asked += 1;
            asked == 3
        })
        .unwrap_err();
        assert_eq!((error.kind(), asked), (io::ErrorKind::TimedOut, 3));
    }
}
