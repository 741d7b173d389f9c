use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_LINE, base64};

/// One line of a description.
pub(super) enum Line<'a> {
    /// Bytes of the archive, in base64.
    Segment(Cow<'a, [u8]>),
    /// The contents of an entry.
    File {
        name: Vec<u8>,
        size: u64,
        checksum: Option<u64>,
    },
}

/// The line as it is written. `position` says nothing that the order of the lines does not.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    name_raw: Option<Cow<'a, str>>,
    #[serde(default)]
    size: u64,
    #[serde(borrow, default)]
    payload: Option<Cow<'a, str>>,
}

pub(super) fn parse(line: &[u8]) -> Result<Line<'_>, String> {
    if line.len() > MAX_LINE {
        return Err(format!("it is longer than {MAX_LINE} bytes"));
    }
    let written: Written<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    match written.kind {
        1 => {
            let mut name = Vec::new();
            match written.name_raw {
                // Names that are no UTF-8 are written as bytes.
                Some(raw) if !raw.is_empty() => {
                    base64::decode(raw.as_bytes(), &mut name).ok_or("its name is not base64")?;
                }
                _ => name.extend_from_slice(written.name.as_bytes()),
            }
            Ok(Line::File {
                name,
                size: written.size,
                checksum: written.payload.and_then(|text| checksum(&text)),
            })
        }
        2 => Ok(Line::Segment(match written.payload {
            Some(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Some(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            None => Cow::Borrowed(b""),
        })),
        other => Err(format!("it has the unknown type {other}")),
    }
}

/// A file's payload is the CRC of its contents, with the highest byte first. Whatever else it may be
/// decides nothing.
fn checksum(payload: &str) -> Option<u64> {
    let mut bytes = Vec::new();
    // Twelve digits stand for eight bytes.
    if payload.len() != 12 {
        return None;
    }
    base64::decode(payload.as_bytes(), &mut bytes)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
