use std::ffi::CString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use testbed::dataroot::{LayerOnDisk, Written};

/// A data root under attack.
pub(crate) struct Target<'a> {
    pub(super) path: &'a Path,
    pub(super) base: LayerOnDisk,
    pub(super) app: LayerOnDisk,
    pub(super) image: String,
    pub(super) layers: &'a str,
}

impl<'a> Target<'a> {
    pub(super) fn new(path: &'a Path, written: &Written, layers: &'a str) -> Self {
        let image = written.image("api");
        Self {
            path,
            base: image.layers[0].clone(),
            app: image.layers[1].clone(),
            image: image.id.clone(),
            layers,
        }
    }

    pub(super) fn put(&self, name: &str, content: &str) {
        self.free(name);
        fs::write(self.path.join(name), content).unwrap();
    }

    pub(super) fn link(&self, name: &str, to: &str) {
        self.free(name);
        symlink(to, self.path.join(name)).unwrap();
    }

    pub(super) fn fifo(&self, name: &str) {
        self.free(name);
        let path = CString::new(self.path.join(name).to_str().unwrap()).unwrap();
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// A device that no driver serves.
    pub(super) fn device(&self, name: &str) {
        self.free(name);
        let path = CString::new(self.path.join(name).to_str().unwrap()).unwrap();
        let (mode, device) = (Mode::from_raw_mode(0o600), makedev(240, 7));
        mknodat(CWD, path, FileType::CharacterDevice, mode, device).unwrap();
    }

    /// Moves a folder out of the way and puts a link to it in its place.
    pub(super) fn divert(&self, name: &str) {
        let aside = self.path.with_extension("diverted");
        fs::create_dir_all(&aside).unwrap();
        let aside = aside.join(name.replace('/', "-"));
        // Not a rename: the data root may be a subvolume.
        let moved = Command::new("mv")
            .arg(self.path.join(name))
            .arg(&aside)
            .status();
        assert!(moved.unwrap().success());
        symlink(&aside, self.path.join(name)).unwrap();
    }

    /// Makes room for something else by this name.
    pub(super) fn free(&self, name: &str) {
        let path = self.path.join(name);
        match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => fs::create_dir_all(path.parent().unwrap()).unwrap(),
        }
    }

    pub(super) fn diff(&self) -> String {
        format!("overlay2/{}/diff", self.app.folder)
    }

    pub(super) fn cache_id(&self) -> String {
        format!("image/overlay2/layerdb/sha256/{}/cache-id", self.app.chain)
    }

    pub(super) fn lower(&self) -> String {
        format!("overlay2/{}/lower", self.app.folder)
    }

    pub(super) fn config(&self) -> String {
        format!("image/overlay2/imagedb/content/sha256/{}", self.image)
    }

    pub(super) fn short(&self, layer: &LayerOnDisk) -> String {
        let path = self.path.join("overlay2").join(&layer.folder).join("link");
        fs::read_to_string(path).unwrap()
    }
}
