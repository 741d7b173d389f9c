use std::time::Duration;

use super::session::show_promotion;
use crate::cli::{Build, Global};
use crate::failure::Failure;
use crate::golden_build::{self, BuildRequest};
use crate::interrupt::{self, Interactive};
use crate::progress::Progress;
use crate::{exit, show};

pub(super) fn run(global: &Global, args: &Build) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let request = BuildRequest {
        project: args.project.clone(),
        startup: args.startup.clone(),
        timeout: args.timeout,
        revision: args.revision.clone(),
        volumes: args.volumes.volumes(),
        trust_layers: args.trust_layers,
        containerd: args.containerd,
        daemon: &args.daemon,
        folder: None,
        startup_file: None,
    };
    let interrupted = interrupt::watch(Interactive::No);
    let progress = Progress::new("cloning the golden", interrupted.clone());
    let built = golden_build::build(&store, &request, &interrupted, &progress);
    drop(progress);
    let report = match built {
        Ok(report) => report,
        Err(failure) => {
            if let (true, Failure::Build { build, .. }) = (global.json, &failure) {
                show::json(&store.build_result(build)?);
            }
            return Err(failure);
        }
    };
    if global.json {
        show::json(&report);
        return Ok(exit::OK);
    }
    show_promotion(&report.promoted);
    let ms = |ms| show::duration(Duration::from_millis(ms));
    let phases = &report.phases_ms;
    show::paragraphs(&[(
        "took",
        format!(
            "clone {} ({}), daemon {}, startup command {}, stop {}, promotion {}",
            ms(phases.clone),
            report.strategy,
            ms(phases.daemon),
            ms(phases.startup),
            ms(phases.stop),
            ms(phases.promote)
        ),
    )]);
    Ok(exit::OK)
}
