use cachecore::record::Purpose;
use goldenstore::{ImportRequest, Store};

use super::session::answer_promotion;
use crate::cli::{Global, Import};
use crate::exit;
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
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
    let imported = match &args.containerd {
        Some(containerd) => store.import_with_containerd(&request, containerd, &progress),
        None => store.import(&request, &progress),
    };
    drop(progress);
    let report =
        imported.map_err(|e| Failure::from(e).if_interrupted(|| kept(&store, &request)))?;
    answer_promotion(global, &report);
    Ok(exit::OK)
}

/// A data root is where it was, or in the session that carries it into the store.
fn kept(store: &Store, request: &ImportRequest) -> Kept {
    let sessions = store.list_sessions().unwrap_or_default().into_iter();
    let of_this = sessions.map(|info| info.record).find(|record| {
        let name = request.from.file_name();
        let carries = |from: &camino::Utf8Path| from.file_name() == name;
        record.project == request.project
            && matches!(&record.purpose, Purpose::Import { from, .. } if carries(from))
    });
    match of_this {
        Some(record) => Kept::OnItsWay {
            session: record.session,
        },
        None => Kept::Source {
            from: request.from.clone(),
        },
    }
}
