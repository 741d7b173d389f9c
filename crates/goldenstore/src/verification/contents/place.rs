use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use crate::error::StoreError;
use crate::handle::Handle;

/// A layer's folder, and the folder in it that was last entered: the next entry of an archive mostly
/// lies there too.
pub(super) struct Place<'a> {
    folder: &'a Handle,
    last: Option<(Vec<u8>, Rc<Handle>)>,
}

impl<'a> Place<'a> {
    pub(super) fn new(folder: &'a Handle) -> Self {
        Self { folder, last: None }
    }

    /// The layer's folder.
    pub(super) fn folder(&self) -> &'a Handle {
        self.folder
    }

    /// The folder at this path, if there is one, and whether it is another than the last.
    pub(super) fn enter(&mut self, path: &[u8]) -> Result<Option<(Rc<Handle>, bool)>, StoreError> {
        if let Some((last, handle)) = &self.last
            && last == path
        {
            return Ok(Some((Rc::clone(handle), false)));
        }
        self.last = self
            .folder
            .beneath(path)?
            .map(|handle| (path.to_vec(), Rc::new(handle)));
        let entered = self.last.as_ref();
        Ok(entered.map(|(_, handle)| (Rc::clone(handle), true)))
    }
}

/// The folder that a path lies in, and its name there.
pub(super) fn split(path: &[u8]) -> (&[u8], &OsStr) {
    let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&b""[..], path),
    };
    (parent, OsStr::from_bytes(name))
}
