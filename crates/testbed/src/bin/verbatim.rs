//! Runs a program with exactly this environment, which `env` would sort out, and these signals blocked.
//!
//! ```text
//! verbatim [--block NUMBER]... [ENTRY]... -- PROGRAM [WORD]...
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a program for tests")]

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::execve;

fn main() {
    let mut words = std::env::args_os().skip(1).map(OsStringExt::into_vec);
    let mut entries = Vec::new();
    let mut blocked = SigSet::empty();
    while let Some(word) = words.next().filter(|word| word != b"--") {
        if word == b"--block" {
            let number = String::from_utf8(words.next().unwrap()).unwrap();
            blocked.add(Signal::try_from(number.parse::<i32>().unwrap()).unwrap());
        } else {
            entries.push(CString::new(word).unwrap());
        }
    }
    blocked.thread_set_mask().unwrap();
    let words: Vec<CString> = words.map(|word| CString::new(word).unwrap()).collect();
    let Err(error) = execve(&words[0], &words, &entries);
    panic!("{:?}: {error}", words[0]);
}
