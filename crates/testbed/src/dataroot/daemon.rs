//! The daemon's own part of a data root: containers, networks, volumes, build cache, identities.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;

use super::books::Books;
use super::image::Image;
use super::layer::age;
use super::{DataRoot, Layer, Store, names, overlay2, put};

/// The databases of a build cache. dockerd keeps them open and locked while it runs.
const BUILD_CACHE: [&str; 3] = ["cache.db", "containerdmeta.db", "history.db"];

pub(super) fn write(root: &DataRoot, path: &Path, images: &BTreeMap<String, Image>) {
    for folder in [
        "containers",
        "plugins/storage",
        "runtimes",
        "swarm",
        "tmp",
        "buildkit/content/ingest",
        "buildkit/executor",
        "containerd/daemon/tmpmounts",
    ] {
        std::fs::create_dir_all(path.join(folder)).unwrap();
    }
    put(path.join("engine-id"), names::digest(&root.daemon));
    put(path.join("network/files/local-kv.db"), "networks");
    put(
        path.join("tmp/GetImageBlob123"),
        "a download that was not finished",
    );
    for database in BUILD_CACHE {
        let content = format!("{database} {}", root.build_cache);
        put(path.join("buildkit").join(database), content);
    }
    build_cache_blob(root, path);
    volumes(root, path);
    if root.store == Store::Overlay2 {
        let books = build_cache_folders(root, path);
        books.write(&path.join("buildkit"));
        for name in &root.containers {
            let first = images.values().next().unwrap();
            container(path, name, first);
        }
    }
}

fn build_cache_blob(root: &DataRoot, path: &Path) {
    let blob = names::digest(&root.build_cache);
    let blobs = path.join("buildkit/content/blobs/sha256");
    put(blobs.join(blob), &root.build_cache);
}

fn volumes(root: &DataRoot, path: &Path) {
    let volumes = path.join("volumes");
    put(volumes.join("metadata.db"), "volumes");
    let device = volumes.join("backingFsBlockDev");
    if !device.exists() {
        // The quota support's node of the disk that the volumes lie on.
        let (kind, mode) = (FileType::BlockDevice, Mode::from_raw_mode(0o600));
        mknodat(CWD, &device, kind, mode, makedev(254, 0)).unwrap();
    }
    for volume in &root.volumes {
        let data = volumes.join(&volume.name).join("_data");
        std::fs::create_dir_all(&data).unwrap();
        for (file, content) in &volume.files {
            put(data.join(file), content);
        }
        if volume.nested {
            let inner = DataRoot::new()
                .of_daemon("inner")
                .image("inner", &[Layer::new("inner").files(3, 100)]);
            inner.write(&data);
        }
    }
}

/// Folders that BuildKit keeps beside the images: a cache mount, which every build writes to, two
/// steps of a stage that is being built, of which the lower one can never change again, and the last
/// steps of the stages that are finished.
fn build_cache_folders(root: &DataRoot, path: &Path) -> Books {
    let mut books = Books::default();
    let folder = |name: &str, below: &[&str]| {
        let folder = names::snapshot(&format!("{} {name}", root.daemon));
        if !path.join("overlay2").join(&folder).exists() {
            overlay2::add_folder(path, &folder, below);
            let diff = path.join("overlay2").join(&folder).join("diff");
            put(diff.join(name), name);
            age(&diff);
        }
        folder
    };
    let mount = folder("cache mount", &[]);
    books.looked_for(&mount, "cache-dir:/root/.cache");
    let lower_step = folder("lower step", &[]);
    books.committed(&lower_step);
    books.begun(&folder("upper step", &[&lower_step]));
    for (stage, committed) in &root.stages {
        let last_step = folder(stage, &[&lower_step]);
        if *committed {
            books.committed(&last_step);
        } else {
            books.twin(&last_step);
        }
    }
    books
}

fn container(path: &Path, name: &str, image: &Image) {
    let id = names::digest(&format!("container {name}"));
    let mount = names::digest(&format!("mount {name}"));
    let init = format!("{mount}-init");
    let mut below: Vec<&str> = image
        .layers
        .iter()
        .rev()
        .map(|l| l.folder.as_str())
        .collect();
    overlay2::add_folder(path, &init, &below);
    below.insert(0, &init);
    overlay2::add_folder(path, &mount, &below);
    let diff = path.join("overlay2").join(&mount).join("diff");
    put(diff.join("written-by-the-container"), name);
    let record = path.join("image/overlay2/layerdb/mounts").join(&id);
    put(record.join("mount-id"), &mount);
    put(record.join("init-id"), &init);
    let top = image.layers.last().unwrap();
    put(record.join("parent"), format!("sha256:{}", top.chain));
    let home = path.join("containers").join(&id);
    let config = json!({"ID": id, "Name": format!("/{name}"), "Driver": "overlay2"});
    put(home.join("config.v2.json"), config.to_string());
    put(home.join("hostconfig.json"), "{}");
    put(home.join("hostname"), name);
    std::fs::create_dir_all(home.join("mounts")).unwrap();
}
