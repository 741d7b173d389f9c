//! Who is measured: programs, of which this crate in a process of its own is one.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use treeclone::{CopyOptions, Sharing, Silent};

use crate::disk::succeed;

/// A program that copies.
#[derive(Debug, Clone)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    /// Whether it copies the contents of the source into the target, if that ends in a slash.
    slash: bool,
}

impl Contestant {
    pub(crate) fn new(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            slash: false,
        }
    }

    /// `rsync` copies into a folder, unlike the others.
    pub(crate) fn rsync() -> Self {
        Self {
            slash: true,
            ..Self::new("rsync -aHAX", "rsync", &["-aHAX"])
        }
    }

    pub(crate) fn treeclone(sharing: &str) -> Result<Self, Box<dyn Error>> {
        let this = std::env::current_exe()?;
        Ok(Self::new("treeclone", this, &["copy", sharing]))
    }

    pub(crate) fn copy(&self, stage: &Stage, from: &Path, to: &Path) -> Outcome {
        let mut from = from.as_os_str().to_owned();
        if self.slash {
            from.push("/");
        }
        stage.measure(&self.program, |command| {
            command.args(&self.arguments).arg(from).arg(to)
        })
    }
}

pub(crate) type Outcome = Result<Duration, Box<dyn Error>>;

/// Where and how programs are run.
#[derive(Debug)]
pub(crate) struct Stage {
    real_time: bool,
}

impl Stage {
    /// All run at a real-time priority if they may: what else the machine does then takes from none
    /// of them, while otherwise a scheduler that is fair to groups of processes would give two
    /// threads no more than it gives one.
    pub(crate) fn new() -> Self {
        let real_time = succeed(Command::new("chrt").args(["-r", "1", "true"])).is_ok();
        if !real_time {
            println!("no real-time priority here: what else the machine does is measured too");
        }
        Self { real_time }
    }

    /// How long the program takes, its start included.
    pub(crate) fn measure(
        &self,
        program: &Path,
        arguments: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Outcome {
        let mut command = if self.real_time {
            let mut command = Command::new("chrt");
            command.args(["-r", "1"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        arguments(&mut command).stdin(Stdio::null());
        let begun = Instant::now();
        succeed(&mut command)?;
        Ok(begun.elapsed())
    }

    pub(crate) fn rm(&self, path: &Path) -> Outcome {
        self.measure("rm".as_ref(), |command| command.arg("-rf").arg(path))
    }

    pub(crate) fn remove_tree(&self, path: &Path) -> Outcome {
        let this = std::env::current_exe()?;
        self.measure(&this, |command| command.arg("remove").arg(path))
    }
}

/// What this program does when it is run as a contestant.
pub(crate) fn play(arguments: &[String]) -> Option<Result<(), Box<dyn Error>>> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["copy", sharing, from, to] => Some(copy(sharing, from.as_ref(), to.as_ref())),
        ["remove", path] => Some(remove(path.as_ref())),
        _ => None,
    }
}

fn copy(sharing: &str, from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let sharing = match sharing {
        "always" => Sharing::Always,
        _ => Sharing::WherePossible,
    };
    let options = CopyOptions {
        sharing,
        ..CopyOptions::default()
    };
    let (parent, name) = place(to)?;
    treeclone::copy_tree(
        File::open(from)?.as_fd(),
        parent.as_fd(),
        name,
        &options,
        &Silent,
    )?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), Box<dyn Error>> {
    let (parent, name) = place(path)?;
    treeclone::remove_tree(parent.as_fd(), name, &Silent)?;
    Ok(())
}

fn place(path: &Path) -> Result<(File, &std::ffi::OsStr), Box<dyn Error>> {
    let parent = path.parent().ok_or("a path with no folder above")?;
    let name = path.file_name().ok_or("a path with no name")?;
    Ok((File::open(parent)?, name))
}
