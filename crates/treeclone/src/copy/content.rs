//! Copies the content of one file, holes as holes.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::entry::Entry;
use crate::error::{During, Failure, Operation};
use crate::observer::Tally;

/// Between two looks at whether to stop.
const STRIDE: usize = 16 << 20;
/// For moving bytes through this process.
const BUFFER: usize = 256 << 10;
/// Below this one read and one write beat setting up a copy inside the kernel, and a hole is worth
/// no search.
const SMALL: u64 = 64 << 10;

/// What the threads learned about this pair of filesystems.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    /// The kernel does not copy between them.
    no_range: AtomicBool,
}

/// Moves bytes, keeping the memory for it.
#[derive(Debug)]
pub(super) struct Mover<'a> {
    lessons: &'a Lessons,
    buffer: Vec<u8>,
}

impl<'a> Mover<'a> {
    pub(super) fn new(lessons: &'a Lessons) -> Self {
        Self {
            lessons,
            buffer: Vec::new(),
        }
    }

    /// Copies what `entry` says there is from the start of both files, and returns the number of
    /// bytes written. What was added to the source since is left out; if some is missing, that is
    /// an error.
    pub(super) fn copy(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        entry: &Entry,
        tally: &mut Tally<'_>,
    ) -> Result<u64, Failure> {
        let size = entry.size;
        if size <= SMALL && entry.allocated >= size {
            return self.through_here(source, target, 0, size, tally);
        }
        let (mut position, mut written) = (0, 0);
        while position < size {
            let Some((start, end)) = data_after(source, position, size)? else {
                break;
            };
            written += self.extent(source, target, start, end, tally)?;
            position = end;
        }
        if position < size {
            // The file ends in a hole.
            rustix::fs::ftruncate(target, size).during(Operation::Write)?;
        }
        Ok(written)
    }

    fn extent(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        start: u64,
        end: u64,
        tally: &mut Tally<'_>,
    ) -> Result<u64, Failure> {
        let (mut from, mut to) = (start, start);
        while to < end && !self.lessons.no_range.load(Ordering::Relaxed) {
            let length = usize::try_from(end - to).map_or(STRIDE, |length| length.min(STRIDE));
            match rustix::fs::copy_file_range(
                source,
                Some(&mut from),
                target,
                Some(&mut to),
                length,
            ) {
                // The end of the file, or a filesystem that says so and should not: reading tells.
                Ok(0) => break,
                Ok(copied) => advance(tally, copied)?,
                Err(Errno::INTR) => {}
                Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                    self.lessons.no_range.store(true, Ordering::Relaxed);
                }
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(Failure::Refused(Operation::Write, errno)),
            }
        }
        Ok(to - start + self.through_here(source, target, to, end, tally)?)
    }

    fn through_here(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        start: u64,
        end: u64,
        tally: &mut Tally<'_>,
    ) -> Result<u64, Failure> {
        let mut position = start;
        while position < end {
            self.buffer.resize(BUFFER, 0);
            let room = usize::try_from(end - position).map_or(BUFFER, |left| left.min(BUFFER));
            let buffer = &mut self.buffer[..room];
            let read =
                rustix::io::retry_on_intr(|| rustix::io::pread(source, &mut *buffer, position))
                    .during(Operation::Read)?;
            if read == 0 {
                return Err(Failure::Changed);
            }
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let wrote =
                    rustix::io::retry_on_intr(|| rustix::io::pwrite(target, rest, position))
                        .during(Operation::Write)?;
                rest = &rest[wrote..];
                position += wrote as u64;
            }
            advance(tally, read)?;
        }
        Ok(position - start)
    }
}

fn advance(tally: &mut Tally<'_>, bytes: usize) -> Result<(), Failure> {
    tally.add(0, bytes as u64);
    if tally.interrupted() {
        Err(Failure::Interrupted)
    } else {
        Ok(())
    }
}

/// The next stretch of data at or after `position`, as start and end; none if only holes follow.
fn data_after(
    file: BorrowedFd<'_>,
    position: u64,
    size: u64,
) -> Result<Option<(u64, u64)>, Failure> {
    let start = match rustix::fs::seek(file, SeekFrom::Data(position)) {
        Ok(start) if start >= size => return Ok(None),
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // The filesystem knows nothing of holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((position, size))),
        Err(errno) => return Err(Failure::Refused(Operation::Read, errno)),
    };
    match rustix::fs::seek(file, SeekFrom::Hole(start)) {
        Ok(end) if end > start => Ok(Some((start, end.min(size)))),
        // Punched or cut off since.
        Ok(_) | Err(Errno::NXIO) => Err(Failure::Changed),
        Err(errno) => Err(Failure::Refused(Operation::Read, errno)),
    }
}
