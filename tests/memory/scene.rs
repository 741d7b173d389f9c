//! A store in memory, and what is too much for it.

use std::fs::File;
use std::os::unix::fs::symlink;

use camino::Utf8PathBuf;
use goldenstore::Store;
use testbed::dataroot::{DataRoot, Layer};
use testbed::engines::goldenctl_program;
use testbed::ground::Ground;
use testbed::mounted::Mounted;

use crate::measured::{Measured, measure};

pub(crate) struct Scene {
    stage: Utf8PathBuf,
    _memory: Mounted,
    _ground: Ground,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let ground = Ground::new();
        let stage = ground.path("memory");
        std::fs::create_dir(&stage).unwrap();
        // An empty file takes no room there, only an inode.
        let memory = Mounted::tmpfs_of(&stage, "2g,nr_inodes=0");
        Store::init(&stage.join("store")).unwrap();
        Self {
            stage,
            _memory: memory,
            _ground: ground,
        }
    }

    /// Runs `goldenctl` with these words in the store.
    pub(crate) fn run(&self, words: &str) -> Measured {
        let words = words.replace("STAGE", self.stage.as_str());
        let mut command = vec![
            goldenctl_program().to_string(),
            format!("--root={}/store", self.stage),
            "--reserve=0".to_owned(),
        ];
        command.extend(words.split(' ').map(str::to_owned));
        measure(&command)
    }

    /// A data root `many` with an image that has a layer of so many files.
    pub(crate) fn write_golden(&self, files: usize) {
        DataRoot::new()
            .image("many", &[Layer::new("many").files(files, 0)])
            .write(self.stage.join("many"));
    }

    /// Puts so many files into one folder of the overlay2 driver that no image names.
    pub(crate) fn write_huge_folder(&self, session: &str, files: usize) {
        let root = self.data_root(session);
        DataRoot::new()
            .image("small", &[Layer::new("small").files(1, 1)])
            .write(&root);
        let (name, short) = ("c".repeat(64), "C".repeat(26));
        let driver = root.join("overlay2");
        let diff = driver.join(&name).join("diff/folder");
        std::fs::create_dir_all(&diff).unwrap();
        std::fs::write(driver.join(&name).join("link"), &short).unwrap();
        symlink(format!("../{name}/diff"), driver.join("l").join(&short)).unwrap();
        for number in 0..files {
            File::create(diff.join(format!("a-file-of-a-build-{number}"))).unwrap();
        }
    }

    /// Makes so many folders where the overlay2 driver has one for each layer, whose records of what
    /// lies below have so many bytes; if none, there are no records.
    pub(crate) fn write_crowd(&self, session: &str, folders: usize, lower: usize) {
        let root = self.data_root(session);
        DataRoot::new()
            .image("small", &[Layer::new("small").files(1, 1)])
            .write(&root);
        for number in 0..folders {
            let folder = root.join(format!("overlay2/{number:064x}"));
            std::fs::create_dir(&folder).unwrap();
            if lower > 0 {
                std::fs::write(folder.join("lower"), "l".repeat(lower)).unwrap();
            }
        }
    }

    /// A data root with a volume that has so many folders in one, and half as many files with two names
    /// each, far from each other.
    pub(crate) fn write_volume(&self, name: &str, folders: usize) {
        let root = self.stage.join(name);
        DataRoot::new()
            .image("small", &[Layer::new("small").files(1, 1)])
            .volume("work", &[("owner", "nobody")])
            .write(&root);
        let data = root.join("volumes/work/_data");
        let long = "n".repeat(100);
        for part in ["wide", "here", "there"] {
            std::fs::create_dir(data.join(part)).unwrap();
        }
        for number in 0..folders {
            std::fs::create_dir(data.join(format!("wide/{long}-{number}"))).unwrap();
        }
        for number in 0..folders / 4 {
            let file = data.join(format!("here/{number}"));
            File::create(&file).unwrap();
            std::fs::hard_link(file, data.join(format!("there/{number}"))).unwrap();
        }
    }

    /// A data root with a layer that has so many files in one folder, always the same.
    pub(crate) fn write_crowded_layer(&self, name: &str, files: usize) {
        let layer = (0..files).fold(Layer::new("crowded"), |layer, number| {
            layer.file(&format!("crowd/{number:0100}"), "")
        });
        DataRoot::new()
            .image("crowded", &[layer])
            .write(self.stage.join(name));
    }

    pub(crate) fn data_root(&self, session: &str) -> Utf8PathBuf {
        self.stage
            .join(format!("store/sessions/docker-data-{session}/docker"))
    }
}
