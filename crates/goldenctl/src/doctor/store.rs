use cachecore::image;
use cachecore::layout;
use cachecore::space::Disk;
use cachecore::strategy::Filesystem;
use camino::Utf8Path;
use goldenstore::{Store, StoreError, UnusableSession};

use super::Check;
use crate::show;

pub(super) fn checks(root: &Utf8Path) -> Vec<Check> {
    let store = match Store::open(root) {
        Ok(store) => store,
        Err(e @ StoreError::NoStore { .. }) => {
            return vec![Check::note("store", e.to_string(), advice(&e))];
        }
        Err(e) => return vec![Check::failure("store", e.to_string(), advice(&e))],
    };
    let root = store.layout().root();
    let mut checks = vec![Check::ok("store", root.as_str())];
    checks.extend(filesystem(&store));
    checks.extend(image(root));
    checks.extend(space(&store));
    checks.extend(projects(&store));
    checks.extend(sessions(&store));
    checks.extend(trash(&store));
    checks
}

fn advice(e: &StoreError) -> String {
    e.help().unwrap_or_else(|| "see the message".to_owned())
}

fn filesystem(store: &Store) -> Vec<Check> {
    vec![match store.filesystem() {
        Err(e) => Check::failure("filesystem", e.to_string(), advice(&e)),
        Ok(Filesystem::Btrfs) => Check::ok("filesystem", "btrfs: snapshot, link, reflink and copy"),
        Ok(Filesystem::Xfs) => Check::ok("filesystem", "xfs: link, reflink and copy"),
        Ok(Filesystem::Tmpfs) => Check::note(
            "filesystem",
            "tmpfs: link and copy, and goldens end with the machine",
            "make the store on a disk",
        ),
        Ok(other) => Check::ok("filesystem", format!("{other}: link and copy")),
    }]
}

/// Whether the image that the store lies in, if it does, is mounted after a reboot too.
fn image(root: &Utf8Path) -> Option<Check> {
    let image = image::image_of(root);
    if !image.is_file() {
        return None;
    }
    let unit =
        Utf8Path::new("/etc/systemd/system/local-fs.target.wants").join(image::unit_name(root));
    let fstab = std::fs::read_to_string("/etc/fstab").unwrap_or_default();
    let in_fstab = fstab.lines().any(|line| line.starts_with(image.as_str()));
    Some(if unit.exists() || in_fstab {
        Check::ok("image", format!("{image}, mounted after a reboot too"))
    } else {
        Check::note(
            "image",
            format!("{image} is not mounted after a reboot"),
            format!("add to /etc/fstab: {}", image::fstab_line(root)),
        )
    })
}

/// What is little: less than a twentieth.
const LITTLE: u64 = 20;

fn space(store: &Store) -> Vec<Check> {
    let Disk { free, total } = match store.disk() {
        Ok(disk) => disk,
        Err(e) => return vec![Check::failure("free space", e.to_string(), advice(&e))],
    };
    let says = format!("{} of {}", show::size(free.bytes), show::size(total.bytes));
    let mut checks = vec![if free.bytes < total.bytes / LITTLE {
        Check::note("free space", says, "make room: `goldenctl gc`")
    } else {
        Check::ok("free space", says)
    }];
    if total.inodes < u64::MAX {
        let says = format!("{} of {}", free.inodes, total.inodes);
        checks.push(if free.inodes < total.inodes / LITTLE {
            Check::note("free inodes", says, "remove sessions or goldens")
        } else {
            Check::ok("free inodes", says)
        });
    }
    checks
}

fn projects(store: &Store) -> Vec<Check> {
    let projects = match store.projects() {
        Ok(projects) => projects,
        Err(e) => return vec![Check::failure("goldens", e.to_string(), advice(&e))],
    };
    let mut checks = Vec::new();
    let mut goldens = 0;
    for project in &projects {
        let looked = store
            .project_state(project)
            .and_then(|_| store.serving(project));
        match looked {
            Ok(golden) => goldens += usize::from(golden.is_some()),
            Err(e) => checks.push(Check::failure("goldens", e.to_string(), advice(&e))),
        }
    }
    checks.push(Check::ok(
        "goldens",
        format!("{goldens} of {} projects have one", projects.len()),
    ));
    checks
}

fn sessions(store: &Store) -> Vec<Check> {
    vec![match store.list_sessions() {
        Ok(sessions) => Check::ok("sessions", sessions.len().to_string()),
        Err(e) => Check::failure("sessions", e.to_string(), advice(&e)),
    }]
    .into_iter()
    .chain(unusable(store))
    .collect()
}

fn unusable(store: &Store) -> Vec<Check> {
    let found = store.unusable_sessions().unwrap_or_default();
    let check = |found: UnusableSession| {
        Check::failure(
            "session",
            format!("{}: {}", found.session, found.unusable),
            format!("remove it with: goldenctl session rm {}", found.session),
        )
    };
    found.into_iter().map(check).collect()
}

fn trash(store: &Store) -> Vec<Check> {
    let trash = store.layout().root().join(layout::TRASH);
    let waiting = std::fs::read_dir(&trash).map_or(0, Iterator::count);
    vec![if waiting == 0 {
        Check::ok("trash", "empty")
    } else {
        Check::note(
            "trash",
            format!("{waiting} removals were not finished"),
            "`goldenctl gc` finishes them",
        )
    }]
}
