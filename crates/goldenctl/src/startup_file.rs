//! The startup file of a project: what `enable` was given, and a triggered build runs.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use cachecore::trigger;
use camino::{Utf8Path, Utf8PathBuf};

use crate::failure::Failure;

/// The longest startup file. Whoever has more to say calls another program.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The SHA-256 of a startup file, in hex.
pub(crate) fn sha256(file: &Utf8Path) -> Result<String, Failure> {
    Ok(trigger::startup_sha256(&read(file)?))
}

/// The command that runs it: itself if it can be executed, and otherwise a shell.
pub(crate) fn command(file: &Utf8Path) -> Vec<OsString> {
    let executable =
        std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
    let shell = (!executable).then(|| OsString::from("sh"));
    shell.into_iter().chain([OsString::from(file)]).collect()
}

/// The path of a startup file, from anywhere, if it is one.
pub(crate) fn absolute(file: &Utf8Path) -> Result<Utf8PathBuf, Failure> {
    let absolute = file.canonicalize_utf8().map_err(|e| unreadable(file, e))?;
    let contents = read(&absolute)?;
    if contents.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::NoStartup {
            path: absolute,
            because: "it is empty",
        });
    }
    Ok(absolute)
}

fn read(file: &Utf8Path) -> Result<Vec<u8>, Failure> {
    let no_startup = |because| Failure::NoStartup {
        path: file.to_owned(),
        because,
    };
    // A fifo is not even opened: it would wait for a partner.
    let meta = std::fs::metadata(file).map_err(|e| unreadable(file, e))?;
    if !meta.is_file() {
        return Err(no_startup("it is no regular file"));
    }
    let mut contents = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(LONGEST + 1).read_to_end(&mut contents))
        .map_err(|e| unreadable(file, e))?;
    if contents.len() as u64 > LONGEST {
        return Err(no_startup("it is longer than 16 MiB"));
    }
    Ok(contents)
}

fn unreadable(file: &Utf8Path, source: std::io::Error) -> Failure {
    Failure::Io {
        action: "read the startup file",
        path: file.as_std_path().to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_executed_is_and_a_shell_reads_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::try_from(dir.path().join("startup")).unwrap();
        std::fs::write(&file, "true\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        assert_eq!(command(&file), ["sh", file.as_str()]);
        mode(0o755);
        assert_eq!(command(&file), [file.as_str()]);
        // printf 'true\n' | sha256sum
        let known = "a17fcf0a2f50e2d495e4f90ce263410edc183add6c62699a2facbccf60410f74";
        assert_eq!(sha256(&file).unwrap(), known);
    }

    #[test]
    fn what_is_no_startup_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| Utf8PathBuf::try_from(dir.path().join(name)).unwrap();
        std::fs::write(path("empty"), " \n").unwrap();
        let fifo = path("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            fifo.as_std_path(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for (name, says) in [
            ("missing", "cannot read the startup file"),
            ("empty", "it is empty"),
            ("fifo", "no regular file"),
            ("", "no regular file"),
        ] {
            let error = absolute(&path(name)).unwrap_err().to_string();
            assert!(error.contains(says), "{name}: {error}");
        }
    }
}
