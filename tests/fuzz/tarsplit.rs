//! Arbitrary descriptions of layers: good ones with a few bytes changed, and noise.

use cachecore::tarsplit::{Parser, Step};

use crate::lots::Lots;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut four = [0; 4];
        four[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(four);
        for place in 0..4 {
            let value = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
            let digit = char::from(ALPHABET[value]);
            text.push(if place > three.len() { '=' } else { digit });
        }
    }
    text
}

fn block(lots: &mut Lots, name: &[u8], size: usize) -> Vec<u8> {
    let mut block = vec![0; 512];
    let length = name.len().min(100);
    block[..length].copy_from_slice(&name[..length]);
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = lots.one_of(&[b"0", b"1", b"2", b"3", b"5", b"6", b"x", b"g", b"L", b"S"])[0];
    let link = lots.target();
    let length = link.len().min(100);
    block[157..157 + length].copy_from_slice(&link[..length]);
    block[257..263].copy_from_slice(b"ustar\0");
    if lots.once_in(4) {
        let at = lots.below(512);
        block[at] = u8::try_from(lots.below(256)).unwrap();
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

#[test]
fn no_description_names_a_place_outside() {
    let (count, seed) = (crate::inputs(5_000), crate::seed());
    let mut entries = 0;
    for number in seed..seed + count {
        let mut lots = Lots::new(number);
        let mut parser = Parser::default();
        for _ in 0..lots.below(6) {
            let name = match lots.below(4) {
                0 => lots.bytes(120),
                1 => lots.target(),
                2 => b"a/.wh.b".to_vec(),
                _ => lots.folder(),
            };
            let size = lots.below(3) * 100;
            let mut lines = vec![
                format!(
                    "{{\"type\":2,\"payload\":\"{}\"}}",
                    base64(&block(&mut lots, &name, size))
                ),
                format!(
                    "{{\"type\":1,\"name_raw\":\"{}\",\"size\":{size}}}",
                    base64(&name)
                ),
                format!(
                    "{{\"type\":2,\"payload\":\"{}\"}}",
                    base64(&vec![0; size.next_multiple_of(512) - size])
                ),
            ];
            if lots.once_in(6) {
                let noise = String::from_utf8_lossy(&lots.bytes(60)).into_owned();
                let at = lots.below(lines.len());
                lines[at] = noise;
            }
            for line in lines {
                let Ok(step) = parser.line(line.as_bytes()) else {
                    break;
                };
                if let Step::Entry(entry) = step {
                    entries += 1;
                    let inside = entry.path.is_empty()
                        || entry
                            .path
                            .split(|b| *b == b'/')
                            .all(|name| !matches!(name, b"" | b"." | b".."));
                    assert!(
                        inside && !entry.path.contains(&0),
                        "seed {number}: {entry:?}"
                    );
                }
            }
        }
        let _ = parser.end();
    }
    assert!(
        entries > count / 10,
        "only {entries} entries in {count} descriptions"
    );
}
