use std::io;

use cachecore::collection::KeptBecause;
use cachecore::promotion::Refusal;
use cachecore::size;

use super::StoreError;

impl StoreError {
    /// What to do next, where there is something to say.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotRoot { .. } => "run it as root, for example with sudo".to_owned(),
            Self::NoStore { root } => format!("make one with: goldenctl --root {} init", root.display()),
            Self::NotMounted { root, .. } => format!(
                "mount it with: goldenctl --root {} init --btrfs-image",
                root.display()
            ),
            Self::NoProgram { package, .. } => {
                format!("install it; on Debian it is in the package {package}")
            }
            Self::Program { program, .. } if program == "mount" => {
                "loop devices are needed: load the module `loop`, and in a container pass \
                 /dev/loop-control and some /dev/loop*"
                    .to_owned()
            }
            Self::Moved { made, .. } => {
                format!("move it back to {}, or bind-mount it there", made.display())
            }
            Self::UnknownProject { .. } => {
                "`goldenctl ls` lists the projects; `goldenctl build` makes a golden".to_owned()
            }
            Self::NoGolden { .. } => {
                "make one with `goldenctl build` or `goldenctl import`".to_owned()
            }
            Self::Refused { refusal: Refusal::NotADataRoot, .. } => {
                "`docker info` says where a daemon has its data root, as Docker Root Dir".to_owned()
            }
            Self::UnknownSession { .. } => "`goldenctl session ls` lists the sessions".to_owned(),
            Self::SessionExists { session } => format!(
                "take another id, or remove it with: goldenctl session rm {session}"
            ),
            Self::Busy { .. } => "try again when it has ended".to_owned(),
            Self::DaemonAlive { .. } => "stop the daemon and wait until it is gone".to_owned(),
            Self::Mounted { .. } => "stop what uses the mount, or unmount it".to_owned(),
            Self::InUse { .. } => "end what has it mounted, such as the session's container".to_owned(),
            Self::MovedOn { .. } => {
                "start a session from the newer golden and repeat the work there, or promote this \
                 one all the same with --force"
                    .to_owned()
            }
            Self::Refused { refusal: Refusal::Damaged(_), .. } => {
                "start a daemon on a copy of it to see what it says, or build the golden anew"
                    .to_owned()
            }
            Self::LayerDiffers { .. } => {
                "one of the two was changed after it was made: do not promote either before you \
                 know which"
                    .to_owned()
            }
            Self::NoSpace { collectable, evictable, .. } => match (collectable, evictable) {
                (Some(collectable), Some(evictable)) => format!(
                    "remove sessions, or make room with `goldenctl gc`: it would return {}, and up to \
                     {} with --max-size",
                    size::show(*collectable),
                    size::show(*evictable)
                ),
                _ => "remove sessions, or make room with `goldenctl gc`".to_owned(),
            },
            Self::GoldenInUse { because: KeptBecause::Leased { .. }, .. } => {
                "remove or promote these sessions first: goldenctl session rm".to_owned()
            }
            Self::GoldenInUse { .. } => "try again when it has ended".to_owned(),
            Self::NotSuperseded { project, .. } => format!(
                "the serving generation goes with the whole golden: goldenctl rm {project}"
            ),
            Self::LayerUnsound { .. } => {
                "the layer was changed after it was made: build the golden anew, or promote it all the \
                 same with --trust-layers"
                    .to_owned()
            }
            Self::LayerQuarantined { .. } => {
                "build the golden anew with `goldenctl build`, and repeat the work in a session of it"
                    .to_owned()
            }
            Self::Quarantined { project, generation, older, .. } => {
                let anew = format!(
                    "build it anew with `goldenctl build {project}`, which starts from empty, or import it again"
                );
                let lift = format!(
                    "`goldenctl verify {project}` lifts the quarantine if generation {generation} is well by now"
                );
                match older {
                    Some(older) => format!(
                        "{anew}; until then, roll back: generation {older} is well, start from it with \
                         --generation {older}; {lift}"
                    ),
                    None => format!("{anew}; {lift}"),
                }
            }
            Self::UnknownGeneration { project, .. } => {
                format!("`goldenctl verify {project}` lists its generations")
            }
            Self::NestedSubvolume { subvolume, .. } => format!(
                "put a plain folder in its place, with what is in it, or remove it with: btrfs \
                 subvolume delete {}",
                subvolume.display()
            ),
            Self::Strategy(_) => "leave the choice to --strategy auto".to_owned(),
            Self::ImagesInside { .. } => {
                "leave --containerd out, or build the golden anew after `goldenctl rm`".to_owned()
            }
            Self::NotBeside { .. } => {
                "leave --containerd out for a daemon that starts its own containerd".to_owned()
            }
            Self::CannotMove { .. } => {
                "use --copy, and remove the data root yourself afterwards".to_owned()
            }
            _ => return self.help_by_the_system().map(str::to_owned),
        })
    }

    /// What to do where the state of the filesystem is why the system refused.
    fn help_by_the_system(&self) -> Option<&'static str> {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match self.refused_by_the_system()? {
            StorageFull | QuotaExceeded => {
                Some("remove sessions, or make room with `goldenctl gc`, and try again")
            }
            ReadOnlyFilesystem => Some(
                "mount the filesystem writable and try again; if nobody made it read-only, `dmesg` says why",
            ),
            _ => None,
        }
    }
}
