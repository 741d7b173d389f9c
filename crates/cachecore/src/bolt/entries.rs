use std::collections::HashSet;
use std::fmt;

use super::bucket::{Bucket, Entry};
use super::page::{Holds, Page};
use super::{BoltError, Malformed, ReadAt};

/// A key, and what stands behind it.
type Found<'b, R> = (Vec<u8>, Entry<'b, R>);

/// The entries of a bucket, in order. Ends after the first error.
pub struct Entries<'b, R> {
    bucket: Bucket<'b, R>,
    /// The pages from the root to where it stands, each with the next of its elements.
    way: Vec<(Page, usize)>,
    visited: HashSet<u64>,
    last: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Among,
    Ended,
}

impl<R> fmt::Debug for Entries<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({:?} of {:?})", self.state, self.bucket)
    }
}

impl<'b, R: ReadAt> Entries<'b, R> {
    pub(super) fn of(bucket: Bucket<'b, R>) -> Self {
        Self {
            bucket,
            way: Vec::new(),
            visited: HashSet::new(),
            last: Vec::new(),
            state: State::Before,
        }
    }

    fn step(&mut self) -> Result<Option<Found<'b, R>>, BoltError> {
        if self.state == State::Before {
            self.state = State::Among;
            let root = self.bucket.root_page()?;
            self.visited.insert(root.number());
            self.way.push((root, 0));
        }
        while let Some((page, next)) = self.way.last_mut() {
            let Some(element) = page.element(*next) else {
                self.way.pop();
                continue;
            };
            *next += 1;
            let Holds::Page(below) = element.holds else {
                if element.key <= self.last.as_slice() {
                    return Err(page.malformed(Malformed::Order));
                }
                self.last = element.key.to_vec();
                let entry = self.bucket.entry(page.number(), element.holds)?;
                return Ok(Some((self.last.clone(), entry)));
            };
            if !self.visited.insert(below) {
                return Err(BoltError::Page {
                    page: below,
                    problem: Malformed::Twice,
                });
            }
            if self.way.len() > self.bucket.bolt().limits.depth {
                return Err(BoltError::TooLarge {
                    page: below,
                    limit: "pages above each other",
                });
            }
            self.way.push((self.bucket.bolt().page(below)?, 0));
        }
        Ok(None)
    }
}

impl<'b, R: ReadAt> Iterator for Entries<'b, R> {
    /// A key, and what stands behind it.
    type Item = Result<Found<'b, R>, BoltError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.state = State::Ended;
            self.way.clear();
        }
        step.transpose()
    }
}
