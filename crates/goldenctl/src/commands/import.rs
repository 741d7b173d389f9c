use goldenstore::ImportRequest;

use super::session::answer_promotion;
use crate::cli::{Global, Import};
use crate::exit;
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::progress::Progress;

pub(super) fn run(global: &Global, args: &Import) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let request = ImportRequest {
        project: args.project.clone(),
        from: args.from.clone(),
        copy: args.copy,
        volumes: args.volumes.volumes(),
        revision: args.revision.clone(),
    };
    let progress = Progress::new("importing", interrupt::watch(Interactive::No));
    let report = match &args.containerd {
        Some(containerd) => store.import_with_containerd(&request, containerd, &progress)?,
        None => store.import(&request, &progress)?,
    };
    drop(progress);
    answer_promotion(global, &report);
    Ok(exit::OK)
}
