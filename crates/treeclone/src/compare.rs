//! Compares two trees.

use std::ffi::CString;
use std::fmt;
use std::iter::Peekable;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::vec::IntoIter;

use rustix::fs::FileType;

use crate::copy::PathTest;
use crate::entry::{Entry, Id};
use crate::error::{Error, Failure};
use crate::listing::{Listed, Lister};
use crate::path::{Shown, TreePath};
use side::Side;

mod entries;
mod side;

/// What counts as a difference. Kind, mode, owner, device numbers, sizes of files and targets of
/// symlinks always do.
#[derive(Clone, Copy)]
pub struct CompareOptions<'a> {
    /// Modification times of files, folders and symlinks, to the nanosecond.
    pub times: bool,
    /// Sockets. `false` ignores them on both sides.
    pub sockets: bool,
    /// The bytes in files.
    pub content: bool,
    /// Which entries are names of the same file.
    pub hard_links: bool,
    /// Extended attributes, those whose names this says `true` to.
    pub xattrs: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// Asked with the path relative to the trees (`b"overlay2/abc/diff"`) of every entry but the
    /// roots; `true` ignores the entry and all below it on both sides.
    pub skip: Option<PathTest<'a>>,
}

impl CompareOptions<'_> {
    /// Everything counts.
    #[must_use]
    pub fn exact() -> Self {
        Self {
            times: true,
            sockets: true,
            content: true,
            hard_links: true,
            xattrs: &|_| true,
            skip: None,
        }
    }
}

impl fmt::Debug for CompareOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompareOptions")
            .field("times", &self.times)
            .field("sockets", &self.sockets)
            .field("content", &self.content)
            .field("hard_links", &self.hard_links)
            .field("skip", &self.skip.map(|_| ".."))
            .finish_non_exhaustive()
    }
}

/// How two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which entry differs, relative to the trees.
    pub path: TreePath,
    /// In what.
    pub what: Aspect,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// What can differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aspect {
    /// The second tree has no such entry.
    OnlyInFirst,
    /// The first tree has no such entry.
    OnlyInSecond,
    /// One is a folder, say, and the other a file.
    Kind,
    /// Permissions, setuid, setgid or sticky.
    Mode,
    /// User or group.
    Owner,
    /// The size of a file.
    Size,
    /// The bytes in a file.
    Content,
    /// Where a symlink leads.
    Target,
    /// The device numbers.
    Device,
    /// The modification time.
    Time,
    /// The extended attribute of this name, its value or whether there is one.
    Xattr(Vec<u8>),
    /// The entry is another name of an earlier one in one tree only.
    HardLinks,
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyInFirst => "only in the first tree",
            Self::OnlyInSecond => "only in the second tree",
            Self::Kind => "the kind of entry differs",
            Self::Mode => "the mode differs",
            Self::Owner => "the owner differs",
            Self::Size => "the size differs",
            Self::Content => "the content differs",
            Self::Target => "the target of the symlink differs",
            Self::Device => "the device numbers differ",
            Self::Time => "the modification time differs",
            Self::Xattr(name) => {
                return write!(f, "the extended attribute {} differs", Shown(name));
            }
            Self::HardLinks => "it is a hard link to an earlier entry in one tree only",
        })
    }
}

/// The first difference between the folders `a` and `b` and all below them, in the order of names
/// (each folder before what is in it), or `None` if there is none. In a folder of thousands of entries
/// it is in the order of the filesystem. The roots are compared too.
/// Access times are neither compared nor, where the caller may ask for that, moved.
///
/// # Errors
/// The first error ends it; a mount point inside a tree is refused.
pub fn compare_trees(
    a: BorrowedFd<'_>,
    b: BorrowedFd<'_>,
    options: &CompareOptions<'_>,
) -> Result<Option<Difference>, Error> {
    let at_root = |failure: Failure| failure.at(TreePath::default());
    let (first, second) = (
        Side::new(a).map_err(at_root)?,
        Side::new(b).map_err(at_root)?,
    );
    let mut comparison = Comparison {
        first,
        second,
        options,
        facts: entries::Facts::new(options),
        lister: Lister::default(),
        waiting: 0,
    };
    comparison.run()
}

struct Comparison<'a> {
    first: Side,
    second: Side,
    options: &'a CompareOptions<'a>,
    facts: entries::Facts<'a>,
    lister: Lister,
    /// Names still to be compared, in all folders on the way down.
    waiting: usize,
}

/// Names that wait at once. A folder may have millions.
const WAITING: usize = 32 << 10;
/// So many of a folder are listed where that many wait already: trees of any depth are compared.
const LEAST: usize = 4;

/// A folder on the way down: what was listed of it and is still to be compared.
struct Level {
    left: Names,
    right: Names,
    pass: Pass,
}

/// How a folder's names are paired.
#[derive(Clone, Copy)]
enum Pass {
    /// Both sides are listed, and in order.
    Both,
    /// There are too many. Those of the first tree are looked up in the second, in parts of which the
    /// next one begins here;
    First(Option<u64>),
    /// then it is seen whether the second tree has others.
    Second(Option<u64>),
}

type Names = Peekable<IntoIter<Listed>>;
/// Where a name is listed: in the first tree, in the second.
type Places = (Option<Listed>, Option<Listed>);

impl Comparison<'_> {
    fn run(&mut self) -> Result<Option<Difference>, Error> {
        let (a, b) = (self.first.descent.fd(), self.second.descent.fd());
        let roots = Entry::of(a)
            .and_then(|x| Ok((x, Entry::of(b)?)))
            .and_then(|(x, y)| self.facts.differ((a, &x), (b, &y)));
        if let Some(what) = roots.map_err(|failure| failure.at(TreePath::default()))? {
            return Ok(Some(Difference {
                path: TreePath::default(),
                what,
            }));
        }
        let mut levels = vec![self.level()?];
        while let Some(level) = levels.last_mut() {
            let Some((name, pair)) = self.next(level)? else {
                levels.pop();
                for side in [&mut self.first, &mut self.second] {
                    let descent = &mut side.descent;
                    descent
                        .leave()
                        .map_err(|failure| failure.at(descent.path()))?;
                }
                continue;
            };
            let path = |this: &Self| this.first.descent.path_to(&name);
            let (x, y) = match &pair {
                (Some(x), Some(y)) => (x, y),
                (_, None) => {
                    return Ok(Some(Difference {
                        path: path(self),
                        what: Aspect::OnlyInFirst,
                    }));
                }
                (None, _) => {
                    return Ok(Some(Difference {
                        path: path(self),
                        what: Aspect::OnlyInSecond,
                    }));
                }
            };
            match self.entry(x, y).map_err(|failure| failure.at(path(self)))? {
                Found::Difference(what) => {
                    return Ok(Some(Difference {
                        path: path(self),
                        what,
                    }));
                }
                Found::Same => {}
                Found::Folders((fd, id), (other, other_id)) => {
                    self.first.descent.enter(fd, id, name.clone());
                    self.second.descent.enter(other, other_id, name);
                    levels.push(self.level()?);
                }
            }
        }
        Ok(None)
    }

    /// How many names may be listed of a folder's side.
    fn room(&self) -> usize {
        (WAITING.saturating_sub(self.waiting) / 4).max(LEAST)
    }

    /// The folder that was just entered.
    fn level(&mut self) -> Result<Level, Error> {
        let (room, lister, options) = (self.room(), &mut self.lister, self.options);
        let (mut left, more) = self.first.part(lister, options, 0, room)?;
        let (mut right, other) = self.second.part(lister, options, 0, room)?;
        let pass = match (more, other) {
            (None, None) => Pass::Both,
            _ => {
                right.clear();
                Pass::First(more)
            }
        };
        for names in [&mut left, &mut right] {
            names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            self.waiting += names.len();
        }
        Ok(Level {
            left: left.into_iter().peekable(),
            right: right.into_iter().peekable(),
            pass,
        })
    }

    /// The next name in a folder and where it is listed.
    fn next(&mut self, level: &mut Level) -> Result<Option<(CString, Places)>, Error> {
        loop {
            if let Some((name, pair)) = next_pair(&mut level.left, &mut level.right) {
                self.waiting -= usize::from(pair.0.is_some()) + usize::from(pair.1.is_some());
                match (level.pass, pair) {
                    (Pass::Both, pair) => return Ok(Some((name, pair))),
                    (Pass::First(_), (left, _)) => {
                        let right = self.second.find(self.options, &name)?;
                        return Ok(Some((name, (left, right))));
                    }
                    (Pass::Second(_), (_, right)) => {
                        if self.first.find(self.options, &name)?.is_none() {
                            return Ok(Some((name, (None, right))));
                        }
                        continue;
                    }
                }
            }
            let (side, from) = match level.pass {
                Pass::Both | Pass::Second(None) => return Ok(None),
                Pass::First(Some(from)) => (&self.first, from),
                Pass::First(None) => (&self.second, 0),
                Pass::Second(Some(from)) => (&self.second, from),
            };
            let room = self.room();
            let (names, unread) = side.part(&mut self.lister, self.options, from, room)?;
            self.waiting += names.len();
            let names = names.into_iter().peekable();
            match level.pass {
                Pass::First(Some(_)) => (level.left, level.pass) = (names, Pass::First(unread)),
                _ => (level.right, level.pass) = (names, Pass::Second(unread)),
            }
        }
    }

    fn entry(&mut self, x: &Listed, y: &Listed) -> Result<Found, Failure> {
        let ((a, x), (b, y)) = (self.first.open(x)?, self.second.open(y)?);
        Ok(match self.facts.differ((a.as_fd(), &x), (b.as_fd(), &y))? {
            Some(what) => Found::Difference(what),
            None if x.kind == FileType::Directory => Found::Folders((a, x.id), (b, y.id)),
            None => Found::Same,
        })
    }
}

enum Found {
    Same,
    Difference(Aspect),
    Folders((OwnedFd, Id), (OwnedFd, Id)),
}

/// The next name of the two sorted lists and where it is listed.
fn next_pair(left: &mut Names, right: &mut Names) -> Option<(CString, Places)> {
    let name = match (left.peek(), right.peek()) {
        (Some(x), Some(y)) => (&x.name).min(&y.name),
        (Some(one), None) | (None, Some(one)) => &one.name,
        (None, None) => return None,
    };
    let name = name.clone();
    let take = |names: &mut Names| names.next_if(|listed| listed.name == name);
    let pair = (take(left), take(right));
    Some((name, pair))
}
