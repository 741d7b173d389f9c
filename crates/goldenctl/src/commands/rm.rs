use cachecore::id::Generation;

use super::gc::all_done;
use crate::cli::{Global, Rm};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::progress::Progress;
use crate::show;

pub(super) fn run(global: &Global, args: &Rm) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let progress = Progress::new("removing", interrupt::watch(Interactive::No));
    let report = match args.generation {
        None => store.remove_golden(&args.project, &progress)?,
        Some(number) => {
            store.remove_generation(&args.project, Generation::new(number), &progress)?
        }
    };
    drop(progress);
    if global.json {
        show::json(&report);
    } else {
        let what = match args.generation {
            None => format!("the golden of {} is removed", args.project),
            Some(number) => format!("generation {number} of {} is removed", args.project),
        };
        show::line(&format!(
            "{what}: {} and {}, {}",
            show::count(report.generations.len() as u64, "generation"),
            show::count(report.layers, "layer"),
            show::size(report.bytes)
        ));
    }
    all_done(&report.failed, &[])
}
