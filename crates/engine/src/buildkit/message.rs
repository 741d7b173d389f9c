//! The few messages that are exchanged, in protobuf's encoding: fields of a number and a kind, of which
//! kind 0 is a varint and kind 2 has a length before it (protobuf.dev, "Encoding").

use std::ops::Range;

/// A frame's header: not compressed, and the length of what follows.
pub(super) const HEADER: usize = 5;

/// The largest message that is read. containerd sends content in pieces of 1 MiB at most.
const LARGEST: usize = 16 << 20;

/// `ReadContentRequest`: all of a blob, framed.
pub(super) fn read_content(digest: &str) -> Vec<u8> {
    of_digest(digest)
}

/// `InfoRequest`: what is known of a blob, framed.
pub(super) fn content_info(digest: &str) -> Vec<u8> {
    of_digest(digest)
}

/// In both the digest is the first field, and the only one that is needed.
fn of_digest(digest: &str) -> Vec<u8> {
    let mut message = vec![1 << 3 | 2];
    varint(&mut message, digest.len() as u64);
    message.extend_from_slice(digest.as_bytes());
    framed(&message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// What is wrong with a message; there is no more to say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes the first whole message from what has been received; `None` if there is none yet.
pub(super) fn take(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(header) = received.get(..HEADER) else {
        return Ok(None);
    };
    let [compressed, a, b, c, d] = *header else {
        return Err(Malformed);
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if compressed != 0 || length > LARGEST {
        return Err(Malformed);
    }
    if received.len() < HEADER + length {
        return Ok(None);
    }
    let message = received[HEADER..HEADER + length].to_vec();
    received.drain(..HEADER + length);
    Ok(Some(message))
}

/// Where the data of a `ReadContentResponse` belongs in the blob, and where in the message it stands.
pub(super) fn content(message: &[u8]) -> Result<(u64, Range<usize>), Malformed> {
    let (mut offset, mut data) = (0, 0..0);
    let mut rest = message;
    while !rest.is_empty() {
        let key = number(&mut rest)?;
        match (key >> 3, key & 7) {
            (1, 0) => offset = number(&mut rest)?,
            (2, 2) => {
                let length = piece(&mut rest)?.len();
                let end = message.len() - rest.len();
                data = end - length..end;
            }
            (_, 0) => drop(number(&mut rest)?),
            (_, 1) => drop(split(&mut rest, 8)?),
            (_, 2) => drop(piece(&mut rest)?),
            (_, 5) => drop(split(&mut rest, 4)?),
            _ => return Err(Malformed),
        }
    }
    Ok((offset, data))
}

fn number(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = split(rest, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

fn piece<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(number(rest)?).map_err(|_| Malformed)?;
    split(rest, length)
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (piece, after) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = after;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_encoded_as_protobuf_says() {
        assert_eq!(read_content("sha256:a"), b"\0\0\0\0\x0a\x0a\x08sha256:a");
    }

    #[test]
    fn messages_are_taken_once_they_are_whole() {
        let mut received = b"\0\0\0\0\x03abc\0\0".to_vec();
        assert_eq!(take(&mut received), Ok(Some(b"abc".to_vec())));
        assert_eq!(take(&mut received), Ok(None));
        received.extend_from_slice(b"\0\0\x01x");
        assert_eq!(take(&mut received), Ok(Some(b"x".to_vec())));
        assert_eq!(take(&mut b"\x01\0\0\0\x01x".to_vec()), Err(Malformed));
        assert_eq!(take(&mut b"\0\xff\0\0\0".to_vec()), Err(Malformed));
    }

    #[test]
    fn content_is_found_among_fields_that_are_not_known() {
        assert_eq!(content(b"\x08\x85\x01\x12\x03abc"), Ok((133, 5..8)));
        assert_eq!(content(b"\x1a\x01z\x12\x01a\x20\x05"), Ok((0, 5..6)));
        assert_eq!(content(b""), Ok((0, 0..0)));
        for wrong in [
            &b"\x12\x05ab"[..],
            b"\x12",
            b"\x0b",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(content(wrong), Err(Malformed), "{wrong:?}");
        }
    }
}
