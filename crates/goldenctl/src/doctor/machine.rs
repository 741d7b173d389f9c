use std::path::Path;

use super::Check;

pub(super) fn checks() -> Vec<Check> {
    vec![user(), kernel(), overlay(), cgroups(), tools()]
}

fn user() -> Check {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        Check::ok("user", "root")
    } else {
        Check::failure(
            "user",
            format!("user {}, and the store needs root", uid.as_raw()),
            "run goldenctl as root, for example with sudo",
        )
    }
}

/// The oldest kernel that offers all of it: `pidfd_send_signal` (5.1), `pidfd_open` (5.3) and
/// `openat2` (5.6).
const OLDEST_KERNEL: (u32, u32) = (5, 6);

fn kernel() -> Check {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= OLDEST_KERNEL {
        Check::ok("kernel", format!("Linux {release}"))
    } else {
        let (major, minor) = OLDEST_KERNEL;
        Check::failure(
            "kernel",
            format!("Linux {release}"),
            format!("use Linux {major}.{minor} or later"),
        )
    }
}

fn overlay() -> Check {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if known.lines().any(|line| line.ends_with("\toverlay")) {
        Check::ok("overlayfs", "the kernel has it")
    } else {
        Check::note(
            "overlayfs",
            "not loaded; Docker keeps layers with it",
            "try: modprobe overlay",
        )
    }
}

fn cgroups() -> Check {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").exists() {
        Check::ok("control groups", "version 2")
    } else if root.join("memory").exists() {
        Check::ok("control groups", "version 1")
    } else {
        Check::failure(
            "control groups",
            "none are mounted at /sys/fs/cgroup, and dockerd needs them",
            "mount them: mount -t cgroup2 none /sys/fs/cgroup",
        )
    }
}

/// Programs that a private daemon with a way out needs, and the packages that bring them.
const TOOLS: [(&str, &str); 2] = [("ip", "iproute2"), ("iptables", "iptables")];

fn tools() -> Check {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .collect();
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|(program, _)| !folders.iter().any(|folder| folder.join(program).is_file()))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        Check::ok("network tools", "ip and iptables are there")
    } else {
        let missing = missing.join(" and ");
        Check::note(
            "network tools",
            format!("{missing} not installed: builds have no way out"),
            format!("install {missing}, or use --network isolated"),
        )
    }
}
