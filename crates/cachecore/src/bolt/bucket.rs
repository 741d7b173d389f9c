use std::fmt;

use super::entries::Entries;
use super::page::{Holds, Page, u64_at};
use super::{Bolt, BoltError, Malformed, ReadAt};

/// Bytes of a bucket's header: its root page and its sequence.
const HEADER: usize = 16;

/// A bucket of a database: keys in order, each with a value or a bucket.
pub struct Bucket<'b, R> {
    bolt: &'b Bolt<R>,
    root: Root,
    /// The root pages of the buckets that this one lies in.
    inside: Vec<u64>,
}

#[derive(Clone)]
enum Root {
    /// A page of the file.
    Page(u64),
    /// The bytes of the only page, which lie in this page of the file.
    Inline(u64, Vec<u8>),
}

/// What stands behind a key.
#[derive(Debug)]
pub enum Entry<'b, R> {
    /// Bytes.
    Value(Vec<u8>),
    /// More keys.
    Bucket(Bucket<'b, R>),
}

impl<R> fmt::Debug for Bucket<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Page(page) => write!(f, "Bucket(page {page})"),
            Root::Inline(page, bytes) => write!(f, "Bucket({} bytes in page {page})", bytes.len()),
        }
    }
}

impl<'b, R: ReadAt> Bucket<'b, R> {
    pub(super) fn at_page(bolt: &'b Bolt<R>, page: u64) -> Self {
        Self {
            bolt,
            root: Root::Page(page),
            inside: Vec::new(),
        }
    }

    /// Its entries in order of their keys.
    pub fn entries(&self) -> Entries<'b, R> {
        Entries::of(Self {
            bolt: self.bolt,
            root: self.root.clone(),
            inside: self.inside.clone(),
        })
    }

    /// What stands behind a key.
    ///
    /// # Errors
    /// [`BoltError`] if a page on the way is damaged or beyond the limits.
    pub fn get(&self, key: &[u8]) -> Result<Option<Entry<'b, R>>, BoltError> {
        let mut page = self.root_page()?;
        for _ in 0..=self.bolt.limits.depth {
            let Some(element) = page.element_of(key) else {
                return Ok(None);
            };
            let next = match element.holds {
                Holds::Page(next) => next,
                _ if element.key != key => return Ok(None),
                holds => return self.entry(page.number(), holds).map(Some),
            };
            page = self.bolt.page(next)?;
        }
        Err(BoltError::TooLarge {
            page: page.number(),
            limit: "pages above each other",
        })
    }

    /// A value by its key; `None` also where a bucket stands there.
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoltError> {
        Ok(match self.get(key)? {
            Some(Entry::Value(value)) => Some(value),
            Some(Entry::Bucket(_)) | None => None,
        })
    }

    pub(super) fn bolt(&self) -> &'b Bolt<R> {
        self.bolt
    }

    pub(super) fn root_page(&self) -> Result<Page, BoltError> {
        match &self.root {
            Root::Page(page) => self.bolt.page(*page),
            Root::Inline(page, bytes) => Page::inline(*page, bytes.clone()),
        }
    }

    /// What an element of this bucket's page holds.
    pub(super) fn entry(&self, page: u64, holds: Holds<'_>) -> Result<Entry<'b, R>, BoltError> {
        let malformed = |problem| Err(BoltError::Page { page, problem });
        let bytes = match holds {
            Holds::Value(value) => return Ok(Entry::Value(value.to_vec())),
            Holds::Bucket(bytes) => bytes,
            Holds::Page(_) => return malformed(Malformed::Kind),
        };
        let (Some(root), Some(only_page)) = (u64_at(bytes, 0), bytes.get(HEADER..)) else {
            return malformed(Malformed::Bucket);
        };
        let mut inside = self.inside.clone();
        if let Root::Page(own) = self.root {
            inside.push(own);
        }
        let nested = match root {
            0 => Root::Inline(page, only_page.to_vec()),
            root if inside.contains(&root) => {
                return Err(BoltError::Page {
                    page: root,
                    problem: Malformed::Twice,
                });
            }
            root => Root::Page(root),
        };
        // Buckets inside a page only get smaller, and so need no count.
        if inside.len() > self.bolt.limits.depth {
            return Err(BoltError::TooLarge {
                page,
                limit: "buckets in buckets",
            });
        }
        Ok(Entry::Bucket(Self {
            bolt: self.bolt,
            root: nested,
            inside,
        }))
    }
}
