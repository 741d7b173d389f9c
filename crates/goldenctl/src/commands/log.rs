use std::fs::File;

use cachecore::layout::BUILD_LOG;

use crate::cli::{Global, Log};
use crate::failure::Failure;
use crate::{exit, private_daemon};

pub(super) fn run(global: &Global, args: &Log) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let project = &args.project;
    let state = store.project_state(project)?;
    let running = state.building.iter().map(|running| &running.build);
    let mut builds = running.chain(state.last_builds.iter().map(|summary| &summary.build));
    let build = match &args.build {
        None => builds.next().ok_or_else(|| Failure::NoBuild {
            project: project.clone(),
        })?,
        Some(wanted) => {
            builds
                .find(|build| *build == wanted)
                .ok_or_else(|| Failure::UnknownBuild {
                    project: project.clone(),
                    build: wanted.clone(),
                })?
        }
    };
    let path = store
        .layout()
        .build(build)
        .join(BUILD_LOG)
        .into_std_path_buf();
    let copied = File::open(&path)
        .and_then(|mut log| std::io::copy(&mut log, &mut std::io::stdout().lock()));
    match copied {
        Ok(_) => Ok(exit::OK),
        // `goldenctl log p | head` is no failure.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(exit::OK),
        // The build was killed before it could say anything.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(exit::OK),
        Err(source) => Err(Failure::Io {
            action: "print",
            path,
            source,
        }),
    }
}
