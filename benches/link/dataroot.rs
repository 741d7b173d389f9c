//! Writes data roots that look to the store as a stopped daemon's do: overlay2, one image of many
//! layers, a build cache, a volume.
//!
//! ```text
//! overlay2/<folder>/{diff/,link,lower,work/,committed}    l/<short id> -> ../<folder>/diff
//! image/overlay2/layerdb/sha256/<chain id>/{cache-id,diff,parent,size,tar-split.json.gz}
//! image/overlay2/imagedb/content/sha256/<image id>        names the layers
//! buildkit/*.db  volumes/data/_data/  containers/  network/    what a session gets its own copy of
//! ```
//!
//! What a session copies is the same in each, but for the `tar-split.json.gz` of its layers: Docker
//! keeps about 62 bytes in it for each file of a layer (tried: 3.3 MB for 53,325 files), and so does
//! this, because that is the one way in which the size of a layer can reach the time of a clone.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cachecore::dataroot::chain;

/// What to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Bytes that Docker keeps beside a layer for each of its files, compressed.
const TAR_SPLIT_PER_FILE: usize = 62;
const FILES_IN_A_FOLDER: usize = 100;
/// As in the golden of `examples/four-services`, in bytes.
const DATABASES: [(&str, usize); 6] = [
    ("buildkit/cache.db", 128 << 10),
    ("buildkit/snapshots.db", 64 << 10),
    ("buildkit/metadata_v2.db", 256 << 10),
    ("buildkit/containerdmeta.db", 512 << 10),
    ("buildkit/history.db", 64 << 10),
    ("volumes/metadata.db", 32 << 10),
];
const VOLUME_FILES: usize = 100;
const VOLUME_FILE: usize = 20 << 10;
const WORKERS: usize = 2;

/// Writes a data root to the new folder `root`.
pub(crate) fn write(root: &Path, shape: Shape, interrupted: &AtomicBool) -> io::Result<()> {
    // Two data roots share no layer, as two projects do not.
    let seed = (shape.layers as u64) << 48 ^ shape.bytes;
    let names = Names::of(shape, seed)?;
    for folder in [
        "containers",
        "network/files",
        "buildkit",
        "overlay2/l",
        "volumes/data/_data",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    let mut noise = Noise::new(seed);
    for (name, bytes) in DATABASES {
        fs::write(root.join(name), noise.bytes(bytes))?;
    }
    for number in 0..VOLUME_FILES {
        let file = root.join(format!("volumes/data/_data/row-{number}"));
        fs::write(file, noise.bytes(VOLUME_FILE))?;
    }
    image(root, &names)?;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let names = &names;
                scope.spawn(move || {
                    (worker..shape.layers)
                        .step_by(WORKERS)
                        .try_for_each(|number| layer(root, names, number, shape, interrupted))
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
        })
    })
}

/// The names of the layers, the lowest first.
struct Names {
    seed: u64,
    folders: Vec<String>,
    short: Vec<String>,
    diffs: Vec<String>,
    chains: Vec<String>,
}

impl Names {
    fn of(shape: Shape, seed: u64) -> io::Result<Self> {
        let mut noise = Noise::new(seed ^ 0xA5A5);
        let mut hex = || -> String { (0..4).map(|_| format!("{:016x}", noise.next())).collect() };
        let folders = (0..shape.layers).map(|_| hex()).collect();
        let diffs: Vec<String> = (0..shape.layers)
            .map(|_| format!("sha256:{}", hex()))
            .collect();
        let short = (0..shape.layers)
            .map(|_| hex()[..26].to_ascii_uppercase())
            .collect();
        let chains = chain::chain_ids(&diffs).ok_or_else(|| io::Error::other("odd diff ids"))?;
        Ok(Self {
            seed,
            folders,
            short,
            diffs,
            chains: chains.iter().map(ToString::to_string).collect(),
        })
    }
}

fn image(root: &Path, names: &Names) -> io::Result<()> {
    let images = root.join("image/overlay2/imagedb/content/sha256");
    fs::create_dir_all(&images)?;
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": names.diffs},
    });
    fs::write(images.join(&names.chains[0]), config.to_string())
}

fn layer(
    root: &Path,
    names: &Names,
    number: usize,
    shape: Shape,
    interrupted: &AtomicBool,
) -> io::Result<()> {
    let folder = root.join("overlay2").join(&names.folders[number]);
    let diff = folder.join("diff");
    fs::create_dir_all(&diff)?;
    fs::write(folder.join("link"), &names.short[number])?;
    symlink(
        format!("../{}/diff", names.folders[number]),
        root.join("overlay2/l").join(&names.short[number]),
    )?;
    if number + 1 < shape.layers {
        fs::write(folder.join("committed"), "")?;
    }
    if number > 0 {
        let below: Vec<String> = names.short[..number]
            .iter()
            .rev()
            .map(|s| format!("l/{s}"))
            .collect();
        fs::write(folder.join("lower"), below.join(":"))?;
        fs::create_dir(folder.join("work"))?;
    }

    let files = shape.files / shape.layers;
    let mut noise = Noise::new(names.seed ^ (number as u64 + 1) << 32);
    let mean = usize::try_from(shape.bytes).map_err(io::Error::other)? / shape.files;
    let mut written = 0;
    for file in 0..files {
        let place = diff.join(format!("folder-{}", file / FILES_IN_A_FOLDER));
        if file % FILES_IN_A_FOLDER == 0 {
            if interrupted.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            fs::create_dir(&place)?;
        }
        // From half of the mean to half more than it.
        let size = mean / 2 + noise.below(mean + 1);
        fs::write(place.join(format!("file-{file}")), noise.bytes(size))?;
        written += size;
    }

    let entry = root
        .join("image/overlay2/layerdb/sha256")
        .join(&names.chains[number]);
    fs::create_dir_all(&entry)?;
    fs::write(entry.join("cache-id"), &names.folders[number])?;
    fs::write(entry.join("diff"), &names.diffs[number])?;
    fs::write(entry.join("size"), written.to_string())?;
    if number > 0 {
        fs::write(
            entry.join("parent"),
            format!("sha256:{}", names.chains[number - 1]),
        )?;
    }
    // Under a name of its own: noise describes no layer, and one without a description is taken in by
    // the name of its folder.
    fs::write(
        entry.join("as-large-as-tar-split"),
        noise.bytes(TAR_SPLIT_PER_FILE * files),
    )
}

/// Bytes that look random and are the same in every run (xorshift64).
struct Noise {
    state: u64,
    pool: Vec<u8>,
}

impl Noise {
    /// More than the largest file.
    const POOL: usize = 4 << 20;

    fn new(seed: u64) -> Self {
        let mut noise = Self {
            state: seed | 1,
            pool: Vec::new(),
        };
        noise.pool = (0..Self::POOL / 8)
            .flat_map(|_| noise.next().to_le_bytes())
            .collect();
        noise
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> &[u8] {
        let start = self.below(Self::POOL - count);
        &self.pool[start..start + count]
    }
}
