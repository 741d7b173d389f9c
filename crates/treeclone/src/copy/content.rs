//! Gives a file the content of another, holes as holes.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::Sharing;
use super::lessons::{Devices, Lesson, Lessons};
use crate::entry::Entry;
use crate::error::{During, Failure, Operation};
use crate::observer::Tally;
use crate::sharing;
use crate::walk::pace::Pace;

/// Between two looks at whether to stop.
const STRIDE: usize = 16 << 20;
/// For moving bytes through this process.
const BUFFER: usize = 256 << 10;
/// Below this one read and one write beat setting up a copy inside the kernel, and a hole is worth
/// no search.
const SMALL: u64 = 64 << 10;

/// How a file got its content, and how many bytes of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given {
    Copied(u64),
    Shared(u64),
}

/// Moves bytes, keeping the memory for it.
#[derive(Debug)]
pub(super) struct Mover<'a> {
    lessons: &'a Lessons,
    sharing: Sharing,
    pace: &'a Pace,
    /// The devices of the last file and what is known of them: mostly those of the next one too.
    recent: Option<(Devices, Arc<Lesson>)>,
    buffer: Vec<u8>,
}

impl<'a> Mover<'a> {
    pub(super) fn new(lessons: &'a Lessons, sharing: Sharing, pace: &'a Pace) -> Self {
        Self {
            lessons,
            sharing,
            pace,
            recent: None,
            buffer: Vec::new(),
        }
    }

    /// Gives the empty file `target` on `device` what `entry` says there is in `source`. If some of
    /// it is missing, that is an error; what was added to the source since is left out where bytes
    /// are copied.
    pub(super) fn give(
        &mut self,
        source: BorrowedFd<'_>,
        entry: &Entry,
        target: BorrowedFd<'_>,
        device: u64,
        tally: &mut Tally<'_>,
    ) -> Result<Given, Failure> {
        if entry.size == 0 {
            return Ok(Given::Copied(0));
        }
        let lesson = self.lesson((entry.id.device, device));
        if self.share(source, target, &lesson)? {
            let bytes = entry.size.min(entry.allocated);
            tally.add(0, bytes);
            return Ok(Given::Shared(bytes));
        }
        let copied = self.copy(source, target, entry, &lesson, tally)?;
        Ok(Given::Copied(copied))
    }

    fn lesson(&mut self, devices: Devices) -> Arc<Lesson> {
        if let Some((recent, lesson)) = &self.recent
            && *recent == devices
        {
            return Arc::clone(lesson);
        }
        let lesson = self.lessons.of(devices);
        self.recent = Some((devices, Arc::clone(&lesson)));
        lesson
    }

    /// Says whether the target has all the blocks of the source now.
    fn share(
        &self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        lesson: &Lesson,
    ) -> Result<bool, Failure> {
        let always = self.sharing == Sharing::Always;
        let never = self.sharing == Sharing::Never;
        if never || (!always && lesson.no_sharing.load(Ordering::Relaxed)) {
            return Ok(false);
        }
        match rustix::io::retry_on_intr(|| rustix::fs::ioctl_ficlone(target, source)) {
            Ok(()) => Ok(true),
            Err(errno) if always => Err(Failure::Refused(Operation::Share, errno)),
            Err(errno) if sharing::never_between_them(errno) => {
                lesson.no_sharing.store(true, Ordering::Relaxed);
                Ok(false)
            }
            Err(errno) if sharing::not_this_file(errno) => Ok(false),
            Err(errno) => Err(Failure::Refused(Operation::Share, errno)),
        }
    }

    fn copy(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        entry: &Entry,
        lesson: &Lesson,
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
            written += self.extent(source, target, (start, end), lesson, tally)?;
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
        (start, end): (u64, u64),
        lesson: &Lesson,
        tally: &mut Tally<'_>,
    ) -> Result<u64, Failure> {
        let (mut from, mut to) = (start, start);
        // Where blocks can be shared, the kernel's copying shares them.
        let here = self.sharing == Sharing::Never;
        while to < end && !here && !lesson.no_range.load(Ordering::Relaxed) {
            let length = self.stride(end - to, STRIDE, tally)?;
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
                    lesson.no_range.store(true, Ordering::Relaxed);
                }
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(Failure::Refused(Operation::Write, errno)),
            }
        }
        Ok(to - start + self.through_here(source, target, to, end, tally)?)
    }

    /// How much of what is `left` to copy at once, at most `most`, having waited for it to be due.
    fn stride(&self, left: u64, most: usize, tally: &Tally<'_>) -> Result<usize, Failure> {
        let most = self.pace.stride(most);
        let stride = usize::try_from(left).map_or(most, |left| left.min(most));
        self.pace.take(stride as u64, &|| tally.interrupted())?;
        Ok(stride)
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
            let room = self.stride(end - position, BUFFER, tally)?;
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
