use std::sync::atomic::Ordering;

use cachecore::id::Generation;

use super::gc::all_done;
use crate::cli::{Global, Rm};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::show;

pub(super) fn run(global: &Global, args: &Rm) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let interrupted = interrupt::watch(Interactive::No);
    let progress = Progress::new("removing", interrupted.clone());
    let removed = match args.generation {
        None => store.remove_golden(&args.project, &progress),
        Some(number) => store.remove_generation(&args.project, Generation::new(number), &progress),
    };
    drop(progress);
    let report = removed.map_err(|e| Failure::from(e).if_interrupted(|| Kept::Everything))?;
    let what = match args.generation {
        None => format!("the golden of {}", args.project),
        Some(number) => format!("generation {number} of {}", args.project),
    };
    if global.json {
        show::json(&report);
    } else {
        show::line(&format!(
            "{what} is removed: {} and {}, {}",
            show::count(report.generations.len() as u64, "generation"),
            show::count(report.layers, "layer"),
            show::size(report.bytes)
        ));
    }
    all_done(&report.failed, &[]).and_then(|code| match interrupted.load(Ordering::SeqCst) {
        // Its files are still being deleted.
        true => Err(Failure::Interrupted {
            kept: Kept::Gone { what },
        }),
        false => Ok(code),
    })
}
