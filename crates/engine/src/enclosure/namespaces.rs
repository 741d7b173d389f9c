//! The system calls that put a thread and its children into namespaces of their own: the only
//! unsafe code of this crate.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::process::Signal;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Moves the calling thread, and what it spawns from now on, into new mount, network and IPC
/// namespaces, and gives it a current directory of its own (a mount namespace needs that).
pub(super) fn leave_the_host() -> io::Result<()> {
    let flags =
        UnshareFlags::FS | UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC;
    // SAFETY: `unshare_unsafe` is unsafe for CLONE_FILES only, which would take file descriptors
    // away from under the other threads; the flags here do not contain it.
    unsafe { unshare_unsafe(flags) }?;
    Ok(())
}

/// The next process that the calling thread spawns becomes pid 1 of a new pid namespace, and the
/// ones after it become its neighbours. The thread cannot start threads any more.
pub(super) fn begin_pid_namespace() -> io::Result<()> {
    // SAFETY: as above, CLONE_FILES is not among the flags.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID) }?;
    Ok(())
}

/// Prepares `command` to run as pid 1 of the enclosure: it dies with the thread that spawned it,
/// `/proc` shows the enclosure's processes, and a terminal's Ctrl-C does not reach it.
///
/// `parent` is the spawning process, as `/proc` numbers it (see [`own_pid_in_proc`]).
pub(super) fn make_init(command: &mut Command, parent: u32) {
    let prepare = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The signal comes only for a parent that dies from now on. `getppid` cannot tell whether
        // it has died already, since it is always 0 for pid 1; the host's /proc, which is still
        // mounted, knows.
        if parent_in_proc()? != parent {
            return Err(Errno::SRCH.into());
        }
        // Only a process inside the pid namespace can mount the proc that shows it.
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        rustix::mount::mount(c"proc", c"/proc", c"proc", flags, None)?;
        rustix::process::setsid()?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `prepare` makes
    // system calls with constant strings, reads into an array on the stack, and makes errors out
    // of errnos: no allocation, no lock.
    unsafe { command.pre_exec(prepare) };
}

/// The calling process's pid in the pid namespace that `/proc` shows, which need not be the one
/// the process lives in.
pub(super) fn own_pid_in_proc() -> io::Result<u32> {
    let link = std::fs::read_link("/proc/self")?;
    link.to_str()
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self is not a number"))
}

/// The parent of the calling process according to `/proc`. Async-signal-safe.
fn parent_in_proc() -> Result<u32, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let stat = rustix::fs::open(c"/proc/self/stat", flags, Mode::empty())?;
    let mut buffer = [0_u8; 512];
    let length = rustix::io::read(&stat, &mut buffer)?;
    parent_field(&buffer[..length]).ok_or(Errno::INVAL)
}

/// The fourth field of a `stat` line: `123 (na me) S 77 …`. The name may hold anything, also a
/// closing parenthesis, but nothing after it does.
fn parent_field(stat: &[u8]) -> Option<u32> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let parent = stat
        .get(name_end + 1..)?
        .split(|byte| *byte == b' ')
        .nth(2)?;
    std::str::from_utf8(parent).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_parent_behind_any_name() {
        assert_eq!(parent_field(b"123 (sh) S 77 123 123 0"), Some(77));
        assert_eq!(parent_field(b"123 (a) R 1 (b)) S 78 1"), Some(78));
        assert_eq!(parent_field(b"123 (sh"), None);
        assert_eq!(parent_field(b""), None);
    }

    #[test]
    fn knows_itself_and_its_parent() {
        assert_eq!(own_pid_in_proc().unwrap(), std::process::id());
        assert_eq!(
            parent_in_proc().unwrap(),
            std::os::unix::process::parent_id()
        );
    }
}
