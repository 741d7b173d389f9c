//! Headers of an archive: ustar, with the extensions of POSIX (pax) and GNU, in the reading of Go's
//! `archive/tar`, which is what unpacked the layer.

use super::Odd;

const BLOCK: usize = 512;

/// A header with what extended it.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) device: (u32, u32),
    pub(super) capability: Option<Vec<u8>>,
}

/// What headers before the entry's own say about it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    gnu_name: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    capability: Option<Vec<u8>>,
}

/// How many bytes fill up the last block of contents of this size.
pub(super) fn padding(size: u64) -> usize {
    // Below 512.
    usize::try_from(size.next_multiple_of(BLOCK as u64) - size).unwrap_or(0)
}

/// A header that says something of others.
pub(super) struct Extends {
    /// Bytes that follow it.
    pub(super) size: u64,
    /// Whether it is archive-wide, and not of the next entry alone.
    pub(super) wide: bool,
}

/// `None` for an entry's own header.
pub(super) fn extension(block: &[u8; BLOCK]) -> Result<Option<Extends>, Odd> {
    checksum(block)?;
    match block[156] {
        b'x' | b'L' | b'K' | b'g' => Ok(Some(Extends {
            size: number(&block[124..136])?,
            wide: block[156] == b'g',
        })),
        _ => Ok(None),
    }
}

/// Reads the headers of one entry; `blocks` holds nothing else.
pub(super) fn read(blocks: &[u8]) -> Result<Header, Odd> {
    let cut = || Odd::Malformed("no whole header stands before it".to_owned());
    let mut rest = blocks;
    let mut extension = Extension::default();
    loop {
        let (block, behind) = rest.split_first_chunk::<BLOCK>().ok_or_else(cut)?;
        checksum(block)?;
        let kind = block[156];
        let size = number(&block[124..136])?;
        if !matches!(kind, b'x' | b'L' | b'K' | b'g') {
            if !behind.is_empty() {
                return Err(Odd::Malformed(
                    "more than its header stands before it".into(),
                ));
            }
            return header(block, kind, size, extension);
        }
        let length = usize::try_from(size).map_err(|_| cut())?;
        let data = behind.get(..length).ok_or_else(cut)?;
        rest = behind.get(length + padding(size)..).ok_or_else(cut)?;
        match kind {
            b'x' => extension.pax(data)?,
            b'L' => extension.gnu_name = Some(text(data).to_vec()),
            b'K' => extension.gnu_link = Some(text(data).to_vec()),
            // Go gives an archive-wide header as an entry of its own.
            _ if rest.is_empty() => {
                return Ok(Header {
                    name: text(&block[..100]).to_vec(),
                    link: Vec::new(),
                    kind,
                    size: 0,
                    mode: 0,
                    uid: 0,
                    gid: 0,
                    device: (0, 0),
                    capability: None,
                });
            }
            _ => {
                return Err(Odd::Malformed(
                    "an archive-wide header within another".into(),
                ));
            }
        }
    }
}

fn header(block: &[u8; BLOCK], kind: u8, size: u64, extension: Extension) -> Result<Header, Odd> {
    let mut name = text(&block[..100]).to_vec();
    // GNU's own form has other fields in the place of the prefix.
    if block[257..263] == *b"ustar\0" {
        let length = if block[508..512] == *b"tar\0" {
            131
        } else {
            155
        };
        let prefix = text(&block[345..345 + length]);
        if !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
    }
    let device = |field: &[u8]| {
        u32::try_from(number(field)?)
            .map_err(|_| Odd::Malformed("a device number out of range".into()))
    };
    let name = extension.gnu_name.or(extension.name).unwrap_or(name);
    let kind = match kind {
        0 if name.ends_with(b"/") => b'5',
        0 => b'0',
        kind => kind,
    };
    let devices = matches!(kind, b'3' | b'4');
    Ok(Header {
        link: extension
            .gnu_link
            .or(extension.link)
            .unwrap_or_else(|| text(&block[157..257]).to_vec()),
        kind,
        size: extension.size.unwrap_or(size),
        // The bits above are the file's kind, in some archives.
        mode: u32::try_from(number(&block[100..108])? & 0o7777).unwrap_or(0),
        uid: match extension.uid {
            Some(uid) => uid,
            None => number(&block[108..116])?,
        },
        gid: match extension.gid {
            Some(gid) => gid,
            None => number(&block[116..124])?,
        },
        device: if devices {
            (device(&block[329..337])?, device(&block[337..345])?)
        } else {
            (0, 0)
        },
        capability: extension.capability,
        name,
    })
}

impl Extension {
    /// Records of the form `<length> <key>=<value>\n`, the length counting all of it.
    fn pax(&mut self, mut data: &[u8]) -> Result<(), Odd> {
        let malformed =
            || Odd::Malformed("an extended header that is none stands before it".into());
        while !data.is_empty() {
            let space = data
                .iter()
                .take(20)
                .position(|b| *b == b' ')
                .ok_or_else(malformed)?;
            let length: usize = decimal(&data[..space])
                .and_then(|length| usize::try_from(length).ok())
                .ok_or_else(malformed)?;
            let record = data.get(space + 1..length).ok_or_else(malformed)?;
            let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
            let equals = record
                .iter()
                .position(|b| *b == b'=')
                .ok_or_else(malformed)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            data = &data[length..];
            if key.starts_with(b"GNU.sparse.") {
                return Err(Odd::Unsupported(
                    "a file that is noted with its holes".into(),
                ));
            }
            let number = || decimal(value).map(Some).ok_or_else(malformed);
            match key {
                // An empty value takes back what came before.
                b"path" => self.name = (!value.is_empty()).then(|| value.to_vec()),
                b"linkpath" => self.link = (!value.is_empty()).then(|| value.to_vec()),
                b"size" if !value.is_empty() => self.size = number()?,
                b"uid" if !value.is_empty() => self.uid = number()?,
                b"gid" if !value.is_empty() => self.gid = number()?,
                b"SCHILY.xattr.security.capability" => {
                    self.capability = (!value.is_empty()).then(|| value.to_vec());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// A number in octal digits, or in GNU's binary form, which has its first bit set.
fn number(field: &[u8]) -> Result<u64, Odd> {
    let malformed = || Odd::Malformed("the header before it has a number that is none".to_owned());
    if field[0] & 0x80 != 0 {
        if field[0] & 0x40 != 0 {
            return Err(malformed());
        }
        return field.iter().enumerate().try_fold(0u64, |sum, (at, byte)| {
            let bits = if at == 0 { byte & 0x3f } else { *byte };
            sum.checked_mul(256)
                .map(|sum| sum + u64::from(bits))
                .ok_or_else(malformed)
        });
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0u64, |sum, digit| match digit {
        b'0'..=b'7' => sum
            .checked_mul(8)
            .map(|sum| sum + u64::from(digit - b'0'))
            .ok_or_else(malformed),
        _ => Err(malformed()),
    })
}

/// The sum over all bytes, with blanks in the place of the sum itself; some old archives have summed
/// up signed bytes.
fn checksum(block: &[u8; BLOCK]) -> Result<(), Odd> {
    let bytes = || {
        block.iter().enumerate().map(|(at, byte)| {
            if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            }
        })
    };
    let noted = number(&block[148..156])?;
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    if noted == unsigned || i64::try_from(noted) == Ok(signed) {
        return Ok(());
    }
    Err(Odd::Malformed(
        "the header before it has a wrong checksum".to_owned(),
    ))
}
