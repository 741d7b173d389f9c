//! What is read from stdin, so that it can be handed on: as often as it is needed, and to a program that
//! takes this process's place. It is kept in memory and never on disk, because there may be secrets in it.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::IntoRawFd;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, SealFlags, memfd_create};

/// A text that programs read from their stdin.
#[derive(Debug)]
pub(crate) struct Input {
    file: File,
}

impl Input {
    /// A text that there is.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn of(bytes: &[u8]) -> io::Result<Self> {
        let mut file = File::from(memfd_create(c"stdin", MemfdFlags::CLOEXEC)?);
        file.write_all(bytes)?;
        Ok(Self { file })
    }

    /// All of this process's stdin, which is replaced by it: whatever reads there later reads the same from
    /// the beginning. `None` in place of the text if it has more bytes than `most`.
    ///
    /// # Errors
    /// If it cannot be read or kept. Some of it may be gone then.
    pub(crate) fn take(most: u64) -> io::Result<(Self, Option<Vec<u8>>)> {
        let mut bytes = Vec::new();
        let mut stdin = io::stdin().lock();
        stdin.by_ref().take(most + 1).read_to_end(&mut bytes)?;
        let mut input = Self::of(&bytes)?;
        let is_all = bytes.len() as u64 <= most;
        if !is_all {
            drop(bytes);
            io::copy(&mut stdin, &mut input.file)?;
            input.file.rewind()?;
            rustix::stdio::dup2_stdin(&input.file)?;
            return Ok((input, None));
        }
        input.file.rewind()?;
        rustix::stdio::dup2_stdin(&input.file)?;
        Ok((input, Some(bytes)))
    }

    /// For the next program, from the beginning. One program at a time: they share the place in it.
    ///
    /// # Errors
    /// If the process has too many open files.
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file.into())
    }

    /// A file that the program which takes this process's place can open, without anything on disk. Nobody
    /// can change it.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn to_be_opened(bytes: &[u8]) -> io::Result<String> {
        let flags = MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(memfd_create(c"file", flags)?);
        file.write_all(bytes)?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&file, seals)?;
        // It stays open, whatever this process becomes.
        Ok(format!("/proc/self/fd/{}", file.into_raw_fd()))
    }

    /// For the program that takes this process's place, if [`Input::take`] was called.
    pub(crate) fn rewind(&self) {
        let _ = (&self.file).rewind();
    }
}
