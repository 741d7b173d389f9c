//! The process becomes another program, with the environment that it was given, byte for byte: variables
//! in their order, those that are there twice, and what is none.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::c_char;

use crate::inherited;

/// What runs a script that does not say what it is written in, as shells do and `execvp`.
const SHELL: &CStr = c"/bin/sh";

/// Becomes a program, called by a name, with these words and variables. Gives back why not.
pub(crate) fn exec(
    path: &Path,
    name: &OsStr,
    words: &[OsString],
    variables: &[(&str, &OsStr)],
) -> io::Error {
    match prepared(path, name, words, variables) {
        Ok(prepared) => prepared.exec(),
        Err(e) => e.into(),
    }
}

struct Prepared {
    path: CString,
    words: Vec<CString>,
    variables: Vec<(Vec<u8>, CString)>,
}

fn prepared(
    path: &Path,
    name: &OsStr,
    words: &[OsString],
    variables: &[(&str, &OsStr)],
) -> Result<Prepared, std::ffi::NulError> {
    let string = |word: &OsStr| CString::new(word.as_bytes());
    Ok(Prepared {
        path: string(path.as_os_str())?,
        words: std::iter::once(name)
            .chain(words.iter().map(OsString::as_os_str))
            .map(string)
            .collect::<Result<_, _>>()?,
        variables: variables
            .iter()
            .map(|(name, value)| {
                let start = [name.as_bytes(), b"="].concat();
                let whole = CString::new([&start, value.as_bytes()].concat())?;
                Ok((start, whole))
            })
            .collect::<Result<_, _>>()?,
    })
}

impl Prepared {
    fn exec(&self) -> io::Error {
        let environment = self.environment();
        let words = ended(self.words.iter().map(|word| word.as_ptr()));
        inherited::restore();
        // SAFETY: both lists end with a null, and what they point to lives until the program is another.
        unsafe { libc::execve(self.path.as_ptr(), words.as_ptr(), environment.as_ptr()) };
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOEXEC) {
            return error;
        }
        let script = [SHELL.as_ptr(), self.path.as_ptr()];
        let words = ended(
            script
                .into_iter()
                .chain(words[1..words.len() - 1].iter().copied()),
        );
        // SAFETY: as above.
        unsafe { libc::execve(SHELL.as_ptr(), words.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }

    /// What the process was given, with the new variables in place of what they replace.
    fn environment(&self) -> Vec<*const c_char> {
        let new = |entry: &CStr| {
            let is_of = |start: &Vec<u8>| entry.to_bytes().starts_with(start);
            self.variables.iter().any(|(start, _)| is_of(start))
        };
        let mut given = Vec::new();
        // SAFETY: the list is the C library's and ends with a null; nothing here has changed it.
        unsafe {
            let mut at = environ;
            while !at.is_null() && !(*at).is_null() {
                if !new(CStr::from_ptr(*at)) {
                    given.push(*at);
                }
                at = at.add(1);
            }
        }
        ended(
            given
                .into_iter()
                .chain(self.variables.iter().map(|(_, entry)| entry.as_ptr())),
        )
    }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

fn ended(pointers: impl Iterator<Item = *const c_char>) -> Vec<*const c_char> {
    pointers.chain([std::ptr::null()]).collect()
}
