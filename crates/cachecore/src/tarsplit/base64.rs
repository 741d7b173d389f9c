//! Strict base64 with padding (RFC 4648, section 4), as Go's `encoding/json` writes bytes.

/// Appends what `text` stands for to `bytes`; `None`, with some of it appended, if it is no base64.
pub(super) fn decode(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    if !text.len().is_multiple_of(4) {
        return None;
    }
    bytes.reserve(text.len() / 4 * 3);
    let (body, last) = text.split_at(text.len() - 4);
    for four in body.chunks_exact(4) {
        let bits = group(four)?;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    let filled = last.iter().position(|byte| *byte == b'=').unwrap_or(4);
    if filled < 2 || last[filled..].iter().any(|byte| *byte != b'=') {
        return None;
    }
    let mut four = [b'A'; 4];
    four[..filled].copy_from_slice(&last[..filled]);
    let bits = group(&four)?.to_be_bytes();
    // Bits beyond the last byte would be a second spelling of the same bytes.
    if bits[filled..].iter().any(|byte| *byte != 0) {
        return None;
    }
    bytes.extend_from_slice(&bits[1..filled]);
    Some(())
}

fn group(four: &[u8]) -> Option<u32> {
    let mut bits = 0;
    for byte in four {
        let value = VALUES[usize::from(*byte)];
        if value == NONE {
            return None;
        }
        bits = bits << 6 | u32::from(value);
    }
    Some(bits)
}

const NONE: u8 = 0xff;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < alphabet.len() {
        values[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn only_the_one_spelling_is_taken() {
        let decoded = |text: &str| {
            let mut bytes = Vec::new();
            decode(text.as_bytes(), &mut bytes).map(|()| bytes)
        };
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decoded(text), Some(bytes.as_bytes().to_vec()), "{text}");
        }
        for text in [
            "Zg", "Zg=", "Zh==", "Zm9=", "=m9v", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm-_",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
