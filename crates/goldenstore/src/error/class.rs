use std::io;

use cachecore::promotion::Refusal;

use super::StoreError;

/// What kind of failure it was: what a program decides on, and what exit codes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// It failed.
    Failed,
    /// What was named is not there.
    NotFound,
    /// Somebody else holds it; trying later may help.
    Busy,
    /// What is on disk is not what it should be.
    Integrity,
    /// What was asked for makes no sense.
    Usage,
}

impl StoreError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::NoStore { .. }
            | Self::NotMounted { .. }
            | Self::UnknownProject { .. }
            | Self::NoGolden { .. }
            | Self::UnknownSession { .. }
            | Self::UnknownGeneration { .. }
            | Self::UnknownVolume { .. } => ErrorClass::NotFound,
            Self::SessionExists { .. }
            | Self::Busy { .. }
            | Self::DaemonAlive { .. }
            | Self::Mounted { .. }
            | Self::GoldenInUse { .. }
            | Self::InUse { .. } => ErrorClass::Busy,
            Self::Refused {
                refusal: Refusal::Damaged(_),
                ..
            }
            | Self::Record { .. }
            | Self::Moved { .. }
            | Self::LayerDiffers { .. }
            | Self::LayerUnsound { .. }
            | Self::LayerQuarantined { .. }
            | Self::Quarantined { .. }
            | Self::TooLarge { .. }
            | Self::Unexpected { .. } => ErrorClass::Integrity,
            Self::Id(_) | Self::NotSuperseded { .. } => ErrorClass::Usage,
            Self::NotRoot { .. }
            | Self::NoProgram { .. }
            | Self::Program { .. }
            | Self::UnsuitableRoot { .. }
            | Self::PartOfTheStore { .. }
            | Self::MovedOn { .. }
            | Self::NoSpace { .. }
            | Self::NotPromotable { .. }
            | Self::NestedSubvolume { .. }
            | Self::Refused { .. }
            | Self::Strategy(_)
            | Self::CannotMove { .. }
            | Self::ImagesInside { .. }
            | Self::NotBeside { .. }
            | Self::Interrupted
            | Self::CollectionInterrupted { .. }
            | Self::Tree { .. }
            | Self::Io { .. } => ErrorClass::Failed,
        }
    }

    /// Whether nothing can be written just now, because the filesystem is full or can only be read.
    pub(crate) fn nothing_can_be_written(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kind = self.refused_by_the_system();
        matches!(kind, Some(StorageFull | QuotaExceeded | ReadOnlyFilesystem))
    }

    /// How the system refused, if it did.
    pub(super) fn refused_by_the_system(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. }
            | Self::Tree {
                source: treeclone::Error::Io { source, .. },
                ..
            } => Some(source.kind()),
            _ => None,
        }
    }
}
