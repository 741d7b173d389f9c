use std::ops::Range;

use super::{BoltError, Malformed};

/// Bytes of a page's header.
pub(super) const HEADER: usize = 16;
/// Bytes of an element, in a branch and in a leaf.
const ELEMENT: usize = 16;
/// Longest key that bolt takes.
const MAX_KEY: usize = 32_768;

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// The flag of a leaf element whose value is a bucket.
const BUCKET: u32 = 1;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// How many pages follow this one and belong to it.
pub(super) fn overflow(page: &[u8]) -> Option<u32> {
    u32_at(page, 12)
}

/// A branch or leaf page whose every element lies in it, in order.
#[derive(Debug)]
pub(super) struct Page {
    number: u64,
    bytes: Vec<u8>,
    leaf: bool,
    count: usize,
}

/// An element of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'p> {
    pub(super) key: &'p [u8],
    pub(super) holds: Holds<'p>,
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds<'p> {
    /// The keys from this one on, up to the next element's.
    Page(u64),
    /// A bucket: its header, and its only page if that is small.
    Bucket(&'p [u8]),
    Value(&'p [u8]),
}

impl Page {
    /// Takes a page of the file.
    pub(super) fn parse(number: u64, bytes: Vec<u8>) -> Result<Self, BoltError> {
        match u64_at(&bytes, 0) {
            Some(own) if own != number => Err(BoltError::Page {
                page: number,
                problem: Malformed::Misnamed(own),
            }),
            _ => Self::checked(number, bytes),
        }
    }

    /// Takes the page inside a bucket's value. `number` is the page that the value lies in.
    pub(super) fn inline(number: u64, bytes: Vec<u8>) -> Result<Self, BoltError> {
        let page = Self::checked(number, bytes)?;
        if page.leaf {
            Ok(page)
        } else {
            Err(page.malformed(Malformed::Kind))
        }
    }

    fn checked(number: u64, bytes: Vec<u8>) -> Result<Self, BoltError> {
        let mut page = Self {
            number,
            leaf: true,
            count: usize::from(u16_at(&bytes, 10).unwrap_or_default()),
            bytes,
        };
        page.leaf = match u16_at(&page.bytes, 8) {
            Some(LEAF) => true,
            Some(BRANCH) => false,
            _ => return Err(page.malformed(Malformed::Kind)),
        };
        if !page.leaf && page.count == 0 {
            return Err(page.malformed(Malformed::EmptyBranch));
        }
        page.check_elements()?;
        Ok(page)
    }

    /// Bolt packs keys and values behind all elements, in their order. Holding it to that keeps what
    /// a page yields within what it has bytes for.
    fn check_elements(&self) -> Result<(), BoltError> {
        let mut free = HEADER + ELEMENT * self.count;
        let mut last: &[u8] = &[];
        for nth in 0..self.count {
            let (key, value) = self
                .ranges(nth)
                .filter(|(key, _)| key.start >= free)
                .ok_or_else(|| self.malformed(Malformed::Element))?;
            free = value.end;
            if free > self.bytes.len() {
                return Err(self.malformed(Malformed::Element));
            }
            let key = &self.bytes[key];
            let may_be_empty = !self.leaf && nth == 0;
            if key.is_empty() && !may_be_empty || key.len() > MAX_KEY {
                return Err(self.malformed(Malformed::Key));
            }
            if nth > 0 && key <= last {
                return Err(self.malformed(Malformed::Order));
            }
            last = key;
        }
        Ok(())
    }

    /// Where an element's key and value lie; in a branch the value is empty.
    fn ranges(&self, nth: usize) -> Option<(Range<usize>, Range<usize>)> {
        let element = HEADER + ELEMENT * nth;
        let field = |at| Some(u32_at(&self.bytes, element + at)? as usize);
        let (position, key, value) = if self.leaf {
            (field(4)?, field(8)?, field(12)?)
        } else {
            (field(0)?, field(4)?, 0)
        };
        let key_at = element.checked_add(position)?;
        let value_at = key_at.checked_add(key)?;
        Some((key_at..value_at, value_at..value_at.checked_add(value)?))
    }

    /// One of its elements.
    pub(super) fn element(&self, nth: usize) -> Option<Element<'_>> {
        if nth >= self.count {
            return None;
        }
        let at = HEADER + ELEMENT * nth;
        let (key, value) = self.ranges(nth)?;
        let value = self.bytes.get(value)?;
        Some(Element {
            key: self.bytes.get(key)?,
            holds: if !self.leaf {
                Holds::Page(u64_at(&self.bytes, at + 8)?)
            } else if u32_at(&self.bytes, at)? & BUCKET != 0 {
                Holds::Bucket(value)
            } else {
                Holds::Value(value)
            },
        })
    }

    /// The element that a key is in or under: the last one that is not behind it.
    pub(super) fn element_of(&self, key: &[u8]) -> Option<Element<'_>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.element(middle)?.key <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.element(low.checked_sub(1)?)
    }

    /// The page of the file that it is or lies in.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn malformed(&self, problem: Malformed) -> BoltError {
        BoltError::Page {
            page: self.number,
            problem,
        }
    }
}
