//! Places in the file system, as far as a script's text names them.

/// A place and everything under it. Absolute paths as they are, `~/…` in the home folder, `./…` in the folder
/// where the script is started, and [`ANYWHERE`].
pub(super) type Place = String;

/// A place that the text does not tell.
pub(super) const ANYWHERE: &str = "*";

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Comes with the image: `/usr`, `/etc`, `/opt` and their like.
    System,
    /// The home folder, which may be mounted.
    Home,
    /// Temporary, or the kernel's.
    Temporary,
    /// Where the script is started.
    Relative,
    /// Anywhere else, such as a mounted folder.
    Elsewhere,
    /// Not told.
    Unknown,
    /// Nothing that stays: `/dev/null` and the standard streams.
    Nothing,
}

const SYSTEM: [&str; 13] = [
    "/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/var", "/srv",
    "/boot", "/nix",
];
const TEMPORARY: [&str; 13] = [
    "/tmp",
    "/var/tmp",
    "/run",
    "/var/run",
    "/var/lock",
    "/dev",
    "/proc",
    "/sys",
    "/var/cache",
    // An engine puts its own ones there, at a build and at a start.
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/mtab",
];
const NOTHING: [&str; 5] = [
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/tty",
];

/// Whether `inner` is `outer` or lies in it.
fn within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn under(place: &str, roots: &[&str]) -> bool {
    roots.iter().any(|root| within(place, root))
}

/// A path as it is written, as a place. `whole` says whether the text goes on with what is not told.
pub(super) fn place(path: &str, whole: bool) -> Place {
    let cut = if whole {
        path
    } else {
        // What is known of it ends with a folder.
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let parts: Vec<&str> = cut
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return ANYWHERE.to_owned();
    }
    let joined = parts.join("/");
    let made = if path.starts_with('/') {
        format!("/{joined}")
    } else if path.starts_with("~/") || path == "~" {
        joined
    } else if joined.is_empty() {
        ".".to_owned()
    } else {
        format!("./{joined}")
    };
    if made == "/" || (!whole && path.is_empty()) {
        return ANYWHERE.to_owned();
    }
    if within(&made, "/root") {
        return format!("~{}", &made["/root".len()..]);
    }
    // Links to the folders of the same names in `/usr`, as a rule.
    let linked = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
    if under(&made, &linked) {
        return format!("/usr{made}");
    }
    if made == "/home" || made.starts_with("/home/") {
        return "~".to_owned();
    }
    made
}

/// What kind of place it is.
pub(super) fn class(place: &str) -> Class {
    if place == ANYWHERE {
        Class::Unknown
    } else if NOTHING.contains(&place) || place.starts_with("/dev/fd") {
        Class::Nothing
    } else if place.starts_with('~') {
        Class::Home
    } else if !place.starts_with('/') {
        Class::Relative
    } else if under(place, &TEMPORARY) {
        Class::Temporary
    } else if under(place, &SYSTEM) {
        Class::System
    } else {
        Class::Elsewhere
    }
}

/// Whether two places may be the same or one inside the other.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    if one == ANYWHERE || other == ANYWHERE {
        return true;
    }
    match (class(one), class(other)) {
        (Class::Nothing, _) | (_, Class::Nothing) => false,
        // Where the script is started may be the home folder or a mounted one, and is no system folder.
        (Class::Relative, Class::System | Class::Temporary)
        | (Class::System | Class::Temporary, Class::Relative) => looks_absolute(one, other),
        (Class::Relative, _) | (_, Class::Relative) => true,
        _ => within(one, other) || within(other, one),
    }
}

/// Whether a relative path would be a system's if the script was started at the root.
fn looks_absolute(one: &str, other: &str) -> bool {
    let (relative, absolute) = if one.starts_with('.') {
        (one, other)
    } else {
        (other, one)
    };
    let from_root = relative.trim_start_matches('.');
    !from_root.is_empty() && (within(absolute, from_root) || within(from_root, absolute))
}

#[cfg(test)]
mod tests {
    use super::{Class, class, overlap, place};

    #[test]
    fn a_path_is_a_place_of_a_kind() {
        for (path, whole, expected, kind) in [
            ("/etc//apt/./x", true, "/etc/apt/x", Class::System),
            ("/etc/apt/x", false, "/etc/apt", Class::System),
            ("/", true, "*", Class::Unknown),
            ("", false, "*", Class::Unknown),
            ("/opt/../root", true, "*", Class::Unknown),
            ("/bin/sh", true, "/usr/bin/sh", Class::System),
            ("~/.bashrc", true, "~/.bashrc", Class::Home),
            ("/root/.ssh", true, "~/.ssh", Class::Home),
            ("/home/dev/x", true, "~", Class::Home),
            ("/var/tmp/x", true, "/var/tmp/x", Class::Temporary),
            ("/dev/null", true, "/dev/null", Class::Nothing),
            ("package.json", true, "./package.json", Class::Relative),
            ("/workspace/x", true, "/workspace/x", Class::Elsewhere),
            ("/usrlocal", true, "/usrlocal", Class::Elsewhere),
        ] {
            let found = place(path, whole);
            assert_eq!((found.as_str(), class(&found)), (expected, kind), "{path}");
        }
    }

    #[test]
    fn places_overlap_where_one_may_hold_the_other() {
        for (one, other, expected) in [
            ("/etc", "/etc/apt", true),
            ("/etc/a", "/etc/ab", false),
            ("~", "~/.npmrc", true),
            ("~/.npmrc", "~/.gitconfig", false),
            ("./x", "~/.npmrc", true),
            ("./x", "/usr/bin", false),
            ("./usr", "/usr/bin", true),
            (".", "/usr/bin", false),
            ("*", "/usr", true),
            ("*", "/dev/null", true),
            ("/dev/null", "/dev/null", false),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }
}
