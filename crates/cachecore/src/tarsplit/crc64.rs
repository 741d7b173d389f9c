//! The checksum that a description notes of each file: CRC-64 of ISO 3309, as Go's `hash/crc64` has it.
//! It finds a file that rotted; against somebody who means harm it says nothing.

/// The polynomial, its lowest power in the highest bit.
const POLYNOMIAL: u64 = 0xd800_0000_0000_0000;

const TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        let mut rest = at as u64;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 {
                rest >> 1 ^ POLYNOMIAL
            } else {
                rest >> 1
            };
            bit += 1;
        }
        table[at] = rest;
        at += 1;
    }
    table
}

/// A checksum in the making.
#[derive(Debug, Clone, Copy)]
pub struct Crc64(u64);

impl Default for Crc64 {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Crc64 {
    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [.., lowest] = self.0.to_be_bytes();
            self.0 = TABLE[usize::from(lowest ^ byte)] ^ self.0 >> 8;
        }
    }

    /// The checksum of what was taken so far.
    pub fn value(self) -> u64 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_of_the_catalogue() {
        let mut crc = Crc64::default();
        crc.update(b"1234");
        crc.update(b"56789");
        // CRC-64/GO-ISO in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc.value(), 0xb909_56c7_75a4_1001);
        assert_eq!(Crc64::default().value(), 0);
    }
}
