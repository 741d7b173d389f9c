//! What is left on a machine of programs that have ended, looked for from outside.

use std::fs;
use std::path::{Path, PathBuf};

/// Processes that have this text in their command line or environment. This process and its
/// threads do not count.
pub fn processes_of(text: &str) -> Vec<String> {
    processes()
        .into_iter()
        .filter(|folder| !folder.ends_with(std::process::id().to_string()))
        .filter(|folder| {
            contains(&folder.join("cmdline"), text) || contains(&folder.join("environ"), text)
        })
        .map(|folder| format!("process {}: {}", folder.display(), command_line(&folder)))
        .collect()
}

/// The command lines of processes that have this text in them.
pub fn command_lines_with(text: &str) -> Vec<String> {
    processes()
        .iter()
        .map(|folder| command_line(folder))
        .filter(|line| line.contains(text))
        .collect()
}

/// The ids of processes that have all of these texts in their command lines.
pub fn processes_with(texts: &[&str]) -> Vec<u32> {
    processes()
        .iter()
        .filter(|folder| {
            let line = command_line(folder);
            texts.iter().all(|text| line.contains(text))
        })
        .map(|folder| name(folder).parse().unwrap())
        .collect()
}

/// Mounts that have this text in them, in every mount namespace that a process lives in.
pub fn mounts_of(text: &str) -> Vec<String> {
    let mut found: Vec<String> = processes()
        .iter()
        .filter_map(|folder| fs::read(folder.join("mountinfo")).ok())
        .flat_map(|table| {
            let table = String::from_utf8_lossy(&table).into_owned();
            let lines: Vec<String> = table.lines().map(str::to_owned).collect();
            lines
        })
        .filter(|line| line.contains(text))
        .map(|line| format!("mount {line}"))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Runtime folders of private daemons that a `goldenctl` with this process id has started.
pub fn runtime_folders_of(pid: u32) -> Vec<String> {
    let prefix = format!("{pid}-");
    children(Path::new("/run/cachecore"))
        .into_iter()
        .filter(|folder| name(folder).starts_with(&prefix))
        .map(|folder| folder.display().to_string())
        .collect()
}

/// Control groups of the same.
pub fn control_groups_of(pid: u32) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts
        .lines()
        .filter(|line| line.contains(" - cgroup"))
        .filter_map(|line| line.split(' ').nth(4))
        .flat_map(|mount| children(&Path::new(mount).join("cachecore")))
        .filter(|group| is_of(&name(group), pid))
        .map(|group| format!("control group {}", group.display()))
        .collect()
}

/// Network interfaces of the same.
pub fn interfaces_of(pid: u32) -> Vec<String> {
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    table
        .lines()
        .filter_map(|line| line.split_once(':')?.0.trim().strip_prefix("cc"))
        .filter(|instance| is_of(instance, pid))
        .map(|instance| format!("network interface cc{instance}"))
        .collect()
}

/// The crate `engine` names what it makes by twelve digits in base 36, of which the first five are
/// the process id of the program that it is part of.
fn is_of(instance: &str, pid: u32) -> bool {
    instance.len() == 12
        && instance
            .get(..5)
            .is_some_and(|digits| u32::from_str_radix(digits, 36) == Ok(pid))
}

fn processes() -> Vec<PathBuf> {
    children(Path::new("/proc"))
        .into_iter()
        .filter(|folder| name(folder).bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

fn command_line(process: &Path) -> String {
    // One that has ended meanwhile has none.
    let bytes = fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn contains(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// What is in a folder; nothing if there is none.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found() {
        let text = super::super::marker();
        let mut child = std::process::Command::new("sleep")
            .arg(&text)
            .spawn()
            .unwrap();
        super::super::eventually("it is found by its command line", || {
            processes_of(&text).len() == 1 && command_lines_with(&text).len() == 1
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(processes_of(&text).is_empty());
        assert!(!mounts_of(" / ").is_empty());
    }

    #[test]
    fn names_tell_the_process() {
        // 36^3 is 46656.
        assert!(is_of("01000abcd001", 46_656));
        assert!(!is_of("01001abcd001", 46_656));
        assert!(!is_of("01000", 46_656));
        assert!(!is_of("eth0", 46_656));
    }
}
