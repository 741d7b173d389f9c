use crate::cli::{EnsureArgs, WishArgs};
use crate::daemon::Daemon;
use crate::ensure::{self, Pull, Wishes};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::state::State;
use crate::{exit, read, show};

pub(super) fn run(args: &EnsureArgs, json: bool) -> Result<u8, Failure> {
    let subject = read::load(&args.spec)?;
    let ensured = ensure::ensure(
        &subject,
        &Daemon::from_environment(),
        &State::from_environment()?,
        wishes(&args.wishes),
        &mut Progress::begin(),
    )?;
    show::stages(&ensured);
    if json {
        show::json(&ensured);
    } else {
        show::line(&ensured.image);
    }
    Ok(exit::OK)
}

/// What the flags ask for.
pub(super) fn wishes(args: &WishArgs) -> Wishes {
    Wishes {
        timeout: args.timeout,
        pull: if args.pull {
            Pull::Always
        } else {
            Pull::IfAbsent
        },
        retry: args.retry,
    }
}
