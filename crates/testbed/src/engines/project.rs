use std::os::unix::fs::symlink;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use super::release;

/// The images of a golden of the project.
pub const IMAGES: [&str; 3] = ["app", "box", "worker"];

/// How many steps the image `app` has that a rebuild takes from the cache.
pub const CACHED_STEPS: usize = 7;

/// A small project: a `Dockerfile`, sources, a script that makes a golden of it, and a base image
/// of nothing but busybox, since there is no registry to pull one from.
#[derive(Debug)]
pub struct Project {
    folder: Utf8PathBuf,
}

impl Project {
    pub(super) fn create(folder: &Utf8Path) -> Self {
        let source = folder.join("source");
        std::fs::create_dir_all(&source).unwrap();
        for (name, contents) in [
            ("Dockerfile", include_str!("project/Dockerfile")),
            ("startup", include_str!("project/startup")),
            // Else the base image would be sent along with every build.
            (".dockerignore", "*\n!source\n"),
            ("source/words", "warm\nroot\ndata\n"),
        ] {
            std::fs::write(folder.join(name), contents).unwrap();
        }
        lay_out_box(&folder.join("box"));
        lay_out_machine(&folder.join("machine"));
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// The startup command of a golden build.
    pub fn startup(&self) -> String {
        format!("sh {}/startup", self.folder)
    }

    /// The command that builds the image `app` again.
    pub fn rebuild(&self) -> String {
        format!("docker build --progress=plain -t app {} 2>&1", self.folder)
    }

    /// A command that imports the base image.
    pub fn import_box(&self) -> String {
        format!("tar -C {}/box -c . | docker import - box", self.folder)
    }

    /// The images with their ids that the last golden build ended with, a line each.
    ///
    /// # Panics
    /// If none has succeeded.
    pub fn images(&self) -> String {
        let images = std::fs::read_to_string(self.folder.join("images")).unwrap();
        images.trim().to_owned()
    }

    /// Changes a source file, so that the steps from `COPY source` on have to be done again.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn change_source(&self, words: &str) {
        std::fs::write(self.folder.join("source/words"), words).unwrap();
    }
}

/// busybox under all its names.
fn lay_out_box(root: &Utf8Path) {
    let busybox = release::busybox();
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::create_dir_all(root.join("tmp")).unwrap();
    std::fs::copy(&busybox, root.join("bin/busybox")).unwrap();
    let list = Command::new(&busybox).arg("--list").output().unwrap();
    for name in String::from_utf8(list.stdout).unwrap().lines() {
        if name != "busybox" {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
    }
}

/// A machine that borrows all its programs: its `/usr` has to be mounted.
fn lay_out_machine(root: &Utf8Path) {
    for name in ["bin", "sbin", "lib", "lib64"] {
        let usr_merged =
            std::fs::symlink_metadata(format!("/{name}")).is_ok_and(|meta| meta.is_symlink());
        assert!(usr_merged, "this machine's /{name} is no link into /usr");
        std::fs::create_dir_all(root).unwrap();
        symlink(format!("usr/{name}"), root.join(name)).unwrap();
    }
    for name in [
        "usr",
        "run",
        "tmp",
        "var/lib",
        "etc/docker",
        "etc/alternatives",
        "root",
    ] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    symlink("/run", root.join("var/run")).unwrap();
    std::fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    std::fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
}
