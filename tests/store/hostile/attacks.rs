//! What strangers can do to a data root, and what the refusal of each says.

use std::fs;

use super::target::Target;

/// A name for the attack, what the refusal says, and the attack.
pub(super) type Attack = (&'static str, &'static str, fn(&Target<'_>));

pub(super) const ATTACKS: &[Attack] = &[
    // Where a layer's contents should be.
    ("diff to the root", "link out of the data root, to /", |t| {
        t.link(&t.diff(), "/")
    }),
    ("diff upwards", "link out of the data root, to ../", |t| {
        t.link(&t.diff(), "../../../../../../etc");
    }),
    (
        "diff to a look-alike of layers/",
        "link out of the data root",
        |t| {
            t.link(
                &t.diff(),
                &format!("{}-evil/{}/diff", t.layers, t.app.chain),
            );
        },
    ),
    (
        "diff through layers/ and out",
        "link out of the data root",
        |t| {
            t.link(&t.diff(), &format!("{}/../sessions/diff", t.layers));
        },
    ),
    ("diff to layers/ itself", "link out of the data root", |t| {
        t.link(&t.diff(), t.layers)
    }),
    (
        "diff to a layer's folder",
        "link out of the data root",
        |t| {
            t.link(&t.diff(), &format!("{}/{}", t.layers, t.app.chain));
        },
    ),
    ("diff into a layer", "link out of the data root", |t| {
        t.link(&t.diff(), &format!("{}/{}/diff/etc", t.layers, t.app.chain));
    }),
    (
        "diff to a layer, slash behind",
        "link out of the data root",
        |t| {
            t.link(&t.diff(), &format!("{}/{}/diff/", t.layers, t.app.chain));
        },
    ),
    ("diff to another layer", "should be layer", |t| {
        t.link(&t.diff(), &format!("{}/{}/diff", t.layers, t.base.chain));
    }),
    (
        "diff to a layer that nobody has",
        "which the store lacks",
        |t| {
            t.link(&t.diff(), &format!("{}/{}/diff", t.layers, "7".repeat(64)));
            t.put(&t.cache_id(), &t.base.folder);
        },
    ),
    ("diff a file", "has no diff folder", |t| {
        t.put(&t.diff(), "file")
    }),
    ("diff a fifo", "has no diff folder", |t| t.fifo(&t.diff())),
    (
        "a container's diff a link into layers/",
        "may be written by its daemon",
        |t| {
            t.put("image/overlay2/layerdb/mounts/c/mount-id", &t.app.folder);
            t.link(&t.diff(), &format!("{}/{}/diff", t.layers, t.app.chain));
        },
    ),
    // What names folders.
    ("cache-id upwards", "no usable cache-id", |t| {
        t.put(&t.cache_id(), "../../../../etc")
    }),
    ("cache-id two dots", "no usable cache-id", |t| {
        t.put(&t.cache_id(), "..")
    }),
    ("cache-id absolute", "no usable cache-id", |t| {
        t.put(&t.cache_id(), "/etc")
    }),
    ("cache-id empty", "no usable cache-id", |t| {
        t.put(&t.cache_id(), "")
    }),
    ("cache-id of the short links", "no usable cache-id", |t| {
        t.put(&t.cache_id(), "l")
    }),
    ("cache-id 10,000 digits", "no usable cache-id", |t| {
        t.put(&t.cache_id(), &"1".repeat(10_000));
    }),
    ("cache-id a fifo", "no usable cache-id", |t| {
        t.fifo(&t.cache_id())
    }),
    ("cache-id a device", "no usable cache-id", |t| {
        t.device(&t.cache_id());
    }),
    ("cache-id a link", "cache-id is a symlink", |t| {
        t.link(&t.cache_id(), "/etc/hostname")
    }),
    ("cache-id a folder", "no usable cache-id", |t| {
        t.free(&t.cache_id());
        fs::create_dir(t.path.join(t.cache_id())).unwrap();
    }),
    ("lower upwards", "/lower names l/../../../etc", |t| {
        t.put(&t.lower(), "l/../../../etc")
    }),
    ("lower two dots", "/lower names l/..", |t| {
        t.put(&t.lower(), "l/..")
    }),
    ("lower absolute", "/lower names /etc", |t| {
        t.put(&t.lower(), "/etc")
    }),
    ("lower 10,000 digits", "/lower names", |t| {
        t.put(&t.lower(), &format!("l/{}", "1".repeat(10_000)));
    }),
    (
        "lower 100,000 entries",
        "/lower names something unreadable",
        |t| {
            t.put(&t.lower(), &vec!["l/A"; 100_000].join(":"));
        },
    ),
    ("lower a fifo", "/lower names something unreadable", |t| {
        t.fifo(&t.lower())
    }),
    (
        "a short link out of the data root",
        "which is not there",
        |t| {
            t.link("overlay2/l/EVIL", "../../../../../../etc");
            t.put(&t.lower(), "l/EVIL");
        },
    ),
    ("an absolute short link", "which is not there", |t| {
        t.link("overlay2/l/EVIL", "/");
        t.put(&t.lower(), "l/EVIL");
    }),
    (
        "a short link to another place in the data root",
        "which is not there",
        |t| {
            t.link("overlay2/l/EVIL", "../../volumes");
            t.put(&t.lower(), "l/EVIL");
        },
    ),
    (
        "a layer's own short link elsewhere",
        "not reached by its short link",
        |t| {
            t.link(&format!("overlay2/l/{}", t.short(&t.app)), "/etc");
        },
    ),
    ("link 10,000 digits", "not reached by its short link", |t| {
        t.put(
            &format!("overlay2/{}/link", t.app.folder),
            &"A".repeat(10_000),
        );
    }),
    (
        "a folder name with blanks",
        "not a name Docker gives",
        |t| {
            fs::create_dir(t.path.join("overlay2/a b")).unwrap();
        },
    ),
    ("a chain that is none", "not a chain id", |t| {
        fs::create_dir(t.path.join("image/overlay2/layerdb/sha256/..x")).unwrap();
    }),
    (
        "a parent that is none",
        "has a parent that is not there",
        |t| {
            t.put(
                &format!("image/overlay2/layerdb/sha256/{}/parent", t.app.chain),
                "sha256:../../../../etc",
            );
        },
    ),
    // Images.
    ("a config of 4 GB", "has no readable config", |t| {
        let file = fs::File::create(t.path.join(t.config())).unwrap();
        file.set_len(4 << 30).unwrap();
    }),
    ("a config of brackets", "has no readable config", |t| {
        t.put(&t.config(), &"[".repeat(1_000_000));
    }),
    (
        "a config with a diff id of 10,000 digits",
        "has no readable config",
        |t| {
            let diff = "1".repeat(10_000);
            t.put(
                &t.config(),
                &format!(r#"{{"rootfs":{{"diff_ids":["sha256:{diff}"]}}}}"#),
            );
        },
    ),
    ("a config that is a fifo", "has no readable config", |t| {
        t.fifo(&t.config())
    }),
    (
        "a config that is a link",
        "is a symlink, where no daemon makes one",
        |t| t.link(&t.config(), "/etc/passwd"),
    ),
    ("an image of missing layers", "which is not there", |t| {
        let diff = "1".repeat(64);
        t.put(
            &t.config(),
            &format!(r#"{{"rootfs":{{"diff_ids":["sha256:{diff}"]}}}}"#),
        );
    }),
    // Folders that are links.
    ("overlay2 a link", "overlay2", |t| t.divert("overlay2")),
    ("overlay2/l a link", "overlay2/l", |t| {
        t.divert("overlay2/l")
    }),
    ("image a link", "image", |t| t.divert("image")),
    ("image/overlay2 a link", "image/overlay2", |t| {
        t.divert("image/overlay2")
    }),
    ("layerdb a link", "layerdb", |t| {
        t.divert("image/overlay2/layerdb")
    }),
    ("layerdb/sha256 a link", "layerdb/sha256", |t| {
        t.divert("image/overlay2/layerdb/sha256")
    }),
    ("imagedb a link", "imagedb", |t| {
        t.divert("image/overlay2/imagedb")
    }),
    ("volumes a link", "volumes", |t| t.divert("volumes")),
    ("buildkit a link", "buildkit", |t| t.divert("buildkit")),
    // Places that a daemon on the host would write through.
    ("a volume a link", "volumes/db is a symlink", |t| {
        t.divert("volumes/db")
    }),
    (
        "a volume's data a link",
        "volumes/db/_data is a symlink",
        |t| {
            t.link("volumes/db/_data", "/etc");
        },
    ),
    ("a database a link", "buildkit/history.db", |t| {
        t.link("buildkit/history.db", "/etc/cron.d/evil");
    }),
    ("volumes' database a link", "volumes/metadata.db", |t| {
        t.link("volumes/metadata.db", "/etc/cron.d/evil");
    }),
    ("volumes' database a fifo", "volumes/metadata.db", |t| {
        t.fifo("volumes/metadata.db")
    }),
    (
        "a database a device",
        "buildkit/cache.db is not a regular file",
        |t| {
            t.device("buildkit/cache.db");
        },
    ),
    (
        "the build cache's blobs a link",
        "buildkit/content is a symlink",
        |t| {
            t.divert("buildkit/content");
        },
    ),
    ("a mount's work folder a link", "/work is a symlink", |t| {
        t.link(&format!("overlay2/{}/work", t.app.folder), "/tmp");
    }),
    ("a mount's target a link", "/merged is a symlink", |t| {
        t.link(&format!("overlay2/{}/merged", t.app.folder), "/etc");
    }),
    (
        "the names of images a link",
        "repositories.json is a symlink",
        |t| {
            t.divert("image/overlay2/repositories.json");
        },
    ),
    ("an unknown link at the top", "trust is a symlink", |t| {
        t.link("trust", "/etc")
    }),
];
