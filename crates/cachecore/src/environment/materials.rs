//! What is read for a spec: the scripts, the files beside them, and what the base image is.

use camino::{Utf8Path, Utf8PathBuf};

use super::spec::{Script, Spec};

/// Under which name an inline script lies beside its sources.
const INLINE: &str = "inline.sh";

/// The files of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materials {
    /// Those of each stage, in the order of [`Spec::stages`].
    pub stages: Vec<Files>,
    /// Those of the run script, if there is one.
    pub run: Option<Files>,
}

/// A script and what lies beside it when it runs. Paths are named from the spec's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The script.
    pub script: File,
    /// The files beside it.
    pub sources: Vec<File>,
}

/// A file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the spec's folder, without `..`.
    pub path: Utf8PathBuf,
    /// Whether it may be executed. What else a mode says differs from machine to machine, by the umask of
    /// whoever checked the file out, and comes into no image.
    pub executable: bool,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What a base image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its name, as the spec has it.
    pub name: String,
    /// Its id on the daemon, `sha256:` and 64 hex digits. Never the name: that stands for another image after
    /// a pull.
    pub id: String,
    /// The user that it has; empty for root.
    pub user: String,
}

impl File {
    /// Its mode wherever a script finds it: 0755 or 0644.
    pub fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

impl Files {
    /// The script first, then what lies beside it.
    pub fn all(&self) -> impl Iterator<Item = &File> {
        std::iter::once(&self.script).chain(&self.sources)
    }
}

impl Script {
    /// Where it lies when it runs, from the folder of scripts.
    pub fn path(&self) -> &Utf8Path {
        match self {
            Self::File(path) => path,
            Self::Inline(_) => Utf8Path::new(INLINE),
        }
    }
}

impl Materials {
    /// Reads the files of a spec. `read` is given each path of the spec, and says what is there; inline
    /// scripts are in the spec and not read.
    ///
    /// # Errors
    /// The first that `read` has.
    pub fn gather<E>(
        spec: &Spec,
        mut read: impl FnMut(&Utf8Path) -> Result<File, E>,
    ) -> Result<Self, E> {
        let mut files = |script: &Script, sources: &[Utf8PathBuf]| {
            let script = match script {
                Script::File(path) => read(path)?,
                Script::Inline(text) => File {
                    path: script.path().to_owned(),
                    executable: false,
                    bytes: text.clone().into_bytes(),
                },
            };
            let sources = sources.iter().map(|path| read(path));
            Ok(Files {
                script,
                sources: sources.collect::<Result<_, E>>()?,
            })
        };
        let stages = spec.stages.iter();
        let stages = stages.map(|stage| files(&stage.script, &stage.sources));
        let stages = stages.collect::<Result<_, E>>()?;
        let run = spec.run.as_ref();
        let run = run
            .map(|run| files(&run.script, &run.sources))
            .transpose()?;
        Ok(Self { stages, run })
    }
}
