use crate::ending::{BUSY, Ours};
use crate::place::BRIEF;

use super::{Complaint, Worker};

impl Worker<'_> {
    /// A project that nobody else touches, but for those who collect what lies idle: it is made, used
    /// and removed.
    pub(super) fn make_and_remove_a_project(&mut self) -> Result<(), Complaint> {
        let project = format!("{BRIEF}{}", self.number);
        let source = self.project();
        let incoming = self.place.incoming(source);
        let import = ["import", &project, "--copy", "--from", incoming.as_str()];
        let imported = self.run(&import, Ours::Alone, true)?;
        if imported.status.code() != Some(0) {
            // The next time it goes on where it was.
            return Ok(());
        }
        self.count += 1;
        let id = format!("b{}-{}", self.number, self.count);
        let started = self.run(&["session", "start", &project, &id], Ours::Alone, true)?;
        let rm = ["rm", &project];
        if started.status.success() {
            let refused = self.run(&rm, Ours::Alone, false)?;
            if refused.status.code() != Some(BUSY) {
                return Err(format!("{project} was removed while {id} leased it"));
            }
        }
        self.insist(&["session", "rm", &id], Ours::Shared)?;
        let removed = self.insist(&rm, Ours::Shared)?;
        let folder = self.place.root().join("golden").join(&project);
        let left: Vec<String> = crate::model::names(&folder)
            .into_iter()
            .filter(|name| name == "current" || name.starts_with("gen-"))
            .collect();
        if !left.is_empty() {
            return Err(format!("{folder} has {left:?} after {removed:?}"));
        }
        Ok(())
    }
}
