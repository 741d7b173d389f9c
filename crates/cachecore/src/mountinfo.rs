//! Mount tables, as the kernel prints them in `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One line of a mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor` of the file system.
    pub device: String,
    /// Which folder of the file system is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Options of the mount, such as `rw` and `nosuid`.
    pub options: Vec<String>,
    /// The file system's type.
    pub file_system: String,
    /// What is mounted, as the file system names it: a device, often.
    pub source: String,
    /// Options of the file system; for cgroup v1 its controllers.
    pub super_options: Vec<String>,
}

impl Mount {
    /// Whether it is mounted at `folder` or below it. Compared as paths: `/ab` is not within `/a`.
    pub fn is_within(&self, folder: &Path) -> bool {
        !folder.as_os_str().is_empty() && self.point.starts_with(folder)
    }

    /// Whether the mount has an option.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option == name)
    }
}

/// The mounts of a table, in its order: of two at one point the later hides the earlier. Lines of
/// another form are left out.
pub fn parse(table: &[u8]) -> impl Iterator<Item = Mount> {
    table.split(|byte| *byte == b'\n').filter_map(line)
}

/// Where a folder lies: the device of its file system, and its path in there.
pub fn place_of(table: &[u8], folder: &Path) -> Option<(String, PathBuf)> {
    let mount = parse(table)
        .filter(|mount| folder.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())?;
    let below = folder.strip_prefix(&mount.point).ok()?;
    let place = if below.as_os_str().is_empty() {
        mount.root
    } else {
        mount.root.join(below)
    };
    Some((mount.device, place))
}

/// Takes a line apart: `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw`.
fn line(line: &[u8]) -> Option<Mount> {
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let list = |field: &[u8]| text(field).split(',').map(str::to_owned).collect();
    let mut fields = line.split(|byte| *byte == b' ').skip(2);
    let device = text(fields.next()?);
    let root = path(fields.next()?);
    let point = path(fields.next()?);
    let options = list(fields.next()?);
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let file_system = text(fields.next()?);
    let source = text(fields.next()?);
    let super_options = list(fields.next()?);
    Some(Mount {
        device,
        root,
        point,
        options,
        file_system,
        source,
        super_options,
    })
}

/// A path in which the kernel has written space, tab, newline and backslash as three octal digits.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_optional_fields_and_escapes() {
        let line = br"36 35 98:0 /mnt1 /mnt\0402\134x rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue";
        let mounts: Vec<Mount> = parse(line).collect();
        let [mount] = mounts.as_slice() else {
            panic!("one mount: {mounts:?}")
        };
        assert_eq!(mount.device, "98:0");
        assert_eq!(mount.root, Path::new("/mnt1"));
        assert_eq!(mount.point, Path::new(r"/mnt 2\x"));
        assert!(mount.has_option("noatime") && !mount.has_option("ro"));
        assert_eq!((&*mount.file_system, &*mount.source), ("ext3", "/dev/root"));
        assert_eq!(mount.super_options, ["rw", "errors=continue"]);
        assert!(mount.is_within(Path::new("/mnt 2\\x")));
        assert!(!mount.is_within(Path::new("/mnt")));
    }

    #[test]
    fn lines_of_another_form_are_left_out() {
        assert_eq!(parse(b"\n36 35\nnothing - here\n").count(), 0);
    }

    #[test]
    fn a_folder_is_placed_on_its_file_system() {
        let table = b"22 1 254:0 / / rw - ext4 /dev/a rw\n\
            40 22 8:1 /volumes/x /data rw - ext4 /dev/b rw\n";
        let place = |path: &str| place_of(table, Path::new(path)).unwrap();
        assert_eq!(
            place("/data/docker"),
            ("8:1".to_owned(), "/volumes/x/docker".into())
        );
        assert_eq!(place("/data"), ("8:1".to_owned(), "/volumes/x".into()));
        assert_eq!(place("/etc"), ("254:0".to_owned(), "/etc".into()));
    }
}
