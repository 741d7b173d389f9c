//! Answers that do not arrive.

use std::fs::File;

use crate::program::{Folder, answer};

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_also_where_it_is_the_help() {
    let folder = Folder::new();
    folder.write("shop.yaml", "version: 1\nimage: debian:12\n");
    for words in [
        &["check", "shop.yaml"][..],
        &["completions", "bash"],
        &["--help"],
        &["help", "ensure"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let answer = answer(folder.command(words).stdout(full).output().unwrap());
        assert_eq!(answer.code, 1, "{words:?}: {answer:?}");
        let why = "envimage: cannot print the answer: No space left on device";
        assert!(answer.err.starts_with(why), "{words:?}: {answer:?}");
    }
}

#[test]
fn who_reads_no_further_is_no_failure() {
    let folder = Folder::new();
    for words in [&["--help"][..], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let answer = answer(folder.command(words).stdout(writer).output().unwrap());
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{words:?}");
    }
}
