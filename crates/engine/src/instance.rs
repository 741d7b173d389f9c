//! The name of one enclosure, unique on the machine while its owner lives.
//!
//! Whatever an enclosure leaves outside its namespaces (control groups, firewall rules) carries
//! this name, so that a sweep can tell whose it is after the owner was killed. It is short because
//! a network interface's name, which holds it, has 15 bytes at most.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

const PID_DIGITS: usize = 5;
const START_DIGITS: usize = 4;
const SERIAL_DIGITS: usize = 2;
const NAMESPACE_DIGITS: usize = 1;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Twelve letters and digits: the owner's pid, its start time, a serial number, and what tells its
/// pid namespace from others, in base 36. The start time tells the owner from a later process that
/// was given the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pid: u32,
    start: u64,
    serial: u32,
    namespace: u32,
}

impl Instance {
    /// The next name of this process.
    pub(crate) fn next() -> Self {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let pid = std::process::id();
        Self {
            pid,
            start: start_time(pid).unwrap_or(0) % 36_u64.pow(START_DIGITS as u32),
            serial: SERIAL.fetch_add(1, Ordering::Relaxed) % 36_u32.pow(SERIAL_DIGITS as u32),
            namespace: own_namespace(),
        }
    }

    /// Reads a name; `None` if it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.len() != PID_DIGITS + START_DIGITS + SERIAL_DIGITS + NAMESPACE_DIGITS
            || !name.bytes().all(|byte| DIGITS.contains(&byte))
        {
            return None;
        }
        let (pid, rest) = name.split_at(PID_DIGITS);
        let (start, rest) = rest.split_at(START_DIGITS);
        let (serial, namespace) = rest.split_at(SERIAL_DIGITS);
        Some(Self {
            pid: u32::from_str_radix(pid, 36).ok()?,
            start: u64::from_str_radix(start, 36).ok()?,
            serial: u32::from_str_radix(serial, 36).ok()?,
            namespace: u32::from_str_radix(namespace, 36).ok()?,
        })
    }

    /// Whether the process that made this name still runs, as far as can be seen from here: a process
    /// of another pid namespace is left to those who see it.
    pub(crate) fn owner_lives(&self) -> bool {
        if self.namespace != own_namespace() {
            return true;
        }
        start_time(self.pid)
            .is_some_and(|start| start % 36_u64.pow(START_DIGITS as u32) == self.start)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base36(u64::from(self.pid), PID_DIGITS))?;
        f.write_str(&base36(self.start, START_DIGITS))?;
        f.write_str(&base36(u64::from(self.serial), SERIAL_DIGITS))?;
        f.write_str(&base36(u64::from(self.namespace), NAMESPACE_DIGITS))
    }
}

fn base36(mut number: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    digits.into_iter().map(char::from).collect()
}

/// A digit of this process's pid namespace: the inode of the namespace, shortened.
fn own_namespace() -> u32 {
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino());
    // The remainder is less than 36.
    u32::try_from(inode % 36).unwrap_or(0)
}

/// Field 22 of `/proc/<pid>/stat`, in clock ticks since boot.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold spaces and parentheses itself.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_survive_a_round_trip() {
        let (one, two) = (Instance::next(), Instance::next());
        assert_ne!(one, two);
        assert_eq!(one.to_string().len(), 12);
        assert_eq!(Instance::parse(&one.to_string()), Some(one.clone()));
        assert!(one.owner_lives());
    }

    #[test]
    fn a_reused_pid_is_another_owner() {
        let mut other = Instance::next();
        other.start = (other.start + 1) % 36_u64.pow(4);
        assert!(!other.owner_lives());
        assert_eq!(Instance::parse("docker"), None);
        assert_eq!(Instance::parse("../../../../"), None);
    }
}
