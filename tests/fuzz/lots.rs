//! Drawing lots: a generator with a seed (xorshift64*), and what data roots are full of.

pub(crate) struct Lots(u64);

impl Lots {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end.max(1)
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most);
        (0..length)
            .map(|_| u8::try_from(self.below(256)).unwrap())
            .collect()
    }

    /// A cache id out of a few, so that what refers to another mostly finds it.
    pub(crate) fn folder(&mut self) -> Vec<u8> {
        let known: [&[u8]; 9] = [
            b"aa",
            b"bb",
            b"cc",
            b"aa-init",
            b"l",
            b"..",
            b"a/b",
            b"new\nline",
            b"\xff\xfe",
        ];
        let common = self.below(known.len() * 2) % 4;
        match self.below(12) {
            0 => self.bytes(20),
            1 => self.one_of(&known).to_vec(),
            _ => known[common].to_vec(),
        }
    }

    pub(crate) fn chain(&mut self) -> String {
        self.one_of(&["a", "b", "c", "d"])
            .repeat(if self.once_in(12) { 63 } else { 64 })
    }

    pub(crate) fn short(&mut self) -> String {
        self.one_of(&["AA", "BB", "CC", "DD", "..", "", "a-b", "../.."])
            .to_owned()
    }

    /// Where a link may lead.
    pub(crate) fn target(&mut self) -> Vec<u8> {
        match self.below(9) {
            0 => b"/".to_vec(),
            1 => b"../../../../../../etc".to_vec(),
            2 => self.bytes(30),
            3 => format!("/store/layers/{}/diff/", self.chain()).into_bytes(),
            4 => b"/store/layers/../sessions/diff".to_vec(),
            5 => [b"../", self.folder().as_slice(), b"/diff"].concat(),
            6 => [b"/store/layers/snap-", self.folder().as_slice(), b"/diff"].concat(),
            _ => format!("/store/layers/{}/diff", self.chain()).into_bytes(),
        }
    }
}
