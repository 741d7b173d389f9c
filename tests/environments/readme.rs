//! What README.md shows of `envimage` works as it is written there.

use std::process::Stdio;

use testbed::engines::{debian, envimage_program};
use testbed::stack::{Stack, Store};

/// The first commands of the section, without the one that builds the program.
fn shown() -> String {
    let readme = include_str!("../../README.md");
    let (_, section) = readme
        .split_once("## The slow half of a setup script")
        .unwrap();
    let block = section.split("```").nth(1).unwrap();
    let lines = block.lines().filter(|line| !line.starts_with("cargo "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_commands_of_the_readme_work_as_they_are_written() {
    let stack = Stack::new();
    let daemon = stack.daemon(Store::Classic);
    let mut client = stack.client(&daemon, None);
    client.docker(&["import", debian().as_str(), "debian:12"]);
    client
        .path
        .push(envimage_program().parent().unwrap().to_owned());
    let folder = stack.fresh("new");
    std::fs::create_dir(&folder).unwrap();
    let commands = shown();
    assert!(
        commands.contains("envimage ensure") && commands.contains("envimage ls"),
        "{commands}"
    );
    let mut shell = client.command("bash");
    shell
        .args(["-ec", &commands])
        .current_dir(&folder)
        .stdin(Stdio::null());
    let output = shell.output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let (out, err) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
    assert!(output.status.success(), "{out}{err}");
    for expected in ["cachecore-env:tools-", "git version", "PROJECT", "shop"] {
        assert!(out.contains(expected), "no {expected:?}: {out}{err}");
    }
    assert!(
        out.lines().skip(1).all(|line| line.chars().count() <= 80),
        "{out}"
    );
}
